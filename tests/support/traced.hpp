// A program in slow motion: what is on disk at each moment at which it could be killed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace slalom::test {

/// Runs a program, stdout and stderr closed, and calls look() before each of its calls that give or take a
/// file's name: the disk is then as a kill at that moment would leave it. Kills the program once look() is
/// false. The exit status, or 128 + the signal that ended it; nullopt where the system forbids tracing.
std::optional<int> run_in_steps(const std::vector<std::string>& command, const std::function<bool()>& look);

}  // namespace slalom::test
