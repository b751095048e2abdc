#include "slalom/explain/black_box.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "../support/compare.hpp"
#include "../support/error_of.hpp"
#include "../support/small_models.hpp"
#include "../support/temporary_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

PackedTexts batch_of(const std::vector<std::vector<TokenId>>& texts) {
  PackedTexts batch;
  for (const std::vector<TokenId>& text : texts) batch.add(text);
  return batch;
}

/// What the box says went wrong.
std::string message_of(BlackBox& f, const PackedTexts& texts) {
  return test::error_of([&] { f.log_odds(texts); });
}

// Answers the first id of each question; the rest of its life is as the tests want it.
const std::string kFirstId = R"(sed -u 's/.*\[\([0-9]*\).*/{"log_odds": \1}/')";

// The same, and texts that begin with 2, 3 and 4 are answered with bounds.
const std::string kBounds = kFirstId + R"( | sed -u 's/2}/2,"bound":"upper"}/;s/3}/3,"bound":"lower"}/)"
                                       R"(;s/4}/4,"bound":"both"}/')";

}  // namespace

TEST_CASE("black box: equal texts are asked once, in one call or in several, until it forgets") {
  int asked = 0;
  FunctionBlackBox f([&](std::span<const TokenId> ids) {
    ++asked;
    return static_cast<double>(ids.front() * 10 + ids.back());
  });
  const PackedTexts texts = batch_of({{1, 2}, {3}, {1, 2}, {2, 1}});
  CHECK(f.log_odds(texts) == std::vector<double>{12, 33, 12, 21});
  CHECK(f.log_odds(texts) == std::vector<double>{12, 33, 12, 21});
  CHECK(asked == 3);
  CHECK(f.cost().queries == 8);
  CHECK(f.cost().unique_queries == 3);
  CHECK(f.cost().token_forwards == 5);
  f.forget();
  CHECK(f.log_odds(texts.text(0)) == 12);
  CHECK(asked == 4);
}

TEST_CASE("black box: segments are part of a question, and segments of 0 are none") {
  CommandBlackBox f("cat -n | sed -u 's/^ *\\([0-9]*\\).*/{\"log_odds\": \\1}/'",
                    20);  // numbers its questions
  PackedTexts texts = batch_of({{5, 1}, {5, 0}});
  CHECK(f.log_odds(texts) == std::vector<double>{1, 2});
  texts.clear();
  const auto add = [&](std::vector<TokenId> ids, std::vector<TokenId> types) { texts.add(ids, types); };
  add({5}, {1});  // not {5, 1}
  add({5, 0}, {0, 1});
  add({5, 0}, {1, 1});
  add({5, 0}, {0, 0});
  add({5, 0}, {0, 1});
  CHECK_FALSE(f.knows(texts, 0));
  CHECK(f.knows(texts, 3));
  CHECK(f.log_odds(texts) == std::vector<double>{3, 4, 5, 2, 4});
}

TEST_CASE("black box: an answer that is not finite is refused, and asked again") {
  double answer = NAN;
  FunctionBlackBox f([&](std::span<const TokenId>) { return answer; });
  CHECK(message_of(f, batch_of({{1}})) ==
        "[black box] text 0 of 1: the log-odds is nan, wanted a finite number");
  answer = -INFINITY;
  CHECK(message_of(f, batch_of({{1}})) ==
        "[black box] text 0 of 1: the log-odds is -inf, wanted a finite number");
  answer = 3;
  CHECK(f.log_odds(batch_of({{1}})).front() == 3);
}

TEST_CASE("black box: a model's log-odds against the rest, whatever the batches") {
  Classifier<double> model(small_config(Architecture::bert, 2));
  randomise(model, 3);
  const std::vector<std::vector<TokenId>> list = {{4, 5, 6, 7}, {8}, {9, 10}, {4, 5, 6, 7}, {11, 12, 13}};
  PackedTexts texts;
  for (const auto& text : list) texts.add(text);
  const std::vector<double> logits = logits_of(model, texts);
  for (const Index target : {0, 1, 2})
    for (const Index rows : {1, 3, 4096}) {
      ModelBlackBox<double> f(model, target, rows);
      const std::vector<double> found = f.log_odds(batch_of(list));
      for (std::size_t b = 0; b < list.size(); ++b) {
        double others = 0;
        for (Index c = 0; c < 3; ++c)
          if (c != target) others += std::exp(logits[3 * b + static_cast<std::size_t>(c)]);
        const double wanted = logits[3 * b + static_cast<std::size_t>(target)] - std::log(others);
        CHECK(relative_error(found[b], wanted) <= 1e-12);
      }
      CHECK(f.cost().unique_queries == 4);
    }
  CHECK_THROWS_AS(ModelBlackBox<double>(model, 3, 10), Error);
}

