#include "slalom/metrics/published.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/compare.hpp"
#include "../support/published_fixtures.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/error.hpp"
#include "slalom/explain/explanation.hpp"
#include "slalom/explain/methods.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"

using namespace slalom;
using test::relative_error;

namespace {

using Numbers = std::vector<double>;

// log-odds log 3 if token 0 is there, 0 otherwise.
Numbers ask_first(const Coalitions& kept) {
  Numbers answers;
  for (Index i = 0; i < kept.size(); ++i) answers.push_back(kept.row(i)[0] == 1 ? std::log(3.0) : 0);
  return answers;
}

Tokenizer word_pieces() {
  return Tokenizer({.vocabulary = Vocabulary({"[UNK]", "good", "bad", "!", "so", "##so"}),
                    .normalizer = {normalizer::lower_case},
                    .scheme = WordPieceScheme{.pieces = {.unk = 0}}});
}

/// As the published study had them: of the whole vocabularies.
Tokenizer public_tokenizer(const std::string& name) {
  const std::string data = test::shared_folder() + "/data/";
  const test::TemporaryFolder folder("tokenizer");
  if (name == "bert") {
    folder.write("vocab.txt", read_file(data + "bert-base-uncased-vocab.txt"));
    folder.write("tokenizer_config.json", R"({"tokenizer_class": "BertTokenizer", "do_lower_case": true})");
  } else {
    folder.write("vocab.json", read_file(data + "gpt2-vocab.json"));
    folder.write("merges.txt", read_file(data + "gpt2-merges.txt"));
  }
  return load_tokenizer(folder.path).value();
}

/// The published code sorts by NumPy's quicksort, which keeps equal numbers in order up to 16 of them, and
/// beyond does with them what the machine does.
bool sorted_by_chance(Numbers x) {
  std::ranges::sort(x);
  return x.size() > 16 &&
         std::ranges::adjacent_find(x, [](double a, double b) { return b - a < 1e-9; }) != x.end();
}

bool is_importance(const Json& record, std::size_t row) {
  const auto first = record["slalom_rows"].get<std::vector<std::size_t>>();
  return std::ranges::find(first, row - 1) != first.end();
}

}  // namespace

TEST_CASE("published ranking: by the true label, ties in order of place") {
  CHECK(published::ranking(Numbers{1, 3, 2, 3}, 1) == std::vector<Index>{1, 3, 2, 0});
  CHECK(published::ranking(Numbers{1, 3, 2, 3}, 0) == std::vector<Index>{0, 2, 1, 3});
}

// Of seven tokens the first is the best for label 1 and says 3 : 1 for it.
TEST_CASE("published insertion and deletion: multiples of the step only, the k best and the k worst kept") {
  const Numbers scores = {7, 6, 5, 4, 3, 2, 1};
  const RankingCurve in = published::insertion(scores, 1, ask_first, 3);
  CHECK(in.k == std::vector<Index>{3, 6});
  CHECK(relative_error(in.probability, Numbers{.75, .75}) < 1e-15);
  const RankingCurve out = published::deletion(scores, 1, ask_first, 3);
  CHECK(relative_error(out.probability, Numbers{.5, .5}) < 1e-15);
  // For label 0 the order and the probability turn round.
  const RankingCurve other = published::deletion(scores, 0, ask_first, 7);
  CHECK(relative_error(other.probability, Numbers{.25}) < 1e-15);
  CHECK(relative_error(published::deletion(scores, 0, ask_first, 6).area, .25) < 1e-15);
  CHECK(relative_error(published::insertion(scores, 0, ask_first, 6).area, .5) < 1e-15);
  CHECK(std::isnan(published::insertion(Numbers{1, 2}, 1, ask_first).area));
  CHECK_THROWS_AS(published::insertion(scores, 1, ask_first, 0), Error);
}

TEST_CASE("nested deletions: one order a draw, the same for all texts of a length") {
  const auto orders = published::removal_orders(12, 3, 7);
  CHECK(orders == published::removal_orders(12, 3, 7));
  CHECK(orders != published::removal_orders(12, 3, 8));
  const Coalitions drawn = published::nested_deletions(12, orders);
  REQUIRE(drawn.size() == 30);
  for (Index i = 0; i < 30; ++i) {
    CHECK(std::ranges::count(drawn.row(i), 0) == 1 + i / 3);
    for (Index j = 0; j < 12 && i >= 3; ++j) CHECK(drawn.row(i)[j] <= drawn.row(i - 3)[j]);
  }
  CHECK(published::nested_deletions(4, published::removal_orders(4, 2, 7)).size() == 2 * 3);
}

