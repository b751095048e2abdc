#include <doctest/doctest.h>

#include <filesystem>

#include "../support/compare.hpp"
#include "../support/process.hpp"
#include "model_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Arguments = std::vector<std::string>;

/// 60 texts over the ids 5 … 8 of an additive classifier: .5 + Σ weight(id).
std::string additive_rows() {
  std::string rows;
  for (int i = 0; i < 60; ++i) {
    std::string ids;
    double sum = 0.5;
    for (int j = 0; j <= (i * 7) % 5; ++j) {
      const int id = 5 + (i * i + 3 * j + i * j) % 4;
      ids += (j > 0 ? "," : "") + std::to_string(id);
      sum += 0.25 * (id - 6);
    }
    rows += concat("{\"input_ids\":[", ids, "],\"log_odds\":", sum, "}\n");
  }
  return rows;
}

Finished fit(const Arguments& options, const std::string& input) {
  Arguments all = {"fit"};
  all.insert(all.end(), options.begin(), options.end());
  return run_slalom(all, {.input = input});
}

}  // namespace

TEST_CASE("fit: a linear surrogate of an additive classifier has its weights") {
  const Finished run = fit({"--surrogate", "linear", "--holdout", "10"}, additive_rows());
  REQUIRE(run.status == 0);
  const Json row = json_lines(run.out).at(0);
  CHECK(row["surrogate"] == "linear");
  CHECK(row["rows_fit"] == 50);
  CHECK(row["mse_holdout"].get<double>() <= 1e-20);
  CHECK(relative_error(row["r2_holdout"].get<double>(), 1) <= 1e-12);
  CHECK(relative_error(row["model"]["intercept"].get<double>(), 0.5) <= 1e-10);
  REQUIRE(row["tokens"].size() == 4);
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(row["tokens"][k]["id"] == 5 + k);
    CHECK(std::abs(row["tokens"][k]["weight"].get<double>() - 0.25 * (static_cast<double>(k) - 1)) <= 1e-10);
  }
}

TEST_CASE("fit: every surrogate reports its fit, least squares of a SLALOM with background the lower error") {
  const auto fitted = [](const Arguments& options) {
    const Finished run = fit(options, additive_rows());
    REQUIRE(run.status == 0);
    const Json row = json_lines(run.out).at(0);
    CHECK(row["mse_fit"].get<double>() >= 0);
    CHECK(row["mse_holdout"].is_null());
    return row;
  };
  for (const char* how : {"default", "least-squares"}) {
    CHECK(fitted({"--surrogate", "linear", "--fit", how})["fit"] == how);
    CHECK(fitted({"--surrogate", "gam", "--fit", how})["model"]["rank"].get<int>() > 1);
  }
  CHECK(fitted({"--surrogate", "gam", "--fit", "published-lasso"})["model"]["duality_gap"].is_number());
  fitted({"--importance", "fixed", "--background", "none"});

  const Json penalised = fitted({"--background", "none"}), plain = fitted({"--fit", "least-squares"}),
             background = fitted({"--fit", "least-squares", "--background", "fitted"});
  CHECK(penalised["model"]["cross_validated_mse"].is_number());
  CHECK(penalised["mse_fit"].get<double>() >= plain["mse_fit"].get<double>());
  CHECK(plain["model"]["chosen"] == "least squares");
  CHECK(plain["model"]["importance_deviation"].is_null());  // without a prior it is infinite
  CHECK(background["mse_fit"].get<double>() <= plain["mse_fit"].get<double>());
  CHECK(background["background"]["importance"].is_number());
}

