#include "slalom/base/parallel.hpp"

namespace slalom {

int threads() {
  return omp_get_max_threads();
}

void set_threads(int count) {
  if (count > 0) omp_set_num_threads(count);
}

}  // namespace slalom
