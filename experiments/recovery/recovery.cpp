// Does a SLALOM find the SLALOM that made the data? (paper, section 6.3, Figure 4c and d): from the answers
// of the truth itself, and from those of transformers trained on its texts.
#include <algorithm>
#include <cmath>

#include "../support/models.hpp"
#include "slalom/base/correlation.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/surrogate/identification.hpp"
#include "slalom/surrogate/published.hpp"

namespace {

using namespace slalom;
using namespace slalom::experiment;

constexpr int kFormat = 1;           // of the records
constexpr Index kLongestFitted = 8;  // words of the texts that surrogates are fitted to
constexpr Index kLayers = 2;         // of the DistilBERTs

struct Size {
  std::vector<Index> counts;  // |V|
  Index fitted;               // texts
  Index width, heads;         // of the DistilBERTs
  Index epochs, epoch_texts;
  double rate;
};

struct Recovery : Options {
  std::string words;  // TSV table, or empty: a table is drawn
  Size sizes;
};

Size size_named(const std::string& name) {
  const Size standard = {{16, 32, 64, 128, 200}, 10000, 128, 4, 20, 20000, 5e-5};
  Size paper = standard;
  paper.width = 768;
  paper.heads = 12;
  return of_size(name, {{8, 16}, 2000, 32, 2, 5, 4000, 1e-3}, standard, paper);
}

// --- fits ------------------------------------------------------------------------------------------------

// The first words of the table.
std::vector<SlalomWord> table_of(const Recovery& options, Index count) {
  if (options.words.empty()) return redraw_slalom_words(options.seed, count);
  std::vector<SlalomWord> words = read_slalom_words(options.words);
  if (std::ssize(words) < count)
    throw Error(concat(options.words, ": found ", words.size(), " words, wanted at least ", count));
  words.resize(static_cast<std::size_t>(count));
  return words;
}

std::vector<double> centred(std::vector<double> x) {
  double mean = 0;
  for (const double value : x) mean += value / static_cast<double>(x.size());
  for (double& value : x) value -= mean;
  return x;
}

double root_mean_square(const std::vector<double>& x, const std::vector<double>& y) {
  double squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) squares += (x[i] - y[i]) * (x[i] - y[i]);
  return std::sqrt(squares / static_cast<double>(x.size()));
}

// A model against the truth, over the words that occur in the sample.
Json compare(const SlalomModel& model, const std::vector<SlalomWord>& truth, const Sample& sample,
             double seconds) {
  std::vector<bool> occurs(truth.size());
  for (const Sample::Token k : sample.token) occurs[static_cast<std::size_t>(k)] = true;
  std::vector<std::string> word;
  std::vector<double> value, true_value, importance, true_importance;
  for (std::size_t k = 0; k < truth.size(); ++k) {
    if (!occurs[k]) continue;
    word.push_back(truth[k].word);
    value.push_back(model.value[k]);
    importance.push_back(model.importance[k]);
    true_value.push_back(truth[k].value);
    true_importance.push_back(truth[k].importance);
  }
  importance = centred(importance);
  true_importance = centred(true_importance);
  return {{"value_rmse", root_mean_square(value, true_value)},
          {"importance_rmse", root_mean_square(importance, true_importance)},
          {"value_correlation", pearson(value, true_value)},
          {"importance_correlation", pearson(importance, true_importance)},
          {"seconds", seconds},
          {"word", word},
          {"value", value},
          {"true_value", true_value},
          {"importance", importance},
          {"true_importance", true_importance}};
}

