// The text study's records as numbers by metric and source.
#include <algorithm>
#include <filesystem>
#include <set>

#include "slalom/base/correlation.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "text_tables.hpp"

namespace slalom::text_tables {

namespace {

using experiment::number;

constexpr std::size_t kExamples = 4;     // of each set, as many as the page shows at most
constexpr std::size_t kLeastTokens = 8;  // of an example
constexpr Index kMost = Index{1} << 53;  // beyond it integers of JSON are no longer exact
constexpr const char* kTruth = "true-log-odds";

// Numbers or null, `n` of them if that is known.
std::vector<double> numbers(const Json& array, const std::string& what, std::optional<std::size_t> n = {}) {
  if (!array.is_array()) throw Error(concat(what, " is no array, wanted numbers"));
  if (n && array.size() != *n)
    throw Error(concat(what, " has ", array.size(), " numbers, wanted one for each of ", *n, " tokens"));
  std::vector<double> out;
  for (const Json& x : array) {
    if (!x.is_number() && !x.is_null())
      throw Error(concat(what, " has ", x.dump(), ", wanted numbers or null"));
    out.push_back(number(x));
  }
  return out;
}

// The field if it is there and not null.
const Json* field(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

using Columns = std::vector<std::pair<std::string, std::vector<double>>>;

// In the order of the tables: those that rank the tokens first.
Columns scores_of(const Json& method, std::size_t n, const std::string& where) {
  const std::string order[] = {"linear", "weight", "value", "importance"};
  Columns columns;
  for (const auto& [kind, scores] : require_object(method, "scores", where).items())
    columns.emplace_back(kind, numbers(scores, concat(where, ": scores \"", kind, "\""), n));
  if (columns.empty()) throw Error(where + ": field \"scores\" is empty, wanted at least one kind");
  std::ranges::stable_sort(columns, {}, [&](const auto& c) { return std::ranges::find(order, c.first); });
  return columns;
}

// NaN takes no part.
double pearson_of_finite(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> x, y;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::isfinite(a[i]) && std::isfinite(b[i])) x.push_back(a[i]), y.push_back(b[i]);
  return pearson(x, y);
}

QueryCost cost_of(const Json& record, const std::string& where) {
  const Json& cost = require_object(record, "cost", where);
  QueryCost out;
  out.queries = require_integer(cost, "queries", where, 0, kMost);
  out.unique_queries = optional_integer(cost, "unique_queries", where, out.queries, 0, kMost);
  out.token_forwards = require_integer(cost, "token_forwards", where, 0, kMost);
  return out;
}

Source source_of(const Json& record, const std::string& where) {
  Source source{require_string(record, "method", where), require_string(record, "settings", where), ""};
  if (source.settings != kCorrected && source.settings != kPublished)
    throw Error(concat(where, ": field \"settings\": found \"", source.settings, "\", wanted \"", kCorrected,
                       "\" or \"", kPublished, "\""));
  return source;
}

ReportedToken token_of(const Json& piece, const std::string& where) {
  if (!piece.is_string())
    throw Error(concat(where, ": field \"tokens\" has ", piece.dump(), ", wanted words"));
  ReportedToken token;
  token.text = token.piece = piece.get<std::string>();
  if (token.piece.size() > 2 && token.piece.starts_with("##")) token.text = token.piece.substr(2);
  return token;
}

// Reads the lines of one corpus and model.
class SetReader {
 public:
  void add(const Json& record, const std::string& where) {
    const Index number = read_names(record, where);
    ReportedText example;
    for (const Json& word : require_array(record, "tokens", where))
      example.tokens.push_back(token_of(word, where));
    const std::size_t n = example.tokens.size();
    if (n == 0) throw Error(where + ": field \"tokens\" is empty, wanted the explained tokens");
    std::vector<double> truth;
    if (const Json* references = field(record, "references"); references && field(*references, kTruth))
      truth = numbers(*field(*references, kTruth), where + ": the true log-odds", n);
    std::set<Source> there;
    for (const Json& method : require_array(record, "methods", where)) {
      const Source source = source_of(method, where);
      const std::string here = concat(where, ": ", method_title(source));
      if (!there.insert(source).second) throw Error(here + " is there twice");
      example.explanations.push_back(add_method(method, source, n, truth, here));
    }
    if (there.empty()) throw Error(where + ": field \"methods\" is empty, wanted explanations");
    example.id = concat(set_.title(), ", text ", number);
    example.target = require_integer(record, "predicted", where, 0, 1) == 1 ? "positive" : "negative";
    example.log_odds = require_number(record, "log_odds", where);
    // The shortest ones of one model, earlier ones first.
    if (n >= kLeastTokens && !example.explanations.front().columns.empty() &&
        set_.seeds.back() == set_.seeds.front())
      set_.examples.emplace(n, std::move(example));
    if (set_.examples.size() > kExamples) set_.examples.erase(std::prev(set_.examples.end()));
    ++set_.texts;
  }

  TextSet finish() {
    for (auto& [metric, columns] : set_.values)
      for (auto& [source, values] : columns) values.resize(static_cast<std::size_t>(set_.texts), NAN);
    return std::move(set_);
  }

