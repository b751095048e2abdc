#include <csignal>

#include "slalom/cli/cli.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/openai/command.hpp"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);  // who reads the answers has gone: nothing more is worth asking
  slalom::configure_runtime(argv);
  return slalom::run_program(argc, argv, slalom::run_openai);
}