// {"words", "fitted", "identified", "published"}: fits to the truth's answers. A fit is {"value_rmse"
// (nats), "importance_rmse", "value_correlation", "importance_correlation", "seconds"} and a number a word:
// "word", "value", "true_value", "importance", "true_importance". Of the words, only those that occur in the
// texts count, and importances are centred over them.
Json recover_from_truth(Index count, const Recovery& options) {
  const std::vector<SlalomWord> words = table_of(options, count);
  const SlalomSource source(options.seed, words);
  const std::vector<Text> texts = fresh_texts(source, options.sizes.fitted, kLongestFitted);
  std::vector<double> answers;
  answers.reserve(texts.size());
  for (const Text& text : texts) answers.push_back(source.log_odds(text));
  const Sample sample = sample_of(source, texts, answers);

  SlalomFit fit, adam;
  const double fit_seconds = seconds_of([&] { fit = fit_slalom(sample); });
  const double adam_seconds = seconds_of([&] { adam = fit_slalom_adam(sample, kPublishedTexts); });
  Identification identified;
  const TokenId first = words_of(source).front();
  const auto ask = [&](const std::vector<std::vector<Sample::Token>>& asked) {
    std::vector<double> log_odds;
    for (Text tokens : asked) {
      for (TokenId& token : tokens) token += first;
      log_odds.push_back(source.log_odds(tokens));
    }
    return log_odds;
  };
  const double identification_seconds = seconds_of([&] { identified = identify_slalom(count, ask, {}); });
  Json record = {{"words", count},
                 {"fitted", compare(fit.model, words, sample, fit_seconds)},
                 {"identified", compare(identified.model, words, identified.asked, identification_seconds)},
                 {"published", compare(adam.model, words, sample, adam_seconds)}};
  record["identified"]["queries"] = identified.asked.texts();
  return record;
}

// {"words", "loss", "accuracy", "seconds", "plain", "background"}: fits to a trained model's answers.
Json recover_from_transformer(Index count, const Recovery& options, const Part& part) {
  const std::vector<SlalomWord> words = table_of(options, count);
  const SlalomSource source(options.seed, words);
  Classifier<float> model(default_config(Architecture::distilbert, kLayers, options.sizes.width,
                                         options.sizes.heads, source.vocabulary().size()));
  model.initialise(options.seed);
  const SpecialTokens special = special_tokens_of(Architecture::distilbert, source);
  const Size& size = options.sizes;
  Json record = {{"words", count}};
  record.update(
      train_on_fresh_texts(model, source, special, size.epoch_texts,
                           training_on_fresh_texts(options, part, size.epochs, size.epoch_texts, size.rate)));
  save_model(model, concat(options.folder, "/models/slalom_", count));

  const std::vector<Text> texts = fresh_texts(source, options.sizes.fitted, kLongestFitted);
  const Sample sample = sample_of(source, texts, log_odds_of(model, special)(texts));
  for (const bool background : {false, true}) {
    SlalomFit fit;
    const double seconds = seconds_of([&] { fit = fit_slalom(sample, {.background = background}); });
    Json& row = record[background ? "background" : "plain"] = compare(fit.model, words, sample, seconds);
    row["mse"] = fit.mse;
  }
  return record;
}

// --- report ----------------------------------------------------------------------------------------------

// Root mean squared errors of the log-odds of one batch of 32 texts of the published fit; of values and
// importances none is published.
constexpr std::pair<Index, double> kPublished[] = {{16, .0483}, {32, .0707}, {64, .0785}, {200, .1443}};

Table truth_table(const std::vector<Json>& truths) {
  std::vector<Column<Json>> columns = {{"words", as_is("words")}};
  for (const auto& [how, title] : {std::pair("fitted", "fitted"), std::pair("identified", "identified"),
                                   std::pair("published", "published fit")})
    for (const char* what : {"value", "importance"})
      columns.push_back(
          {concat(title, ", ", what, "s"), with_digits(field(concat(how, "/", what, "_rmse")), 2)});
  columns.push_back({"queries of identification", as_is("identified/queries")});
  columns.push_back({"seconds, fit", with_decimals(field("fitted/seconds"), 3)});
  columns.push_back({"[published]", with_decimals(field("published/seconds"), 3)});
  return table_of(truths, columns);
}