TEST_CASE("classifier command: a program answers in order, over many calls and more than a pipe holds") {
  CommandBlackBox f(kFirstId, 20);
  CHECK(f.log_odds(batch_of({{7, 1}, {9}})) == std::vector<double>{7, 9});
  PackedTexts many;
  for (TokenId i = 0; i < 20'000; ++i) many.add(std::vector<TokenId>{i, 5, 5, 5, 5, 5, 5, 5});
  const std::vector<double> answers = f.log_odds(many);
  for (std::size_t i = 0; i < answers.size(); ++i) REQUIRE(answers[i] == static_cast<double>(i));
  CHECK(f.cost().unique_queries == 20'002);
}

TEST_CASE("classifier command: a question has its segments beside its ids") {
  const TemporaryFolder folder;
  CommandBlackBox f("sed -u 'w " + folder.file("questions") + "' | " + kFirstId, 20);
  PackedTexts texts = batch_of({{7, 2}});
  texts.add(std::vector<TokenId>{1, 7, 2, 7, 2}, std::vector<TokenId>{0, 0, 0, 1, 1});
  f.log_odds(texts);
  CHECK(read_file(folder.file("questions")) ==
        "{\"input_ids\":[7,2]}\n{\"input_ids\":[1,7,2,7,2],\"token_type_ids\":[0,0,0,1,1]}\n");
}

TEST_CASE("classifier command: answers that are bounds are counted until it forgets") {
  CommandBlackBox f(kBounds, 20);
  CHECK(f.warnings().empty());
  const PackedTexts texts = batch_of({{1}, {2}, {3, 1}, {3, 2}, {1}, {4}, {3, 1}});
  CHECK(f.log_odds(texts) == std::vector<double>{1, 2, 3, 3, 1, 4, 3});
  const std::vector<std::string> warnings = {
      "4 of 5 answers are bounds: 1 upper, 2 lower, 1 both (unknown); the explanation takes them for the "
      "log-odds"};
  CHECK(f.warnings() == warnings);
  f.log_odds(texts);  // nothing is asked again
  CHECK(f.warnings() == warnings);
  f.forget();
  CHECK(f.warnings().empty());
  f.log_odds(batch_of({{1}}));
  CHECK(f.warnings().empty());
  f.log_odds(batch_of({{2}}));
  CHECK(f.warnings().front().starts_with("1 of 2 answers are bounds: 1 upper, 0 lower, 0 both"));
}

TEST_CASE("classifier command: a program that is not asked is not started") {
  const TemporaryFolder folder;
  const std::string command = "touch " + folder.file("started") + "; " + kFirstId;
  { CommandBlackBox f(command, 20); }
  CHECK_FALSE(std::filesystem::exists(folder.file("started")));
  CommandBlackBox f(command, 20);
  CHECK(f.log_odds(batch_of({{6}})).front() == 6);
  CHECK(std::filesystem::exists(folder.file("started")));
}

TEST_CASE("classifier command: what a program does wrong is said, with its last words") {
  const auto message = [](const std::string& command, double timeout = 20) {
    CommandBlackBox f(command, timeout);
    return message_of(f, batch_of({{1}, {2}, {3}}));
  };
  const auto ends = [](const std::string& text, const std::string& end) {
    CAPTURE(text);
    return text.ends_with(end);
  };
  CHECK(ends(message("exit 3"), "the program ended with status 3 after 0 of 3 answers"));
  CHECK(ends(message("head -n 2 | " + kFirstId), "the program ended with status 0 after 2 of 3 answers"));
  CHECK(ends(message("kill -9 $$"), "the program was killed by signal 9 after 0 of 3 answers"));
  CHECK(ends(message("sleep 30", 0.2), "no answer for 0.2 s"));
  // The clock runs for an answer, whatever else the program does.
  CHECK(ends(message("yes >&2", 0.2), "no answer for 0.2 s"));
  CHECK(ends(message("while :; do printf ' '; sleep 0.05; done", 0.2), "no answer for 0.2 s"));
  CHECK(ends(message(kFirstId + " | head -n 1; yes >&2", 0.4), "no answer for 0.4 s"));
  CHECK(message("echo hello; cat >/dev/null").find("answer 1: byte 1") != std::string::npos);
  CHECK(message("echo '{\"log_odds\": \"1\"}'; cat >/dev/null").find("field \"log_odds\": found \"1\"") !=
        std::string::npos);
  CHECK(ends(message(R"(sed -u 's/.*/{"log_odds":1,"bound":"above"}/')"),
             R"(answer 1: field "bound": found "above", wanted "upper", "lower" or "both")"));
  CHECK(message(R"(sed -u 's/.*/{"log_odds":1,"bound":true}/')")
            .find("answer 1: field \"bound\": found true") != std::string::npos);
  CHECK(message(R"(while read l; do printf '{"log_odds": 1}\n{"log_odds": 2}\n'; done)")
            .find("more answers than questions") != std::string::npos);
  CHECK(ends(message("tr '\\0' x < /dev/zero"), "an answer longer than 65536 bytes"));
  CHECK(ends(message("/no/such/program"), "the program ended with status 127 after 0 of 3 answers"));
  CommandBlackBox talks("echo 'out of paper' >&2; exit 1", 20);
  CHECK(talks.can_be_queried());
  try {
    talks.log_odds(batch_of({{1}}));
    FAIL("no error");
  } catch (const Error& e) {
    CHECK(e.hint() == "it wrote to stderr: out of paper\n");
    CHECK_FALSE(talks.can_be_queried());
  }
}

namespace {

/// Programs of a command that write their process numbers into files.
struct Processes : TemporaryFolder {
  pid_t in(const char* name) const { return static_cast<pid_t>(std::stol(read_file(file(name)))); }
  /// Answers, leaves a program behind, and goes on.
  std::string command() const {
    return "sleep 60 & echo $! > " + file("left") + "; echo $$ > " + file("itself") + "; " + kFirstId +
           "; sleep 60";
  }
  /// Soon. Nobody may be there to collect an orphan's status: a zombie is gone, too.
  void check_gone() const {
    for (const char* name : {"itself", "left"}) {
      const auto runs = [&] {
        std::ifstream status(concat("/proc/", in(name), "/stat"));
        std::string number, program, state;
        return (status >> number >> program >> state) && state != "Z";
      };
      for (int tries = 0; tries < 100 && runs(); ++tries) ::usleep(10'000);
      CHECK_FALSE(runs());
    }
  }
};

}  // namespace

TEST_CASE("classifier command: a program that does not end with its questions is ended") {
  const Processes processes;
  {
    CommandBlackBox f(processes.command(), 20);
    CHECK(f.log_odds(batch_of({{4}})).front() == 4);
  }
  processes.check_gone();
}

TEST_CASE("classifier command: a killed process leaves no program behind") {
  const Processes processes;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    CommandBlackBox f(processes.command(), 20);
    f.log_odds(batch_of({{4}}));
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  processes.check_gone();
}

TEST_CASE("black box: a tenth of the outputs in bf16 have their differences from float32") {
  const ClassifierConfig config = small_config(Architecture::bert, 2);
  Classifier<float> model(config);
  randomise(model, 3);
  ModelBlackBox<float> full(model, 1, 4096), bf16(model, 1, 4096, BlockMaps::bf16);
  std::vector<Index> lengths(25);
  std::iota(lengths.begin(), lengths.end(), 1);  // in the order in which they are queried
  const PackedTexts texts = random_texts(config, lengths, 4);
  const std::vector<double> wanted = full.log_odds(texts), found = bf16.log_odds(texts);
  REQUIRE(bf16.bf16_differences().size() == 3);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(std::abs(bf16.bf16_differences()[i] - std::abs(found[10 * i] - wanted[10 * i])) <= 1e-5);
  CHECK(bf16.warnings().size() == 1);
  CHECK(bf16.rounding() > full.rounding());
  CHECK(full.bf16_differences().empty());
  CHECK(full.warnings().empty());
  bf16.forget();
  CHECK(bf16.bf16_differences().empty());
  bf16.log_odds(texts);
  CHECK(bf16.bf16_differences().size() == 3);  // counted from forget() on
}
