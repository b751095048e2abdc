// The exercises as a class meets them: starting points, solutions, questions to classifiers.
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "../../experiments/lessons/softmax/check.hpp"
#include "../support/process.hpp"
#include "../support/temporary_folder.hpp"
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
  const std::vector<std::string> problems = softmax_problems(start::softmax_backward);
  REQUIRE(problems.size() == 5);
  double sum = 0, found = 0, total = NAN;
  for (std::size_t i = 1; i < problems.size(); ++i) {
    REQUIRE(std::sscanf(problems[i].c_str(), "dx[%*d] is %lf", &found) == 1);
    sum += found;
  }
  REQUIRE(std::sscanf(problems[0].c_str(), "hint: the sum of dx is %lf, wanted 0", &total) == 1);
  CHECK(std::abs(total - sum) < 1e-5);
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

TEST_CASE("lessons: a word that is none is named, with its file and line and the words that there are") {
  const TemporaryFolder folder("lessons");
  const std::string file = folder.file("answer.txt");
  struct Wrong {
    const char *lesson, *answer, *where, *known;
  };
  for (const Wrong& wrong :
       {Wrong{"2", "# none\nword: oops\ndistance: 1\n", "line 2", "good, fine, bad"},
        Wrong{"4", "attention: oops\n", "line 1", "softmax"},
        Wrong{"6", "method: oops\nerror: 1\n", "line 1", "leave-one-out, single-words, slalom"},
        Wrong{"7", "word: popcorn\ntext: dull oops\n", "line 2", "plot, acting"},
        Wrong{"8", "text: best oops\n", "line 1", "the, we, movie"}}) {
    CAPTURE(wrong.lesson);
    write_file(file, wrong.answer);
    const Json problems = checked(wrong.lesson, file, 1)["problems"];
    REQUIRE(problems.size() == 1);
    for (const std::string& part :
         {file, std::string(wrong.where), std::string("\"oops\""), std::string(wrong.known)})
      CHECK(problems[0].get<std::string>().find(part) != std::string::npos);
  }
}

TEST_CASE("lessons: what is no lesson, no word or no answer is refused") {
  CHECK(lessons({"--lesson", "9", "--ask", "good"}).status == 2);
  CHECK(lessons({"--lesson", "1", "--ask", "best"}).status == 2);
  CHECK(lessons({"--lesson", "2", "--ask", "excellent"}).status == 2);
  CHECK(lessons({"--lesson", "3", "--answer", kFolder + "start/3.hpp"}).status == 2);
  CHECK(lessons({"--lesson", "1", "--answer", kFolder + "start/none.txt"}).status == 1);
  CHECK(lessons({"--lesson", "1"}).status == 2);
}