std::string published_error(const Json& transformer) {
  const auto* published =
      std::ranges::find(kPublished, transformer["words"].get<Index>(), &std::pair<Index, double>::first);
  return published == std::end(kPublished) ? "-" : fixed(published->second, 3);
}

NumberOf log_odds_rmse(const std::string& fit) {
  return [=](const Json& record) { return std::sqrt(number(record[fit]["mse"])); };
}

Table transformer_table(const std::vector<Json>& transformers) {
  std::vector<Column<Json>> columns = {{"words", as_is("words")},
                                       {"loss", with_decimals(field("loss"), 4)},
                                       {"plain, log-odds", with_decimals(log_odds_rmse("plain"), 3)},
                                       {"[published, one batch]", published_error}};
  for (const char* fit : {"plain", "background"})
    for (const char* what : {"value", "importance"}) {
      const std::string path = concat(fit, "/", what);
      columns.push_back({concat(fit, ", ", what, "s"), with_decimals(field(path + "_rmse"), 3)});
      columns.push_back({concat(fit, ", r"), with_decimals(field(path + "_correlation"), 3)});
    }
  return table_of(transformers, columns);
}

Estimates findings(const std::vector<Json>& truths, const std::vector<Json>& transformers) {
  Estimates found;
  const auto put = [&](const Json& record, const char* fit) {
    const std::string prefix = concat("words_", record["words"].dump(), ".", fit, ".");
    for (const auto& [what, value] : record[fit].items())
      if (what.ends_with("_correlation"))
        found[prefix + what] = correlation_over(number(value), std::ssize(record[fit]["word"]));
      else if (!value.is_array())
        found[prefix + what] = number(value);
  };
  for (const Json& r : truths)
    for (const char* fit : {"fitted", "identified", "published"}) put(r, fit);
  for (const Json& r : transformers)
    for (const char* fit : {"plain", "background"}) {
      put(r, fit);
      found[concat("words_", r["words"].dump(), ".", fit, ".log_odds_rmse")] = log_odds_rmse(fit)(r);
    }
  return found;
}

Panel error_panel(const std::vector<Json>& transformers) {
  Panel panel{
      .title = "from transformers", .x_label = "words", .y_label = "RMSE", .curves = {}, .log_x = true};
  for (const char* fit : {"plain", "background"})
    for (const auto& [what, title] :
         {std::pair{"value_rmse", "values (nats)"}, std::pair{"importance_rmse", "importances"}}) {
      slalom::Curve curve{.label = concat(title, ", ", fit), .style = slalom::Curve::Style::line_points};
      for (const Json& r : transformers) {
        curve.x.push_back(number(r["words"]));
        curve.y.push_back(number(r[fit][what]));
      }
      panel.curves.push_back(std::move(curve));
    }
  // Near the affine limit the values of a fit with background grow without bound: those are cut off.
  double highest = 0;
  for (std::size_t i = 0; i < 2; ++i) highest = std::max(highest, std::ranges::max(panel.curves[i].y));
  panel.y_range = {0, 1.2 * highest};
  return panel;
}

// Fitted against true numbers, a point a word.
Panel scatter_panel(const Json& truth, const Json& transformer, const std::string& what, const char* unit) {
  const std::vector<double> all = truth["fitted"]["true_" + what];
  const auto [low, high] = std::ranges::minmax(all);
  Panel panel{
      .title = concat(what, "s of ", truth["words"].dump(), " words"),
      .x_label = concat("true", unit),
      .y_label = concat("fitted", unit),
      .curves = {
          {.label = "equal", .x = {low, high}, .y = {low, high}, .style = slalom::Curve::Style::dashed}}};
  for (const auto& [fit, label] : {std::pair{&truth["fitted"], "from the truth"},
                                   std::pair{&transformer["plain"], "from a transformer"}})
    panel.curves.push_back({.label = label,
                            .x = (*fit)["true_" + what],
                            .y = (*fit)[what],
                            .style = slalom::Curve::Style::points});
  return panel;
}

