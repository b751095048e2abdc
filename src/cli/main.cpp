#include <csignal>

#include "slalom/cli/cli.hpp"
#include "slalom/kernels/gemm.hpp"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);  // a closed pipe ends us quietly, whatever the parent process ignores
  slalom::configure_runtime(argv);
  return slalom::run_program(argc, argv, slalom::run_cli);
}
