// What a sentiment classifier has learned of single words (paper, appendix F.8): a model trained from scratch
// on film reviews, its global token importance, and the strong words that say nothing of a film.
#include <algorithm>
#include <cmath>

#include "../support/reviews.hpp"
#include "edits.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/cli/global_importance.hpp"
#include "slalom/data/generated_reviews.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"
#include "slalom/report/number_text.hpp"
#include "slalom/train/evaluation.hpp"

namespace {

using namespace slalom;
using namespace slalom::experiment;
using namespace slalom::case_study;

constexpr int kFormat = 1;  // of the records
constexpr Index kBatchRows = 4096;

struct Size {
  Index train_texts, test_texts;  // at most
  Index edited;   // reviews whose sign edits turn: the first that leave room for what is put in
  Index longest;  // tokens of a text; of a longer one its first and its last half are read
  Index layers, width, heads, epochs;
  double rate, dropout;
};

Size size_named(const std::string& name, bool generated) {
  if (generated)
    return of_size<Size>(name, {2000, 500, 50, 128, 1, 32, 4, 3, 1e-3, 0.1},
                         {5000, 2000, 50, 128, 2, 128, 4, 3, 5e-4, 0.1},
                         {20000, 2000, 50, 128, 2, 256, 4, 3, 3e-4, 0.1});
  return of_size<Size>(name, {5000, 1000, 10, 128, 1, 64, 4, 3, 5e-4, 0.2},
                       {5000, 2000, 50, 128, 2, 256, 4, 3, 2e-4, 0.3},
                       {5000, 2000, 50, 512, 2, 768, 12, 5, 5e-5, 0.3});
}

// BERT's vocabulary of the data folder, or one that is trained on the training reviews; of generated reviews
// all words.
Tokenizer tokenizer_of(const TextCorpus& corpus, const std::string& data, const std::string& folder) {
  if (!corpus.generated) return make_tokenizer(Architecture::distilbert, corpus, data, folder);
  std::string lines = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  for (const std::string& word : generated_words()) lines += word + "\n";
  make_folders(folder);
  write_file(folder + "/vocab.txt", lines);
  return load_tokenizer(folder).value();
}

// Of a long review its first and its last half: the verdict is often at the end.
void shorten(std::vector<TokenId>& ids, Index longest) {
  const Index surplus = std::ssize(ids) - longest, first = (longest + 1) / 2;
  if (surplus > 0) ids.erase(ids.begin() + first, ids.begin() + first + surplus);
}

std::vector<InputRow> rows_of(const std::vector<Review>& reviews, const Tokenizer& tokenizer, Index longest) {
  std::vector<InputRow> rows = encoded(reviews, tokenizer, std::numeric_limits<Index>::max());
  for (InputRow& row : rows) {
    shorten(row.ids, longest);
    row.types.clear();
    row.places.clear();
  }
  return rows;
}

// What the model makes of the test texts.
struct Study {
  std::string corpus;          // "IMDB", "generated reviews"
  Json training;               // "loss", "accuracy", "seconds"
  Index right = 0, texts = 0;  // of the test texts
  GlobalImportance card;       // made from the test texts
  std::vector<Json> edits;     // of short test texts: {"text", "edits": [{"how", "edits", "flips"}, …]}
};

// Trains a classifier and writes it into the folder.
Json train(const std::vector<InputRow>& texts, const Tokenizer& tokenizer, const Size& size,
           const Options& options, const Part& part, const std::string& folder) {
  Classifier<float> model(
      config_of({Architecture::distilbert, size.layers, size.width, size.heads, size.longest, size.dropout},
                tokenizer));
  model.initialise(options.seed);
  ShuffledRows rows(texts, "reviews", options.seed);
  Trainer<float> trainer(model, rows, training_of(options, part, std::ssize(texts), size.epochs, size.rate));
  double seconds = 0;
  trainer.run([&](const EpochReport& epoch) { seconds += epoch.seconds; });
  const EpochReport last = trainer.epoch_so_far();
  save_model(model, folder);
  return {{"loss", last.loss}, {"accuracy", last.accuracy}, {"seconds", seconds}};
}

Study examine(const std::vector<InputRow>& texts, const Tokenizer& tokenizer, const Size& size,
              const Options& options, const std::string& folder) {
  const LoadedModel<float> loaded = load_model<float>(folder);
  ModelBlackBox<float> f(*loaded.model, kPositive, kBatchRows);
  Study study{.texts = std::ssize(texts)};
  const std::vector<double> log_odds = f.log_odds(batch_of(texts));
  CorpusCounts counts(special_ids_of(tokenizer), kPositive, size.longest);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    study.right += (log_odds[i] > 0) == (texts[i].label == kPositive);
    counts.add(texts[i], texts[i].label);
  }
  study.card = global_importance(f, counts, {.background = false, .extra_pairs = 0, .seed = options.seed});
  const std::string weights = weights_of(folder);
  for (std::size_t i = 0; i < texts.size() && std::ssize(study.edits) < size.edited; ++i) {
    if (std::ssize(texts[i].ids) > size.longest - kMostEdits) continue;
    const Json settings = {{"weights", weights}, {"text", i}, {"seed", options.seed}};
    study.edits.push_back(finished(options, concat("edits_", i), settings, [&](const Part&) {
      Json edits = Json::array();
      for (const Edit& e :
           edits_of(f, {texts[i].ids, special_ids_of(tokenizer)}, study.card, options.seed + i))
        edits.push_back({{"how", e.how}, {"edits", e.edits}, {"flips", e.flips}});
      return Json{{"text", i}, {"edits", edits}};
    }));
  }
  return study;
}

