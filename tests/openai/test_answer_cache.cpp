#include "slalom/openai/answer_cache.hpp"

#include <doctest/doctest.h>

#include "../support/error_of.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

const LabelLogProbabilities kAnswer{.value = {-0.1, -1.0 / 3}, .is_bound = {false, true}};

std::string message_of(const std::string& path) {
  return test::error_of([&] { AnswerCache cache(path); });
}

}  // namespace

TEST_CASE("answer cache: what was added is there, with all bits, for the next process") {
  const TemporaryFolder folder;
  const std::string path = folder.file("answers.jsonl");
  {
    AnswerCache cache(path);
    CHECK(cache.find("a") == nullptr);
    cache.add("a", kAnswer);
    // in the file at once, not when the process ends
    CHECK(
        read_file(path) ==
        R"({"request":"a","log_probabilities":[-0.10000000000000001,-0.33333333333333331],"bounds":[false,true]})"
        "\n");
    cache.add("b", {.value = {-2, -3}});
    cache.add("a", {.value = {-5, -5}});
  }
  AnswerCache cache(path);
  REQUIRE(cache.find("a") != nullptr);
  CHECK(cache.find("a")->value == kAnswer.value);
  CHECK(cache.find("a")->is_bound == kAnswer.is_bound);
  REQUIRE(cache.find("b") != nullptr);
  CHECK(cache.find("b")->log_odds() == -1);
}

TEST_CASE("answer cache: the torn last line of a killed process is cut off wherever it was torn") {
  const TemporaryFolder folder;
  const std::string path = folder.file("answers.jsonl");
  {
    AnswerCache cache(path);
    cache.add("a", kAnswer);
    cache.add("b", kAnswer);
  }
  const std::string whole = read_file(path);
  const std::size_t first = whole.find('\n') + 1;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, first - 1, first, first + 1, first + 30,
                                 whole.size() - 1, whole.size()}) {
    folder.write("answers.jsonl", whole.substr(0, size));
    AnswerCache cache(path);
    CHECK((cache.find("a") != nullptr) == (size >= first));
    CHECK((cache.find("b") != nullptr) == (size == whole.size()));
    cache.add("a", kAnswer);
    cache.add("b", kAnswer);
    REQUIRE(read_file(path) == whole);
  }
}

TEST_CASE("answer cache: any other line that is none is named, and left as it is") {
  const TemporaryFolder folder;
  const std::string path = folder.file("answers.jsonl");
  const auto message = [&](const std::string& bytes) {
    folder.write("answers.jsonl", bytes);
    const std::string found = message_of(path);
    CHECK(read_file(path) == bytes);
    return found;
  };
  CHECK(message("{\"request\":\"a\"}\n") ==
        path + ": line 1: field \"log_probabilities\": missing, wanted an array");
  CHECK(message("{}\nrest") == path + ": line 1: field \"request\": missing, wanted a string");
  CHECK(message(R"({"request":"a","log_probabilities":[1],"bounds":[]})"
                "\n") == path + ": line 1: wanted two labels");
  CHECK(message(R"({"request":"a","log_probabilities":[-1,null],"bounds":[false,false]})"
                "\n") == path + ": line 1: label 1: wanted a number and true or false");
  CHECK(message("\n").starts_with(path + ": line 1: byte "));
}

TEST_CASE("answer cache: one process at a time; without a path it lasts as long as its object") {
  const TemporaryFolder folder;
  const std::string path = folder.file("answers.jsonl");
  {
    AnswerCache cache(path);
    CHECK(message_of(path) == path + ": another process has it open");
  }
  CHECK(message_of(path) == "no error");
  CHECK(message_of(folder.file("no/folder")) ==
        folder.file("no/folder") + ": cannot open: No such file or directory");
  AnswerCache kept("");
  kept.add("a", kAnswer);
  CHECK(kept.find("a") != nullptr);
}