 private:
  Index read_names(const Json& record, const std::string& where) {
    const auto name = [&](const char* what) { return require_string(record, what, where); };
    const TextSet named{name("corpus"), name("corpus_title"), name("model"), name("model_title")};
    if (set_.texts == 0) set_ = named;
    const Index seed = optional_integer(record, "model_seed", where, 0, 0, kMost);
    if (named.key() != set_.key())
      throw Error(concat(where, ": found a text of ", named.key(), ", wanted only those of ", set_.key(),
                         " in this file"));
    const Index number = require_integer(record, "text", where, 0, kMost);
    if (!seen_.insert({seed, number}).second)
      throw Error(concat(where, ": text ", number, " is there twice"));
    set_.seeds.push_back(seed);
    return number;
  }

  ReportedExplanation add_method(const Json& method, const Source& source, std::size_t n,
                                 const std::vector<double>& truth, const std::string& where) {
    if (!std::ranges::count(set_.methods, source)) set_.methods.push_back(source);
    ReportedExplanation e;
    if (method.contains("scores")) {  // of a few texts
      e.columns = scores_of(method, n, where);
      e.ranking = e.columns.front().first;
    }
    e.method = method_title(source);
    e.cost = cost_of(method, where);
    e.seconds = require_number(method, "seconds", where);
    if (const Json* warnings = field(method, "warnings"))
      for (const Json& warning : *warnings)
        if (warning.is_string()) e.warnings.push_back(warning.get<std::string>());
    for (const auto& [kind, measured] : require_object(method, "metrics", where).items()) {
      if (!measured.is_object()) throw Error(concat(where, ": metrics of \"", kind, "\": wanted an object"));
      for (const auto& [metric, value] : measured.items()) {
        if (!value.is_number() && !value.is_null())
          throw Error(
              concat(where, ": metric \"", metric, "\" is ", value.dump(), ", wanted a number or null"));
        put(metric, {source.method, source.settings, kind}, number(value));
      }
    }
    if (!truth.empty())
      for (const auto& [kind, scores] : e.columns)
        put("true-log-odds-pearson", {source.method, source.settings, kind},
            pearson_of_finite(scores, truth));
    put_removals(method, source, where);
    put("queries", source, static_cast<double>(e.cost.queries));
    put("token_forwards", source, static_cast<double>(e.cost.token_forwards));
    put("seconds", source, e.seconds);
    return e;
  }

  void put_removals(const Json& method, const Source& source, const std::string& where) {
    for (const auto& [name, metric] : {std::pair{"removal", "removal_"},
                                       {"published_removal", "published-removal_"},
                                       {"removal_scaled", "removal_scaled_"}})
      if (const Json* curve = field(method, name)) {
        Index removed = 0;
        for (const double error : numbers(*curve, concat(where, ": \"", name, "\"")))
          put(concat(metric, ++removed), source, error);
      }
    if (const Json* rank = field(method, "single_removal"))
      put("single_removal", source, rank->is_number() ? rank->get<double>() : NAN);
  }

  void put(const std::string& metric, const Source& source, double value) {
    std::vector<double>& values = set_.values[metric][source];
    values.resize(static_cast<std::size_t>(set_.texts), NAN);
    values.push_back(value);
  }

