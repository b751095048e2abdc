// The test program replaces operator new by one that counts, to show that a loop stays off the heap.
#pragma once

#include <cstddef>

namespace slalom::test {

/// Calls of operator new so far, on all threads.
std::size_t allocations();

}  // namespace slalom::test