// --- report ---------------------------------------------------------------------------------------------

using CardToken = GlobalImportance::Token;

constexpr std::size_t kShown = 20;  // tokens of a table
// What the published case study reads off its own model, another one, for and against a positive review.
const std::vector<std::string> kPublishedWords = {"hot",     "big",     "together", "remember", "anyway",
                                                  "somehow", "never",   "anymore",  "probably", "doesn",
                                                  "maybe",   "without", "however",  "surprised"};
// The words of the plane; ratings say nothing of a film.
const std::pair<const char*, std::vector<std::string>> kGroups[] = {
    {"great, excellent, wonderful, best", {"great", "excellent", "wonderful", "best"}},
    {"worst, awful, boring, terrible", {"worst", "awful", "boring", "terrible"}},
    {"ratings 7 to 10", {"7", "8", "9", "10"}},
    {"ratings 1 to 4", {"1", "2", "3", "4"}}};
const std::vector<std::string> kRatings = {"1", "2", "3", "4", "7", "8", "9", "10"};

// Global importance with its tokens by their texts.
class NamedCard {
 public:
  NamedCard(const GlobalImportance& card, const Tokenizer& tokenizer) : card_(card), tokenizer_(tokenizer) {}

  std::string operator()(TokenId id) const { return tokenizer_.vocabulary().token(id); }
  const CardToken* find(const std::string& word) const {
    const std::optional<TokenId> id = tokenizer_.vocabulary().find(word);
    const auto found = std::ranges::find_if(card_.tokens, [&](const CardToken& t) { return t.id == id; });
    return found == card_.tokens.end() ? nullptr : &*found;
  }
  std::vector<CardToken> find_all(const std::vector<std::string>& words) const {
    std::vector<CardToken> tokens;
    for (const std::string& word : words)
      if (const CardToken* token = find(word)) tokens.push_back(*token);
    return tokens;
  }
  /// Place among the tokens of the same sign, the strongest being 1.
  Index rank(const CardToken& token) const {
    Index place = 1;
    for (const CardToken& other : card_.tokens) {
      if (other.id == token.id) break;
      place += other.linear * token.linear > 0;
    }
    return place;
  }

 private:
  const GlobalImportance& card_;
  const Tokenizer& tokenizer_;
};

std::vector<double> column(const std::vector<CardToken>& tokens, double CardToken::*field) {
  std::vector<double> numbers;
  for (const CardToken& token : tokens) numbers.push_back(token.*field);
  return numbers;
}

Estimates findings(const Study& study, const NamedCard& card) {
  const Fidelity& fidelity = *study.card.fidelity;
  const Share right{study.right, study.texts};
  const auto [low, high] = right.interval();
  Estimates found = {{"accuracy", {right.value(), low, high}},
                     {"tokens", static_cast<double>(study.card.tokens.size())},
                     {"queries", static_cast<double>(study.card.cost.queries)},
                     {"r2", fidelity.r2},
                     {"correlation", fidelity.correlation},
                     {"spearman_naive_bayes", study.card.spearman_naive_bayes.value_or(NAN)}};
  add_edit_estimates(study.edits, found);
  std::vector<std::string> words = kPublishedWords;
  for (const auto& [label, group] : kGroups) words.insert(words.end(), group.begin(), group.end());
  for (const CardToken& token : card.find_all(words)) {
    found[card(token.id) + ".linear"] = token.linear;
    found[card(token.id) + ".rank"] = static_cast<double>(card.rank(token));
  }
  return found;
}

