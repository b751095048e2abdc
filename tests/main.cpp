#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "slalom/kernels/gemm.hpp"

int main(int argc, char** argv) {
  slalom::configure_runtime(argv);  // the tests run on the kernels that the programs run on
  return doctest::Context(argc, argv).run();
}