TEST_CASE("published naive Bayes: lower case, occurrences with 20 more, nothing for what does not occur") {
  const Tokenizer tokenizer = word_pieces();
  const std::vector<Review> reviews = {{"GOOD good", 1}, {"", 1}, {"bad soso", 0}};
  const Numbers scores = published::naive_bayes_scores(reviews, tokenizer);
  REQUIRE(scores.size() == 6);
  CHECK(relative_error(scores[1], std::log(22. / 20)) < 1e-15);
  CHECK(relative_error(scores[2], std::log(20. / 21)) < 1e-15);
  CHECK(scores[5] == scores[2]);
  CHECK(std::isnan(scores[0]));
  CHECK(std::isnan(scores[3]));
  // First places 0, 1, 3 of tokens 1, 2, 5: scores 1, 2, 3 against .1, −.05, −.05, absolute .1, .05, .05.
  const std::vector<TokenId> tokens = {1, 2, 1, 5, 3};
  const Numbers given = {1, 2, 9, 3, 9};
  CHECK(relative_error(published::naive_bayes_spearman(tokens, given, scores, false), -std::sqrt(.75)) <
        1e-12);
  CHECK(std::isnan(published::naive_bayes_spearman(tokens, Numbers{2, 2, 0, 2, 0}, scores, false)));
  const Numbers signed_scores = {NAN, -.2, .1, NAN, NAN, .05};
  CHECK(published::naive_bayes_spearman(tokens, Numbers{3, 2, 0, 1, 0}, signed_scores, true) ==
        doctest::Approx(1));
}

TEST_CASE("published human attention: the last word's mark, once a token, no punctuation") {
  const Tokenizer tokenizer = word_pieces();
  const auto used =
      published::attended_tokens("Good bad! good soso", std::vector<std::uint8_t>{1, 1, 0, 1}, tokenizer);
  CHECK(used.place == std::vector<Index>{0, 1, 4, 5});
  CHECK(used.marked == std::vector<bool>{false, true, true, true});
  const Numbers scores = {-2, 1, 9, 9, -3, 3};
  CHECK(relative_error(published::attention_auc(scores, used, false), 2. / 3) < 1e-15);
  CHECK(relative_error(published::attention_auc(scores, used, true), 2. / 3) < 1e-15);
  CHECK(published::attention_auc(Numbers{-2, 1, 0, 0, 3, 3}, used, true) == 1);
  CHECK(std::isnan(published::attention_auc(scores, {{0, 1}, {true, true}}, true)));
  CHECK_THROWS_AS(published::attended_tokens("good bad", std::vector<std::uint8_t>{1}, tokenizer), Error);
}

TEST_CASE("insertion and deletion agree with the published code") {
  test::with_published_models(
      "insertion_deletion.json", [](BlackBox& f, const ExplainedText& text, const Json& r) {
        const ValueFunction values = coalition_values(f, text, {});
        const int label = r["label"].get<int>();
        for (std::size_t row = 0; row < r["scores"].size(); ++row) {
          const auto scores = r["scores"][row].get<Numbers>();
          if (sorted_by_chance(scores)) continue;
          const std::vector<Index> order = published::ranking(scores, label);
          for (std::size_t place = 0; place < order.size(); ++place)
            CHECK(r["ranks"][row][order[place]].get<std::size_t>() == place);
          for (const Index step : {1, 5}) {
            const std::string name = "_step_" + std::to_string(step);
            const auto agrees = [&](const RankingCurve& curve, const Json& want) {
              Numbers probability;
              for (const Json& of_k : want["probability"]) probability.push_back(of_k[row].get<double>());
              CHECK(relative_error(curve.probability, probability) <= 1e-8);
              CHECK(relative_error(curve.area, want["mean"][row].get<double>()) <= 1e-8);
            };
            agrees(published::insertion(scores, label, values, step), r["insertion" + name]);
            agrees(published::deletion(scores, label, values, step), r["deletion" + name]);
          }
        }
      });
}