Table summary_table(const Study& study) {
  const Share right{study.right, study.texts};
  const auto [low, high] = right.interval();
  const GlobalImportance& card = study.card;
  Table table({{"number"}, {"found", Table::Align::right}});
  table.add_row(
      {"loss, accuracy of the last epoch of training",
       concat(fixed(number(study.training["loss"]), 3), ", ", fixed(number(study.training["accuracy"]), 3))});
  table.add_row({concat("accuracy on ", study.texts, " test texts [95 % interval]"),
                 concat(fixed(right.value(), 3), " [", fixed(low, 3), ", ", fixed(high, 3), "]")});
  table.add_row({"tokens", count_text(std::ssize(card.tokens))});
  table.add_row({"queries, token-forwards",
                 concat(count_text(card.cost.queries), ", ", count_text(card.cost.token_forwards))});
  table.add_row({concat("R², correlation on ", card.fidelity->n, " test texts"),
                 concat(fixed(card.fidelity->r2, 2), ", ", fixed(card.fidelity->correlation, 2))});
  table.add_row({concat("Spearman of linear and naive Bayes, tokens that occur ", GlobalImportance::kFewest,
                        " times or more"),
                 fixed(card.spearman_naive_bayes.value_or(NAN), 2)});
  return table;
}

Table whole_card(const GlobalImportance& card, const NamedCard& named) {
  Table table(
      {{"id"}, {"token"}, {"value"}, {"importance"}, {"linear"}, {"count"}, {"texts"}, {"naive_bayes"}});
  for (const CardToken& token : card.tokens)
    table.add_row({std::to_string(token.id), named(token.id), shortest(token.value),
                   shortest(token.importance), shortest(token.linear), std::to_string(token.count),
                   std::to_string(token.texts), shortest(token.naive_bayes.value_or(NAN))});
  return table;
}

std::vector<CardToken> frequent(const GlobalImportance& card) {
  std::vector<CardToken> tokens = card.tokens;
  std::erase_if(tokens, [](const CardToken& token) { return token.count < GlobalImportance::kFewest; });
  return tokens;
}

Figure agreement(const GlobalImportance& card) {
  using enum slalom::Curve::Style;
  const auto [low, high] = std::ranges::minmax(card.log_odds);
  const Panel texts{.title = "test texts",
                    .x_label = "log-odds of the model (nats)",
                    .y_label = "predicted log-odds (nats)",
                    .curves = {{.label = "texts", .x = card.log_odds, .y = card.predicted, .style = points},
                               {.label = "equal", .x = {low, high}, .y = {low, high}, .style = dashed}}};
  std::vector<double> scores;
  for (const CardToken& token : frequent(card)) scores.push_back(token.naive_bayes.value_or(NAN));
  const Panel words{.title = concat("tokens that occur ", GlobalImportance::kFewest, " times or more"),
                    .x_label = "naive Bayes",
                    .y_label = "linear: exp(importance) value",
                    .curves = {{.label = "tokens",
                                .x = scores,
                                .y = column(frequent(card), &CardToken::linear),
                                .style = points}}};
  return {
      .title = "Global token importance against model and corpus", .panels = {texts, words}, .columns = 2};
}

Figure plane(const GlobalImportance& card, const NamedCard& named) {
  Panel panel{.title = "", .x_label = "value (nats)", .y_label = "importance", .curves = {}};
  const auto add = [&](const std::string& label, const std::vector<CardToken>& tokens) {
    panel.curves.push_back({.label = label,
                            .x = column(tokens, &CardToken::value),
                            .y = column(tokens, &CardToken::importance),
                            .style = slalom::Curve::Style::points});
  };
  add("tokens", frequent(card));
  for (const auto& [label, group] : kGroups) add(label, named.find_all(group));
  return {.title = "Values and importances of words", .panels = {panel}};
}

Table figure_numbers(const GlobalImportance& card) {
  Table table({{"log_odds"}, {"predicted"}});
  for (std::size_t i = 0; i < card.log_odds.size(); ++i)
    table.add_row({shortest(card.log_odds[i]), shortest(card.predicted[i])});
  return table;
}

ReportTable edits_section(const std::vector<Json>& edits) {
  return {
      concat(
          "Edits until the sign of F changes, at most ", kMostEdits, " tokens, of ", edits.size(),
          " test texts. Taken out of the text: as `explain --flip` chooses them, and those that the table of "
          "all tokens has strongest for the text's side. Put in behind it: those that it has strongest for "
          "the other side, and random ones."),
      edits_table(edits)};
}

