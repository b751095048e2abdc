// The exercises as a class meets them: starting points, solutions, questions to classifiers.
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "../../experiments/lessons/softmax/check.hpp"
#include "../support/process.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"

namespace start {
#include "../../experiments/lessons/start/3.hpp"
}
namespace solution {
#include "../../experiments/lessons/solutions/3.hpp"
}

using namespace slalom;
using namespace slalom::test;

namespace {

constexpr int kCompiled = 3;
const std::string kFolder = "experiments/lessons/";

Finished lessons(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program_beside("lessons"));
  return run_process(arguments);
}

Json checked(const std::string& lesson, const std::string& file, int status) {
  const Finished run = lessons({"--lesson", lesson, "--answer", file, "--json"});
  CHECK(run.status == status);
  return parse_json(run.out, file);
}

}  // namespace

TEST_CASE("lessons: a starting point fails and says where, its solution is right") {
  for (int n = 1; n <= 8; ++n) {
    CAPTURE(n);
    if (n == kCompiled) continue;
    const std::string lesson = std::to_string(n), file = lesson + ".txt";
    const Json fails = checked(lesson, kFolder + "start/" + file, 1),
               passes = checked(lesson, kFolder + "solutions/" + file, 0);
    CHECK(fails["lesson"] == n);
    CHECK(fails["passed"] == false);
    CHECK(fails["problems"].size() >= 1);
    CHECK(passes["passed"] == true);
    CHECK(passes["problems"].empty());
  }
  CHECK(softmax_problems(start::softmax_backward).size() == 4);
  CHECK(softmax_problems(solution::softmax_backward).empty());
}

TEST_CASE("lessons: commands of the README run, and classifiers answer what their formula says") {
  LineReader readme(kFolder + "README.md");
  int commands = 0;
  const std::string start = "    build/release/lessons --lesson ", ask = " --ask \"";
  for (std::string line; readme.next(line);) {
    if (!line.starts_with(start)) continue;
    CAPTURE(line);
    const std::size_t quote = line.find(ask);
    REQUIRE(quote != std::string::npos);
    const std::string text = line.substr(quote + ask.size(), line.size() - 1 - quote - ask.size());
    const Finished run = lessons({"--lesson", line.substr(start.size(), 1), "--ask", text});
    CHECK(run.status == 0);
    CHECK_FALSE(run.out.empty());
    ++commands;
  }
  CHECK(commands == 6);

  const auto f = [](const char* lesson, const char* text) {
    double value = NAN;
    REQUIRE(std::sscanf(lessons({"--lesson", lesson, "--ask", text}).out.c_str(), "F = %lf", &value) == 1);
    return value;
  };
  const double good = std::exp(0.5), riddle = std::exp(1.7);
  CHECK(std::abs(f("2", "good good") - 2 * good * 2 / (1 + 2 * good)) < 1e-4);
  CHECK(std::abs(f("5", "riddle plain") - (riddle * -1.3 + 0.5) / (riddle + 1)) < 1e-4);
}

TEST_CASE("lessons: what is no lesson, no word or no answer is refused") {
  CHECK(lessons({"--lesson", "9", "--ask", "good"}).status == 2);
  CHECK(lessons({"--lesson", "1", "--ask", "best"}).status == 2);
  CHECK(lessons({"--lesson", "2", "--ask", "excellent"}).status == 2);
  CHECK(lessons({"--lesson", "3", "--answer", kFolder + "start/3.hpp"}).status == 2);
  CHECK(lessons({"--lesson", "1", "--answer", kFolder + "start/none.txt"}).status == 1);
  CHECK(lessons({"--lesson", "1"}).status == 2);
}
