#include <iostream>

#include "lessons.hpp"
#include "slalom/base/error.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/options.hpp"
#include "slalom/kernels/gemm.hpp"
#include "verdict.hpp"

namespace {

using namespace slalom;

int run(int argc, char** argv) {
  const Command cli{.name = "lessons",
                    .summary = "Checks an answer to an exercise, or asks the exercise's classifier.",
                    .options = {{"lesson", "N", "", "1 to 8"},
                                {"answer", "FILE", "", "what is checked"},
                                {"ask", "TEXT", "", "F of a text instead", "", "answer"},
                                {"json", "", "", "the verdict as a JSON object"},
                                {"h,help", "", "", "print this"}},
                    .program = "",
                    .has_common = false};
  const std::optional<ParsedOptions> parsed = parse_options(cli, argc, argv);
  if (!parsed) return static_cast<int>(ExitStatus::done);
  const int lesson = static_cast<int>(integer_option(*parsed, "lesson", 1, lessons::kLessons));
  if (parsed->count("ask") > 0) {
    std::cout << lessons::ask(lesson, (*parsed)["ask"].word);
    return static_cast<int>(ExitStatus::done);
  }
  const std::string file = required_option(*parsed, "answer");
  std::vector<std::string> problems;
  try {
    problems = lessons::problems_of(lesson, file);
  } catch (const UsageError&) {
    throw;
  } catch (const Error& e) {
    problems = {e.what()};
  }
  return lessons::tell(lesson, problems, parsed->count("json") > 0);
}

}  // namespace

int main(int argc, char** argv) {
  configure_runtime(argv);
  return run_program(argc, argv, run);
}
