#include "slalom/cli/cli.hpp"

#include <csignal>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>

#include "slalom/base/interrupt.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/cli/help.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom {

const std::vector<Command>& commands() {
  static const std::vector<Command> list = {
      train_command(),    predict_command(), inspect_command(),  audit_command(), verify_command(),
      explain_command(),  compare_command(), evaluate_command(), fit_command(),   convert_command(),
      tokenize_command(), merge_command(),   info_command()};
  return list;
}

namespace {

std::string usage() {
  std::string out = "usage: slalom COMMAND [options]\n\n";
  for (const Command& c : commands())
    out += "  " + c.name + std::string(10 - c.name.size(), ' ') + c.summary + "\n";
  return out +
         "\nslalom COMMAND --help names the options, slalom help COMMAND explains them,\n"
         "slalom --version the version, slalom help man a manual page.\n";
}

const Command& command_named(const std::string& name) {
  for (const Command& c : commands())
    if (name == c.name) return c;
  throw UsageError("unknown command \"" + name + "\"", "slalom --help lists the commands");
}

std::string help(const std::vector<std::string>& topic) {
  if (topic.empty()) return usage();
  if (topic[0] == "man") return man_page(commands());
  if (topic[0] == "markdown") return markdown_reference(commands());
  if (topic[0] == "complete") return completions(commands(), {topic.begin() + 1, topic.end()});
  return full_help(command_named(topic[0]));
}

}  // namespace

int run_cli(int argc, char** argv) {
  const std::string wanted = argc > 1 ? argv[1] : "";
  if (wanted.empty()) {
    std::cerr << usage();
    return static_cast<int>(ExitStatus::usage);
  }
  if (wanted == "--version") {
    std::cout << "slalom " << SLALOM_VERSION << "\n";
  } else if (wanted == "--help" || wanted == "-h" || wanted == "help") {
    std::cout << help({argv + 2, argv + argc});
  } else {
    const Command& command = command_named(wanted);
    const auto parsed = parse_options(command, argc - 1, argv + 1);
    if (parsed) return command.run(*parsed);
  }
  return 0;
}

namespace {

std::string without_middle(const std::string& visible_text) {
  constexpr std::size_t kHalf = 498;
  const std::u32string all = code_points(visible_text);
  if (all.size() <= 2 * kHalf + 3) return visible_text;
  return utf8_of(all.substr(0, kHalf)) + "..." + utf8_of(all.substr(all.size() - kHalf));
}

}  // namespace

void say(const std::string& line) {
  std::cerr << without_middle(visible(line)) + "\n";
}

void say_threads(ProgressMode progress) {
  if (is_shown(progress)) say(threads_text());
}

void say_error(const Error& error) {
  say(concat("error: ", error.what()));
  if (!error.hint().empty()) std::cerr << without_middle(visible("hint: " + error.hint(), true)) + "\n";
}

int run_program(int argc, char** argv, const std::function<int(int, char**)>& body) {
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
    say(concat("error: ", e.what()));
  }
  return static_cast<int>(ExitStatus::bad_input);
}

}  // namespace slalom
