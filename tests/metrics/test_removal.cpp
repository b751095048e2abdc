#include "slalom/metrics/removal.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/compare.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;
using test::relative_error;

namespace {

using Numbers = std::vector<double>;

// F(S) = Σ of the members' numbers; `asked` keeps the questions.
struct Additive {
  Numbers own;
  std::vector<std::vector<std::uint8_t>> asked{};

  ValueFunction values() {
    return [this](const Coalitions& coalitions) {
      Numbers answers;
      for (Index i = 0; i < coalitions.size(); ++i) {
        const auto row = coalitions.row(i);
        asked.emplace_back(row.begin(), row.end());
        answers.push_back(0);
        for (std::size_t j = 0; j < own.size(); ++j) answers.back() += row[j] * own[j];
      }
      return answers;
    };
  }
};

const double kLog3 = std::log(3.0);

}  // namespace

TEST_CASE("ranking: highest first, ties in order of position") {
  CHECK(ranking(Numbers{0.5, 2, 0.5, -1, 2}) == std::vector<Index>{1, 4, 0, 2, 3});
  CHECK(ranking({}).empty());
  CHECK_THROWS_AS(ranking(Numbers{1, NAN}), Error);
}

// Scores rank tokens 1, 2, 0, which contribute 0, −log 3, log 3 to F. Insertion: log 3, 0, 0, so the
// probabilities are 3/4, 1/2, 1/2. Deletion: −log 3, 0 and, without any token, 0: 1/4, 1/2, 1/2.
TEST_CASE("insertion and deletion: three tokens by hand") {
  const Numbers scores = {-1, 5, 3};
  Additive f{{0, kLog3, -kLog3}};
  const RankingCurve in = insertion(scores, f.values());
  CHECK(in.k == std::vector<Index>{1, 2, 3});
  CHECK(relative_error(in.probability, Numbers{0.75, 0.5, 0.5}) < 1e-15);
  CHECK(relative_error(in.area, 1.75 / 3) < 1e-15);
  CHECK(f.asked == std::vector<std::vector<std::uint8_t>>{{0, 1, 0}, {0, 1, 1}, {1, 1, 1}});

  f.asked.clear();
  const RankingCurve out = deletion(scores, f.values(), 1, false);
  CHECK(out.k == std::vector<Index>{1, 2});
  CHECK(relative_error(out.probability, Numbers{0.25, 0.5}) < 1e-15);
  CHECK(relative_error(out.area, 0.375) < 1e-15);
  CHECK(f.asked == std::vector<std::vector<std::uint8_t>>{{1, 0, 1}, {1, 0, 0}});

  const RankingCurve to_the_end = deletion(scores, f.values(), 1, true);
  CHECK(to_the_end.k == std::vector<Index>{1, 2, 3});
  CHECK(relative_error(to_the_end.area, 1.25 / 3) < 1e-15);
}

TEST_CASE("insertion and deletion: in steps, insertion always to the end") {
  Additive f{Numbers(7, 1.0)};
  const Numbers scores(7);
  CHECK(insertion(scores, f.values(), 3).k == std::vector<Index>{3, 6, 7});
  CHECK(insertion(scores, f.values(), 7).k == std::vector<Index>{7});
  CHECK(insertion(scores, f.values(), 50).k == std::vector<Index>{7});
  CHECK(deletion(scores, f.values(), 3, false).k == std::vector<Index>{3, 6});
  CHECK(deletion(scores, f.values(), 3, true).k == std::vector<Index>{3, 6, 7});
  CHECK_THROWS_AS(insertion(scores, f.values(), 0), Error);
  CHECK_THROWS_AS(deletion(scores, f.values(), 0, true), Error);
}

TEST_CASE("deletion: nothing can be removed from one token without an empty text") {
  Additive f{{1}};
  const RankingCurve curve = deletion(Numbers{1}, f.values(), 1, false);
  CHECK(curve.k.empty());
  CHECK(std::isnan(curve.area));
  CHECK(f.asked.empty());
}

TEST_CASE("insertion: the probability is σ(F) without overflow") {
  Additive f{{1000, -2000}};
  CHECK(insertion(Numbers{2, 1}, f.values()).probability == Numbers{1, 0});
}

TEST_CASE("insertion: the true order keeps the most, the reverse the least") {
  Additive f{{0.5, -1, 2, 0.1}};
  const double best = insertion(f.own, f.values()).area,
               worst = insertion(Numbers{2, 3, 1, 2.5}, f.values()).area;
  CHECK(best > insertion(Numbers{3, 1, 2, 0}, f.values()).area);
  CHECK(worst < insertion(Numbers{3, 1, 2, 0}, f.values()).area);
}

// Errors 1 and −3 where one token is removed, 2 and 0 where two are: (1 + 9) / 2, (4 + 0) / 2.
TEST_CASE("removal curve: mean squared error by number of removed tokens") {
  const Coalitions kept{3, {1, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0}};
  const RemovalCurve curve = removal_curve(kept, Numbers{1, 2, 3, 4}, Numbers{0, 5, 1, 4});
  CHECK(curve.removed == std::vector<Index>{1, 2});
  CHECK(curve.mse == Numbers{5, 2});
  CHECK(removal_curve({}, {}, {}).mse.empty());
  CHECK_THROWS_AS(removal_curve(kept, Numbers{1, 2, 3}, Numbers{0, 5, 1}), Error);
  CHECK_THROWS_AS(removal_curve(kept, Numbers{1, 2, 3, 4}, Numbers{0, 5, 1}), Error);
}

// Predicted 1, 2, 3, 4 and true 1, 3, 2, 4: Spearman .8 as in the test of correlations, squares 0, 1, 1, 0.
TEST_CASE("single removal: rank correlation and mean squared error") {
  const SingleRemoval single = single_removal(Numbers{1, 2, 3, 4}, Numbers{1, 3, 2, 4});
  CHECK(relative_error(single.spearman, 0.8) < 1e-15);
  CHECK(single.mse == 0.5);
  CHECK(std::isnan(single_removal(Numbers{1}, Numbers{2}).spearman));
  CHECK(single_removal(Numbers{1}, Numbers{2}).mse == 1);
  CHECK(std::isnan(single_removal({}, {}).mse));
  CHECK_THROWS_AS(single_removal(Numbers{1, 2}, Numbers{1}), Error);
}
