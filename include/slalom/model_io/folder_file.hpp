// The files of a model folder, which people get by clones and downloads that go wrong.
#pragma once

#include <string>

namespace slalom {

/// Whether there is such a file. Throws Error naming it if it stands for something else: a Git LFS pointer, a
/// web page, or nothing at all.
bool is_there(const std::string& path);

}  // namespace slalom