  TextSet set_;
  std::set<std::pair<Index, Index>> seen_;  // seeds and texts
};

// Calls `read` for each line.
template <class Read>
void read_lines(const std::string& path, const Read& read) {
  LineReader lines(path);
  for (std::string line; lines.next(line);)
    if (!line.empty()) read(parse_json(line, lines.where()), lines.where());
}

void add_run(const Json& record, const std::string& where, std::vector<Timing>& timings) {
  Timing timing{require_string(record, "model", where), require_string(record, "model_title", where),
                source_of(record, where), optional_integer(record, "samples", where, 0, 0, kMost)};
  const double tokens = static_cast<double>(require_integer(record, "tokens", where, 1, kMost)),
               seconds = require_number(record, "seconds", where);
  const QueryCost cost = cost_of(record, where);
  auto known = std::ranges::find_if(timings, [&](const Timing& t) {
    return t.model == timing.model && t.source == timing.source && t.samples == timing.samples;
  });
  if (known == timings.end()) known = timings.insert(known, std::move(timing));
  known->seconds.push_back(seconds);
  known->tokens.push_back(tokens);
  known->queries.push_back(static_cast<double>(cost.queries));
  known->token_forwards.push_back(static_cast<double>(cost.token_forwards));
}

// The length of "hat50" and the like; 0 for other corpora.
Index length_of(const TextSet& set) {
  return parse_number<Index>(set.corpus.substr(set.corpus.find_last_not_of("0123456789") + 1)).value_or(0);
}

// Where lengths are pooled; generated stand-ins have a name of their own, as "generated" is a corpus already.
TextSet group_of(const TextSet& set) {
  const std::string family = set.corpus.substr(0, set.corpus.find_last_not_of("0123456789") + 1);
  if (family.empty() || family == set.corpus)
    return {set.corpus, set.corpus_title, set.model, set.model_title};
  if (family == "generated") return {"generated_hat", "generated, all lengths", set.model, set.model_title};
  return {family, "Yelp-HAT, all lengths", set.model, set.model_title};
}

void pool(TextSet& into, const TextSet& from) {
  for (const Source& method : from.methods)
    if (!std::ranges::count(into.methods, method)) into.methods.push_back(method);
  for (const auto& [metric, columns] : from.values)
    for (const auto& [source, values] : columns) {
      std::vector<double>& all = into.values[metric][source];
      all.resize(static_cast<std::size_t>(into.texts), NAN);
      all.insert(all.end(), values.begin(), values.end());
    }
  into.texts += from.texts;
  into.seeds.insert(into.seeds.end(), from.seeds.begin(), from.seeds.end());
  for (auto& [metric, columns] : into.values)
    for (auto& [source, values] : columns) values.resize(static_cast<std::size_t>(into.texts), NAN);
  into.examples.insert(from.examples.begin(), from.examples.end());
}

// Corpora in the order of the paper, models by name, lengths ascending.
auto order_of(const TextSet& set) {
  const std::string order[] = {"imdb", "generated", "yelp", "sst2", "hat", "generated_hat", "imdb_bow"};
  const std::string corpus = group_of(set).corpus;
  return std::tuple(std::ranges::find(order, corpus), corpus, set.model, length_of(set));
}

void make_groups(Study& study) {
  std::ranges::stable_sort(study.sets, {}, order_of);
  for (TextSet& set : study.sets) {
    const TextSet empty = group_of(set);
    if (empty.key() != set.key()) set.group = empty.key();
    auto group = std::ranges::find(study.groups, empty.key(), &TextSet::key);
    if (group == study.groups.end()) group = study.groups.insert(group, empty);
    pool(*group, set);
  }
  for (std::vector<TextSet>* sets : {&study.sets, &study.groups})
    for (TextSet& set : *sets) set.bootstrap = std::make_shared<experiment::Bootstrap>(set.seeds);
}

std::vector<PaperNumber> read_paper(const std::string& path) {
  LineReader lines(path);
  std::vector<PaperNumber> all;
  std::string line;
  lines.next(line);  // the header
  while (lines.next(line)) {
    const std::vector<std::string> fields = split(line, '\t');
    const auto value = fields.size() == 5 ? parse_number<double>(fields[3]) : std::nullopt;
    if (!value) throw Error(concat(lines.where(), ": wanted item, model, method, number, remark"));
    all.push_back({fields[0], fields[1], fields[2], *value});
  }
  return all;
}

}  // namespace

std::string TextSet::size() const {
  const std::size_t models = std::set(seeds.begin(), seeds.end()).size();
  return concat(texts, texts == 1 ? " text" : " texts",
                models > 1 ? concat(" of ", models, " models.") : ".");
}

const std::vector<double>* TextSet::find(const std::string& metric, const Source& source) const {
  const auto columns = values.find(metric);
  if (columns == values.end()) return nullptr;
  const auto found = columns->second.find(source);
  return found == columns->second.end() ? nullptr : &found->second;
}

bool TextSet::has(const std::string& metric) const {
  const auto columns = values.find(metric);
  return columns != values.end() && std::ranges::any_of(columns->second, [](const auto& column) {
           return summarise(column.second).n > 0;
         });
}

Study read_study(const std::string& folder) {
  Study study;
  const std::string own = folder + "/records", records = std::filesystem::is_directory(own) ? own : folder;
  std::set<std::filesystem::path> paths;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(records, none))
    if (const std::string name = entry.path().filename().string();
        name.ends_with(".jsonl") || name.ends_with(".jsonl.gz"))
      paths.insert(entry.path());
  if (paths.empty())
    throw Error(records + ": found no records, wanted those of the text study",
                "`make table-nb` makes them, as do table-human, table-faithfulness, fig-removal, "
                "fig-shares, table-runtime and fig-planes");
  std::map<std::string, SetReader> sets;
  std::map<std::string, ShareSet> shares;
  for (const std::filesystem::path& path : paths) {
    const std::string name = path.filename().string();
    read_lines(path.string(), [&](const Json& record, const std::string& where) {
      if (name.starts_with("runtime_")) return add_run(record, where, study.timings);
      const std::string of =
          concat(require_string(record, name.starts_with("shares_") ? "corpus_title" : "corpus", where), " ",
                 require_string(record, "model_title", where));
      if (name.starts_with("shares_"))
        add_shares(record, where, shares[of]);
      else
        sets[of].add(record, where);
    });
  }
  for (auto& [of, set] : sets) study.sets.push_back(set.finish());
  for (auto& [of, set] : shares) study.shares.push_back(std::move(set));
  make_groups(study);
  if (const std::string about = records + "/about.json"; std::filesystem::exists(about))
    study.about = read_json(about);
  study.paper = read_paper("experiments/text_tables/published.tsv");
  return study;
}

}  // namespace slalom::text_tables