// Batches are the rows as they come: of two rows in batches of 128 one step an epoch, of their sum.
TEST_CASE("fit: published fits, in the order of the rows") {
  const auto fitted = [](const std::string& how, const std::string& rows) {
    const Json row = json_lines(fit({"--fit", how}, rows).out).at(0);
    CHECK(row["fit"] == how);
    CHECK(row["background"].is_null());
    CHECK(row["tokens"][0]["value_se"].is_null());
    return row;
  };
  const std::string one = "{\"input_ids\":[5],\"log_odds\":1}\n",
                    other = "{\"input_ids\":[5],\"log_odds\":-1}\n";
  CHECK(fitted("published-eff", one)["iterations"] == 18);
  CHECK(fitted("published-eff", one)["tokens"][0]["value"].get<double>() <= 18 * 1e-2 + 1e-9);
  std::string rows;
  for (int i = 0; i < 33; ++i) rows += i < 32 ? one : other;
  CHECK(fitted("published-texts", rows)["iterations"] == 200);
  CHECK(fitted("published-texts", other + rows)["tokens"][0]["value"] !=
        fitted("published-texts", rows + other)["tokens"][0]["value"]);
  const Json fidel = fitted("published-fidel", rows);
  CHECK(fidel["model"]["chosen"] == "equal importances");
  CHECK(relative_error(fidel["tokens"][0]["value"].get<double>(), 31. / 33) <= 1e-12);
}

TEST_CASE("fit: ids of the folder's special tokens are left out unless asked for") {
  TemporaryFolder folder;
  folder.write("vocab.txt", "[PAD]\n[CLS]\n[SEP]\nx\ny\n");
  const std::string rows =
      "{\"input_ids\":[1,3,2],\"log_odds\":1}\n{\"input_ids\":[1,4,2],\"log_odds\":2}\n"
      "{\"input_ids\":[1,3,4,2],\"log_odds\":1.5}\n";
  const Arguments plain = {"--background", "none", "--model", folder.path};
  const Json left_out = json_lines(fit(plain, rows).out).at(0);
  REQUIRE(left_out["tokens"].size() == 2);
  CHECK(left_out["tokens"][0]["text"] == "x");
  CHECK(std::abs(left_out["tokens"][1]["value"].get<double>() - 2) <= 1e-9);
  Arguments with = plain;
  with.push_back("--skip-special=false");
  CHECK(json_lines(fit(with, rows).out).at(0)["tokens"].size() == 4);
}

TEST_CASE("fit: bad rows and options are refused by name") {
  const auto error_of = [](const Arguments& options, const std::string& input, int status) {
    const Finished run = fit(options, input);
    CHECK(run.status == status);
    CHECK(run.out.empty());
    return lines_of(run.err).at(0);
  };
  CHECK(error_of({}, "{\"input_ids\":[5]}\n", 3) == "error: stdin: line 1: field \"log_odds\" is missing");
  CHECK(error_of({"--holdout", "2"}, "{\"input_ids\":[5],\"log_odds\":1}\n", 3) ==
        "error: stdin: found 1 rows, wanted more than the 2 held out");
  CHECK(error_of({"--surrogate", "tree"}, "", 2) == "error: --surrogate tree, wanted linear, gam or slalom");
  CHECK(error_of({"--surrogate", "linear", "--fit", "published-eff"}, "", 2) ==
        "error: --fit published-eff with --surrogate linear, wanted default, least-squares");
  CHECK(error_of({"--fit", "published-lasso"}, "", 2)
            .ends_with("published-fidel, published-eff, published-texts"));
  CHECK(error_of({"--fit", "published-eff", "--background", "fitted"}, "", 2) ==
        "error: --fit published-eff: the published SLALOM has no background and fits importances");
  CHECK(error_of({"--surrogate", "gam", "--background", "none"}, "", 2) ==
        "error: --background has no effect without --surrogate slalom");
}

TEST_CASE("fit: the reference models' texts, at the optimum that is known") {
  struct Wanted {
    const char* folder;
    double plain, background;
  };
  for (const Wanted& w : {Wanted{"hf_distilbert_1", .068, .062}, Wanted{"hf_gpt2_2", .142, .099}}) {
    const std::string folder = std::string("../shared/models/") + w.folder;
    if (!std::filesystem::exists(folder)) {
      MESSAGE("skipped: " << folder << " is not there");
      continue;
    }
    for (const auto& [background, most] : {std::pair{"none", w.plain}, {"fitted", w.background}}) {
      const Json row = json_lines(fit({"--model", folder, "--input", folder + "/texts.jsonl.gz", "--holdout",
                                       "500", "--background", background},
                                      "")
                                      .out)
                           .at(0);
      CHECK(row["mse_holdout"].get<double>() <= most);
    }
  }
}
