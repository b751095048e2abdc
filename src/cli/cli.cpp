#include "slalom/cli/cli.hpp"

#include <csignal>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>

#include "slalom/base/error.hpp"
#include "slalom/base/interrupt.hpp"
#include "slalom/cli/messages.hpp"

namespace slalom {

const std::vector<Command>& commands() {
  static const std::vector<Command> list = {
      {"train", "train a classifier from random weights or from a folder", run_train},
      {"predict", "logits and log-odds of each row", run_predict},
      {"inspect", "activations, attention, gradients, parameters", run_inspect},
      {"audit", "is this model additive? proofs, repetition curves, distances", run_audit},
      {"explain", "scores of a text's tokens, with their fidelity", run_explain},
      {"compare", "several methods on the same texts, and how far they agree", run_compare},
      {"evaluate", "insertion, deletion, removal, agreement", run_evaluate},
      {"fit", "a surrogate of rows that carry log-odds", run_fit},
      {"convert", "a folder's weights as safetensors", run_convert},
      {"tokenize", "token ids and byte offsets of texts; a vocabulary from a corpus", run_tokenize},
      {"info", "version, BLAS kernels, threads, rate; a model's card", run_info}};
  return list;
}

namespace {

void print_usage(std::ostream& out) {
  out << "usage: slalom COMMAND [options]\n\n";
  for (const Command& c : commands())
    out << "  " << c.name << std::string(10 - std::strlen(c.name), ' ') << c.summary << "\n";
  out << "\nslalom COMMAND --help lists a command's options, slalom --version the version.\n";
}

int dispatch(int argc, char** argv) {
  const std::string wanted = argc > 1 ? argv[1] : "";
  if (wanted == "--version") {
    std::cout << "slalom " << SLALOM_VERSION << "\n";
    return 0;
  }
  if (wanted == "--help" || wanted == "-h" || wanted == "help") {
    print_usage(std::cout);
    return 0;
  }
  for (const Command& c : commands())
    if (wanted == c.name) return c.run(argc - 1, argv + 1);
  if (wanted.empty()) {
    print_usage(std::cerr);
    return static_cast<int>(ExitStatus::usage);
  }
  throw UsageError("unknown command \"" + wanted + "\"", "slalom --help lists the commands");
}

}  // namespace

int run_cli(int argc, char** argv) {
  return run_program(argc, argv, dispatch);
}

int run_program(int argc, char** argv, int (*body)(int, char**)) {
  try {
    catch_interrupts();
    std::signal(SIGXFSZ, SIG_IGN);  // a file that may grow no more is an error of the write
    const int status = body(argc, argv);
    std::cout.flush();
    if (!std::cout) throw Error("stdout: cannot write");
    return status;
  } catch (const Error& e) {
    say_error(e);
    return static_cast<int>(e.status());
  } catch (const std::bad_alloc&) {
    say("error: out of memory");
  } catch (const std::exception& e) {  // the standard library's own, such as std::filesystem's
    say(text("error: ", e.what()));
  }
  return static_cast<int>(ExitStatus::bad_input);
}

}  // namespace slalom
