#include "slalom/cli/cli.hpp"
#include "slalom/kernels/gemm.hpp"

int main(int argc, char** argv) {
  slalom::choose_blas_core(argv);
  return slalom::run_cli(argc, argv);
}