std::vector<ReportTable> sections(const Study& study, const NamedCard& named) {
  const std::vector<CardToken> pro = study.card.strongest(1, kShown, GlobalImportance::kFewest),
                               contra = study.card.strongest(-1, kShown, GlobalImportance::kFewest);
  std::vector<CardToken> both = pro;
  both.insert(both.end(), contra.begin(), contra.end());
  const std::vector<CardToken> ratings = named.find_all(kRatings);
  std::vector<ReportTable> list = {
      {concat("A classifier trained from scratch on ", study.corpus,
              ", and its global token importance: value, importance and linear = exp(importance) · value of "
              "every token "
              "of the test texts, from texts of one and two tokens; ",
              global_fidelity_sentence(study.card), "."),
       summary_table(study)},
      {concat("Strongest for a positive review, of the tokens that occur ", GlobalImportance::kFewest,
              " times or more:"),
       importance_table(pro, named)},
      {"Strongest against, of the same:", importance_table(contra, named)},
      {"Of these, strong in the model but weak or opposite in the corpus, or no words at all:",
       importance_table(remarkable(both, named), named)}};
  if (!ratings.empty())
    list.push_back({"Ratings. A number is no opinion of a film: it is the label, leaked into the text.",
                    importance_table(ratings, named)});
  list.push_back(edits_section(study.edits));
  return list;
}

int report(const Study& study, const Tokenizer& tokenizer, const Options& options) {
  const NamedCard named(study.card, tokenizer);
  write_file(options.folder + "/card.tsv", whole_card(study.card, named).tsv());
  const Figure words = plane(study.card, named);
  write_file(options.folder + "/plane.svg", draw(words).document(words.title));
  const Estimates found = findings(study, named);
  Json values;
  for (const auto& [name, estimate] : found) values[name] = estimate.value;
  return publish({.title = concat("Words of a sentiment classifier, size ", options.size),
                  .sections = sections(study, named),
                  .figure = agreement(study.card),
                  .curves = figure_numbers(study.card),
                  .about = {{"corpus", study.corpus}, {"edits", study.edits}},
                  .records = {values},
                  .found = found},
                 options);
}

// What results.json has: no token table, which is a file of its own.
int report_recorded(const Options& options) {
  const std::vector<Json> edits = recorded_list(options, "edits");
  const Estimates found = estimates_from(options.recorded.at("estimates"), "recorded results");
  Table table({{"number"}, {"found", Table::Align::right}});
  for (const auto& [name, e] : found)
    if (!name.starts_with("edits.")) table.add_row({name, significant(e.value, 4)});
  const std::string corpus = options.recorded.at("corpus");
  return publish(
      {.title = concat("Words of a sentiment classifier, size ", options.size),
       .sections = {edits_section(edits),
                    {concat("A classifier trained from scratch on ", corpus,
                            ": scores of words (nats, exp(importance) · value) and their places among "
                            "all of their sign:"),
                     table}},
       .figure = {},
       .curves = table,
       .about = {{"corpus", corpus}, {"edits", edits}},
       .records = recorded_list(options, "models"),
       .found = found},
      options);
}

// --- program --------------------------------------------------------------------------------------------

int run(const ParsedOptions& parsed) {
  Options options = read_options(parsed, "case_study", kFormat);
  if (!options.recorded.is_null()) return report_recorded(options);
  const std::string data = data_folder(parsed["data"].word), folder = options.folder + "/model";
  if (data.empty() && parsed.count("expected") == 0)
    options.expected = read_expected("experiments/case_study/expected_generated.tsv");
  const Size size = size_named(options.size, data.empty());
  const TextCorpus corpus = read_corpus("imdb", data, size.train_texts, size.test_texts, options.seed);
  const Tokenizer tokenizer = tokenizer_of(corpus, data, folder);
  const std::vector<InputRow> texts = rows_of(corpus.train, tokenizer, size.longest);
  const Json settings = {
      {"train", fingerprint_of(batch_of(texts), std::to_string(tokenizer.vocabulary().size()))},
      {"layers", size.layers},
      {"width", size.width},
      {"heads", size.heads},
      {"longest", size.longest},
      {"epochs", size.epochs},
      {"rate", size.rate},
      {"dropout", size.dropout},
      {"seed", options.seed}};
  const Json training = finished_model(options, "training", settings, folder, [&](const Part& part) {
    return train(texts, tokenizer, size, options, part, folder);
  });
  if (is_shard(options)) return 0;
  Study study = examine(rows_of(corpus.test, tokenizer, size.longest), tokenizer, size, options, folder);
  study.corpus = corpus.title;
  study.training = training;
  return report(study, tokenizer, options);
}

}  // namespace

int main(int argc, char** argv) {
  return run_command(
      argc, argv,
      study(
          "case_study", "What a sentiment classifier has learned of single words (appendix F.8)",
          {{"data", "DIR", "",
            data_folder_help(
                "imdb_train.tsv.gz, imdb_test.tsv.gz and, where there is one, bert-base-uncased-vocab.txt")}},
          run));
}
