// The number of a token in its vocabulary.
#pragma once

#include <cstdint>

namespace slalom {

using TokenId = std::int32_t;

}  // namespace slalom