TEST_CASE("multi-removal agrees with the published code") {
  test::with_published_models(
      "multi_removal.json", [](BlackBox& f, const ExplainedText& text, const Json& r) {
        const auto scores = r["scores"].get<std::vector<Numbers>>();
        const double whole = r["full"].get<double>();
        CHECK(relative_error(f.log_odds(text.ids()), whole) <= 1e-8);
        const Coalitions drawn = published::nested_deletions(
            text.players(), r["permutations"].get<std::vector<std::vector<Index>>>());
        Numbers change = coalition_values(f, text, {})(drawn);
        for (std::size_t i = 0; i < change.size(); ++i) {
          CHECK(relative_error(change[i], r["log_odds"][i / 20][i % 20].get<double>()) <= 1e-8);
          change[i] -= whole;
        }
        const auto agrees = [&](Explanation& e, std::size_t column) {
          Numbers predicted, want;
          const std::vector<std::uint8_t> all(scores[0].size(), 1);
          for (Index i = 0; i < drawn.size(); ++i)
            predicted.push_back(e.predict(drawn.row(i)) - e.predict(all));
          for (const Json& of_r : r["mse"]) want.push_back(of_r[column].get<double>());
          CHECK(relative_error(removal_curve(drawn, predicted, change).mse, want) <= 1e-6);
        };
        for (const std::size_t row : {0, 3}) {
          SlalomModel model{Numbers(text.distinct()), Numbers(text.distinct()), {}};
          for (std::size_t i = 0; i < scores[row].size(); ++i) {
            model.value[text.tokens()[i]] = scores[row][i];
            model.importance[text.tokens()[i]] = scores[row + 1][i];
          }
          Explanation slalom, linear;
          set_slalom_scores(model, text, slalom);
          set_linear_scores(scores[row + 2], linear);
          agrees(slalom, row == 0 ? 0 : 2);
          agrees(linear, row == 0 ? 1 : 3);
        }
      });
}

TEST_CASE("single removal agrees with the published code") {
  test::with_published_models(
      "single_removal.json", [](BlackBox& f, const ExplainedText& text, const Json& r) {
        const Numbers without = coalition_values(f, text, {})(single_deletions(text.players()));
        for (std::size_t row = 0; row < r["scores"].size(); ++row) {
          const auto scores = r["scores"][row].get<Numbers>();
          const SingleRemoval found = published::single_removal(scores, f.log_odds(text.ids()), without);
          if (!sorted_by_chance(scores) && !sorted_by_chance(without))
            CHECK(relative_error(found.spearman, r["spearman"][row].get<double>()) <= 1e-8);
          CHECK(relative_error(found.mse, r["mse"][row].get<double>()) <= 1e-8);
        }
      });
}

TEST_CASE("correlations with naive Bayes agree with the published code") {
  test::with_published("naive_bayes.json", [](const Json& r) {
    Numbers bayes(100, NAN);
    for (const auto& [token, score] : r["naive_bayes"].items())
      bayes[std::stoul(token)] = score.get<double>();
    for (std::size_t row = 0; row < r["scores"].size(); ++row) {
      const double found =
          published::naive_bayes_spearman(r["tokens"].get<std::vector<TokenId>>(),
                                          r["scores"][row].get<Numbers>(), bayes, is_importance(r, row));
      if (r["spearman"][row].is_null())
        CHECK(std::isnan(found));
      else
        CHECK(relative_error(found, r["spearman"][row].get<double>()) <= 1e-8);
    }
  });
}

TEST_CASE("naive-Bayes scores agree with the published code") {
  test::with_published("naive_bayes_scores.json", [](const Json& r) {
    const Tokenizer tokenizer = public_tokenizer(r["tokenizer"].get<std::string>());
    std::vector<Review> reviews;
    for (std::size_t i = 0; i < r["texts"].size(); ++i)
      reviews.push_back({r["texts"][i].get<std::string>(), r["labels"][i].get<int>()});
    const Numbers scores = published::naive_bayes_scores(reviews, tokenizer);
    std::size_t known = 0;
    for (const double s : scores) known += !std::isnan(s);
    CHECK(known == r["score"].size());
    for (const auto& [token, score] : r["score"].items())
      CHECK(std::abs(scores[tokenizer.vocabulary().find(token).value()] - score.get<double>()) <= 1e-11);
  });
}

TEST_CASE("human attention agrees with the published code") {
  std::map<std::string, Tokenizer> tokenizers;
  test::with_published("human.json", [&](const Json& r) {
    const std::string name = r["tokenizer"].get<std::string>();
    if (!tokenizers.contains(name)) tokenizers.emplace(name, public_tokenizer(name));
    const auto used = published::attended_tokens(
        r["text"].get<std::string>(), r["marks"].get<std::vector<std::uint8_t>>(), tokenizers.at(name));
    CHECK(used.place == r["used"].get<std::vector<Index>>());
    std::vector<bool> labels;
    for (const Json& label : r["labels"]) labels.push_back(label.get<double>() == 1);
    CHECK(used.marked == labels);
    for (std::size_t row = 0; row < r["scores"].size(); ++row) {
      const double auc =
          published::attention_auc(r["scores"][row].get<Numbers>(), used, is_importance(r, row));
      if (r.contains("dropped"))
        CHECK(std::isnan(auc));
      else
        CHECK(relative_error(auc, r["auc"][row].get<double>()) <= 1e-8);
    }
  });
}
