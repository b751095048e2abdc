// One thread.
#include "slalom/base/parallel.hpp"

namespace slalom {

void detail::run_blocks(Index blocks, void (*run)(const void* body, Index block), const void* body) {
  for (Index b = 0; b < blocks; ++b) run(body, b);
}
int threads() {
  return 1;
}
int thread_number() {
  return 0;
}

}  // namespace slalom
