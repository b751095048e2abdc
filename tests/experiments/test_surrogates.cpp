#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "../support/temporary_folder.hpp"
#include "slalom/data/batch.hpp"
#include "slalom/data/synthetic.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/nn/predictor.hpp"
#include "slalom/surrogate/linear.hpp"
#include "tiny.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

Finished run_surrogates(const std::string& models, const std::string& output) {
  return run_tiny("surrogates", output, {"--models", models});
}

// The linear surrogate's error again, with nothing of the experiment's own code: 2,000 answers to fit and 300
// to score, from text 2^40 of the distribution on.
double linear_error(const std::string& folder, bool special) {
  const BagOfWordsSource source(0);
  const SpecialTokens tokens = special ? usual_special_tokens(source.vocabulary()) : SpecialTokens{};
  const LoadedModel<float> loaded = load_model<float>(folder);
  PackedBatch batch;
  std::vector<std::vector<Sample::Token>> words;
  SyntheticText text;
  for (Index i = 0; i < 2300; ++i) {
    source.get((Index{1} << 40) + i, text);
    batch.add(wrap(text.tokens, tokens), 0);
    for (TokenId& id : text.tokens) id -= 5;  // behind five special tokens
    words.push_back(text.tokens);
  }
  std::vector<float> logits;
  Predictor<float>(*loaded.model).logits(batch, logits);
  Sample fitted, scored;
  fitted.tokens = scored.tokens = 10;
  for (std::size_t i = 0; i < words.size(); ++i)
    (i < 2000 ? fitted : scored).add(words[i], static_cast<double>(logits[2 * i + 1] - logits[2 * i]));
  const LinearModel model = fit_linear(fitted).model;
  double squares = 0;
  for (Index i = 0; i < 300; ++i)
    squares += std::pow(model.predict(scored.text(i)) - scored.target[static_cast<std::size_t>(i)], 2);
  return squares / 300;
}

}  // namespace

TEST_CASE("surrogates: a SLALOM with background describes trained transformers better than a linear model") {
  const TemporaryFolder study("surrogates_study"), output("surrogates");
  REQUIRE(run_tiny("linear_study", study.path, {"--layers", "1,2"}).status == 0);
  const std::string models = study.file("models");
  run_tiny_shards("surrogates", output.path, {"--models", models});
  const Json json = checked_results(run_surrogates(models, output.path), output.path,
                                    "model,run,n,curve,log_odds\ndistilbert_1,0,1,model,", 6 * 7 * 30);
  std::vector<std::string> names;
  for (const Json& model : json["models"]) {
    const std::string name = model["model"];
    names.push_back(name);
    CAPTURE(name);
    const double linear = model["mse"]["linear"];
    CHECK(std::abs(linear - linear_error(concat(models, "/", name, "_run0"), !name.starts_with("gpt2"))) <=
          1e-6 * linear);
    CHECK(model["mse"].size() == 6);
    CHECK(model["seconds"].size() == 6);
    // What is repeated is one token to a SLALOM without background.
    const auto plain = model["repeated"]["slalom"].get<std::vector<double>>();
    CHECK(plain.size() == 30);
    for (const double f : plain) CHECK(std::abs(f - plain[0]) <= 1e-12 * (1 + std::abs(plain[0])));
  }
  CHECK(names ==
        std::vector<std::string>{"distilbert_1", "distilbert_2", "bert_1", "bert_2", "gpt2_1", "gpt2_2"});
  CHECK(json["fits"].size() == 4 * 4);
  for (const Json& fit : json["fits"]) CHECK(fit["mse"].get<double>() <= fit["published_mse"].get<double>());

  // What is finished is kept, what is missing is done again.
  const std::string bytes = read_file(output.file("results.json")),
                    csv = read_file(output.file("curves.csv"));
  CHECK(run_surrogates(models, output.path).err.find("fits_slalom_with_noise: done before") !=
        std::string::npos);
  CHECK(read_file(output.file("results.json")) == bytes);
  for (const std::string& name : files_in(output.file("work")))
    if (name.starts_with("bert_1_run0")) std::filesystem::remove(output.file("work/" + name));
  const Finished again = run_surrogates(models, output.path);
  CHECK(again.err.find("bert_1_run0\n") != std::string::npos);
  CHECK(again.err.find("bert_2_run0: done before, kept\n") != std::string::npos);
  CHECK(read_file(output.file("curves.csv")) == csv);
}

TEST_CASE("surrogates: models that are missing or of two studies are refused") {
  const TemporaryFolder models("surrogates_models");
  const Finished none = run_surrogates(models.path, models.file("out"));
  CHECK(none.status == 3);
  CHECK(none.err.starts_with("error: " + models.path + ": found no models of the linear study"));
  for (const Index width : {8, 16}) {
    Classifier<float> model(default_config(Architecture::bert, 1, width, 2, 16));
    model.initialise(0);
    save_model(model, models.file(concat("bert_1_run", width)));
  }
  const Finished mixed = run_surrogates(models.path, models.file("out"));
  CHECK(mixed.status == 3);
  CHECK(mixed.err.find("bert_1_run16: found width 16, ") != std::string::npos);
}

TEST_CASE("linear_study: depths are different numbers from 1 on") {
  for (const char* layers : {"0", "1,1", "1,x", ",", "1001"}) {
    CAPTURE(layers);
    const Finished run = run_tiny("linear_study", "unused", {"--layers", layers});
    CHECK(run.status == 2);
    CHECK(run.err.starts_with("error: --layers "));
  }
}