Table curves_table(const std::vector<Json>& truths, const std::vector<Json>& transformers) {
  Table table({{"words"}, {"fit"}, {"word"}, {"true_value"}, {"value"}, {"true_importance"}, {"importance"}});
  const auto add = [&](const Json& record, const char* name) {
    const Json& fit = record[name];
    for (std::size_t k = 0; k < fit["word"].size(); ++k) {
      std::vector<std::string> row = {record["words"].dump(), name, fit["word"][k]};
      for (const char* what : {"true_value", "value", "true_importance", "importance"})
        row.push_back(shortest(number(fit[what][k])));
      table.add_row(row);
    }
  };
  for (std::size_t i = 0; i < truths.size(); ++i) {
    for (const char* name : {"fitted", "identified", "published"}) add(truths[i], name);
    for (const char* name : {"plain", "background"}) add(transformers[i], name);
  }
  return table;
}

// The scatter plots are of this many words, or the largest number below.
constexpr Index kScattered = 64;

int report(const std::vector<Json>& truths, const std::vector<Json>& transformers, const Recovery& options) {
  const auto shown = std::ranges::count_if(options.sizes.counts, [](Index n) { return n <= kScattered; }) - 1;
  const Json &truth = truths.at(static_cast<std::size_t>(shown)),
             &transformer = transformers.at(static_cast<std::size_t>(shown));
  return publish(
      {.title = concat("Recovery of a SLALOM, size ", options.size),
       .sections =
           {{"From transformers: root mean squared error of the fitted SLALOM's log-odds (nats) on the texts "
             "that it was fitted to, beside the published one of a single batch of them; then of values "
             "(nats) "
             "and centred importances against the SLALOM that made the training texts, and correlations r; "
             "fits without and with background.",
             transformer_table(transformers)},
            {"From the truth's own answers: the same errors of the least-squares fit, of identification from "
             "2 |V| - 1 answers, and of the published optimiser.",
             truth_table(truths)}},
       .figure = {.title = "Is the SLALOM found that made the data?",
                  .panels = {error_panel(transformers), scatter_panel(truth, transformer, "value", ", nats"),
                             scatter_panel(truth, transformer, "importance", "")},
                  .columns = 3},
       .curves = curves_table(truths, transformers),
       .about = {{"truths", truths}},
       .records = transformers,
       .found = findings(truths, transformers)},
      options);
}

Json settings_of(Index count, const Recovery& options) {
  return {{"words", count},
          {"table", options.words.empty() ? "" : fingerprint(read_file(options.words))},
          {"seed", options.seed},
          {"fitted", options.sizes.fitted}};
}

int run(const ParsedOptions& parsed) {
  Recovery options{read_options(parsed, "recovery", kFormat)};
  options.words = parsed["words"].word;
  options.sizes = size_named(options.size);
  if (!options.recorded.is_null())
    return report(recorded_list(options, "truths"), recorded_list(options, "models"), options);

  std::vector<Json> truths, transformers;
  for (const Index count : options.sizes.counts) {
    Json settings = settings_of(count, options);
    truths.push_back(finished(options, concat("truth_", count), settings,
                              [&](const Part&) { return recover_from_truth(count, options); }));
    settings.update(Json{{"layers", kLayers},
                         {"width", options.sizes.width},
                         {"heads", options.sizes.heads},
                         {"epochs", options.sizes.epochs},
                         {"epoch_texts", options.sizes.epoch_texts},
                         {"rate", options.sizes.rate}});
    transformers.push_back(finished(options, concat("transformer_", count), settings, [&](const Part& part) {
      return recover_from_transformer(count, options, part);
    }));
  }
  return is_shard(options) ? 0 : report(truths, transformers, options);
}

}  // namespace

int main(int argc, char** argv) {
  return run_command(
      argc, argv,
      study("recovery", "Is a SLALOM found from its answers? (Figure 4c and d)",
            {{"words", "FILE", "", "TSV table (word p importance value), its first words are used"}}, run));
}
