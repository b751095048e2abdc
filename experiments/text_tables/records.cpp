// The text study's records as numbers by metric and source.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <set>

#include "slalom/base/correlation.hpp"
#include "slalom/base/files.hpp"
#include "text_tables.hpp"

namespace slalom::text_tables {

namespace {

using experiment::number;

constexpr std::size_t kExamples = 4;     // of each set, as many as the page shows at most
constexpr std::size_t kLeastTokens = 8;  // of an example
constexpr Index kMost = Index{1} << 53;  // beyond it integers of JSON are no longer exact
constexpr const char* kTruth = "true-log-odds";

// Numbers or null, `n` of them if that is known.
std::vector<double> numbers(const Json& array, const std::string& what, const std::string& where,
                            std::optional<std::size_t> n = {}) {
  if (!array.is_array()) throw Error(concat(where, ": ", what, " is no array, wanted numbers"));
  if (n && array.size() != *n)
    throw Error(
        concat(where, ": ", what, " has ", array.size(), " numbers, wanted one for each of ", *n, " tokens"));
  std::vector<double> out;
  out.reserve(array.size());
  for (const Json& x : array) {
    if (!x.is_number() && !x.is_null())
      throw Error(concat(where, ": ", what, " has ", x.dump(), ", wanted numbers or null"));
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

// Kinds of scores in the order of the tables: those that rank the tokens first.
int place_of(const std::string& scores) {
  const std::string order[] = {"linear", "weight", "value", "importance"};
  return static_cast<int>(std::ranges::find(order, scores) - std::begin(order));
}

Columns scores_of(const Json& method, std::size_t n, const std::string& where) {
  Columns columns;
  for (const auto& [kind, scores] : require_object(method, "scores", where).items())
    columns.emplace_back(kind, numbers(scores, "scores \"" + kind + "\"", where, n));
  std::ranges::stable_sort(columns, {}, [](const auto& c) { return place_of(c.first); });
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

ReportedExplanation explanation_of(const Source& source, const Json& method, const Columns& columns,
                                   const std::string& where) {
  ReportedExplanation e;
  e.method = method_title(source);
  e.cost = cost_of(method, where);
  e.seconds = require_number(method, "seconds", where);
  if (const Json* warnings = field(method, "warnings"))
    for (const Json& warning : *warnings)
      if (warning.is_string()) e.warnings.push_back(warning.get<std::string>());
  e.columns = columns;
  e.ranking = columns.front().first;
  return e;
}

ReportedToken token_of(const std::string& piece) {
  ReportedToken token;
  token.text = token.piece = piece;
  if (piece.size() > 2 && piece.starts_with("##")) token.text = piece.substr(2);
  return token;
}

// Reads the lines of one corpus and model.
class SetReader {
 public:
  void add(const Json& record, const std::string& where) {
    read_names(record, where);
    const Json& words = require_array(record, "tokens", where);
    if (words.empty()) throw Error(where + ": field \"tokens\" is empty, wanted the explained tokens");
    n_ = words.size();
    truth_.clear();
    in_record_.clear();
    if (const Json* references = field(record, "references"); references && field(*references, kTruth))
      truth_ = numbers(*field(*references, kTruth), "the true log-odds", where, n_);
    ReportedText example;
    for (const Json& word : words) {
      if (!word.is_string())
        throw Error(concat(where, ": field \"tokens\" has ", word.dump(), ", wanted words"));
      example.tokens.push_back(token_of(word.get<std::string>()));
    }
    for (const Json& method : require_array(record, "methods", where))
      example.explanations.push_back(add_method(method, where));
    if (example.explanations.empty())
      throw Error(where + ": field \"methods\" is empty, wanted explanations");
    example.id = concat(set_.title(), ", text ", require_integer(record, "text", where, 0, kMost));
    example.target = require_integer(record, "predicted", where, 0, 1) == 1 ? "positive" : "negative";
    example.log_odds = require_number(record, "log_odds", where);
    keep(std::move(example));
    ++set_.texts;
  }

  TextSet finish() {
    for (auto& [metric, columns] : set_.values)
      for (auto& [source, values] : columns) values.resize(static_cast<std::size_t>(set_.texts), NAN);
    return std::move(set_);
  }

 private:
  void read_names(const Json& record, const std::string& where) {
    const auto name = [&](const char* what) { return require_string(record, what, where); };
    TextSet named{name("corpus"), name("corpus_title"), name("model"), name("model_title")};
    if (set_.texts == 0)
      set_ = named;
    else if (named.key() != set_.key())
      throw Error(concat(where, ": found a text of ", named.key(), ", wanted only those of ", set_.key(),
                         " in this file"));
    const Index number = require_integer(record, "text", where, 0, kMost);
    if (!seen_.insert(number).second) throw Error(concat(where, ": text ", number, " is there twice"));
  }

  ReportedExplanation add_method(const Json& method, const std::string& where) {
    Source source = source_of(method, where);
    const std::string here = concat(where, ": ", method_title(source));
    if (!in_record_.insert(source).second) throw Error(here + " is there twice");
    if (!std::ranges::count(set_.methods, source)) set_.methods.push_back(source);
    const Columns columns = scores_of(method, n_, here);
    if (columns.empty()) throw Error(here + ": field \"scores\" is empty, wanted at least one kind");
    add_costs(source, method, here);
    for (const auto& [kind, measured] : require_object(method, "metrics", here).items()) {
      source.scores = kind;
      if (!measured.is_object()) throw Error(concat(here, ": metrics of \"", kind, "\": wanted an object"));
      for (const auto& [metric, value] : measured.items()) {
        if (!value.is_number() && !value.is_null())
          throw Error(
              concat(here, ": metric \"", metric, "\" is ", value.dump(), ", wanted a number or null"));
        put(metric, source, number(value));
      }
    }
    if (!truth_.empty())
      for (const auto& [kind, scores] : columns)
        put("true-log-odds-pearson", {source.method, source.settings, kind},
            pearson_of_finite(scores, truth_));
    return explanation_of(source, method, columns, here);
  }

  void add_costs(const Source& source, const Json& method, const std::string& where) {
    for (const auto& [name, metric] : {std::pair{"removal", "removal_"},
                                       {"published_removal", "published-removal_"},
                                       {"removal_scaled", "removal_scaled_"}})
      if (const Json* curve = field(method, name)) {
        const std::vector<double> errors = numbers(*curve, concat("\"", name, "\""), where);
        for (std::size_t i = 0; i < errors.size(); ++i) put(concat(metric, i + 1), source, errors[i]);
      }
    if (const Json* rank = field(method, "single_removal"))
      put("single_removal", source, rank->is_number() ? rank->get<double>() : NAN);
    const QueryCost cost = cost_of(method, where);
    put("queries", source, static_cast<double>(cost.queries));
    put("token_forwards", source, static_cast<double>(cost.token_forwards));
    put("seconds", source, require_number(method, "seconds", where));
  }

  void put(const std::string& metric, const Source& source, double value) {
    std::vector<double>& values = set_.values[metric][source];
    const auto before = static_cast<std::size_t>(set_.texts);
    values.resize(before, NAN);
    values.push_back(value);
  }

  // The shortest ones, earlier ones first.
  void keep(ReportedText example) {
    if (example.tokens.size() < kLeastTokens) return;
    const std::size_t tokens = example.tokens.size();
    set_.examples.emplace(tokens, std::move(example));
    if (set_.examples.size() > kExamples) set_.examples.erase(std::prev(set_.examples.end()));
  }

  TextSet set_;
  std::set<Index> seen_;
  std::set<Source> in_record_;
  std::size_t n_ = 0;          // tokens of the text that is being read
  std::vector<double> truth_;  // its true log-odds by token, or empty
};

TextSet read_set(const std::string& path) {
  LineReader lines(path);
  SetReader reader;
  for (std::string line; lines.next(line);)
    if (!line.empty()) reader.add(parse_json(line, lines.where()), lines.where());
  return reader.finish();
}

void read_runs(const std::string& path, std::vector<TimedRun>& runs) {
  LineReader lines(path);
  for (std::string line; lines.next(line);) {
    if (line.empty()) continue;
    const std::string where = lines.where();
    const Json record = parse_json(line, where);
    runs.push_back({require_string(record, "model", where), require_string(record, "model_title", where),
                    source_of(record, where), require_integer(record, "tokens", where, 1, kMost),
                    optional_integer(record, "samples", where, 0, 0, kMost),
                    require_number(record, "seconds", where), cost_of(record, where)});
  }
}

// The lengths of "hat50" and the like, and where they are pooled; generated stand-ins have a name of their
// own, as "generated" is a corpus already.
std::optional<std::pair<std::string, std::string>> pool_of(const TextSet& set) {
  const std::size_t end = set.corpus.find_last_not_of("0123456789");
  if (end == std::string::npos || end + 1 == set.corpus.size()) return std::nullopt;
  const std::string family = set.corpus.substr(0, end + 1);
  return family == "generated"
             ? std::pair{std::string("generated_hat"), std::string("generated, all lengths")}
             : std::pair{family, std::string("Yelp-HAT, all lengths")};
}

Index length_of(const TextSet& set) {
  Index length = 0;
  const std::size_t digits = set.corpus.find_last_not_of("0123456789") + 1;
  std::from_chars(set.corpus.data() + digits, set.corpus.data() + set.corpus.size(), length);
  return length;
}

void pool(TextSet& into, const TextSet& from) {
  for (const Source& method : from.methods)
    if (!std::ranges::count(into.methods, method)) into.methods.push_back(method);
  const auto before = static_cast<std::size_t>(into.texts);
  for (const auto& [metric, columns] : from.values)
    for (const auto& [source, values] : columns) {
      std::vector<double>& all = into.values[metric][source];
      all.resize(before, NAN);
      all.insert(all.end(), values.begin(), values.end());
    }
  into.texts += from.texts;
  for (auto& [metric, columns] : into.values)
    for (auto& [source, values] : columns) values.resize(static_cast<std::size_t>(into.texts), NAN);
  into.examples.insert(from.examples.begin(), from.examples.end());
}

void make_groups(Study& study) {
  for (const TextSet& set : study.sets) {
    const auto family = pool_of(set);
    if (!family) {
      study.groups.push_back(set);
      continue;
    }
    TextSet empty{family->first, family->second, set.model, set.model_title};
    const std::string key = empty.key();
    study.parts[set.key()] = key;
    auto group = std::ranges::find(study.groups, key, &TextSet::key);
    if (group == study.groups.end()) group = study.groups.insert(group, std::move(empty));
    pool(*group, set);
  }
}

// Corpora in the order of the paper, models by name, lengths ascending.
auto order_of(const TextSet& set) {
  const std::string order[] = {"imdb", "generated", "yelp", "sst2", "hat", "generated_hat", "imdb_bow"};
  const auto family = pool_of(set);
  const auto place = std::ranges::find(order, family ? family->first : set.corpus) - std::begin(order);
  return std::tuple(place, family ? family->first : set.corpus, set.model, length_of(set));
}

}  // namespace

Study read_study(const std::string& folder) {
  Study study;
  const std::string records = folder + "/records";
  std::set<std::string> paths;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(records, none))
    if (entry.path().extension() == ".jsonl") paths.insert(entry.path().string());
  if (paths.empty())
    throw Error(records + ": found no records, wanted those of the text study",
                "`make table-nb` makes them, as do table-human, table-faithfulness, fig-removal, "
                "table-runtime and fig-planes");
  for (const std::string& path : paths) {
    if (std::filesystem::path(path).filename().string().starts_with("runtime_")) {
      read_runs(path, study.runs);
      continue;
    }
    TextSet set = read_set(path);
    if (set.texts > 0) study.sets.push_back(std::move(set));
  }
  std::ranges::stable_sort(study.sets, {}, order_of);
  for (std::size_t i = 1; i < study.sets.size(); ++i)
    if (study.sets[i].key() == study.sets[i - 1].key())
      throw Error(concat(records, ": found two files of ", study.sets[i].key(), ", wanted one"));
  make_groups(study);
  if (const std::string about = records + "/about.json"; std::filesystem::exists(about))
    study.about = parse_json(read_file(about), about);
  study.paper = read_paper("experiments/text_tables/published.tsv");
  return study;
}

std::vector<PaperNumber> read_paper(const std::string& path) {
  LineReader lines(path);
  std::vector<PaperNumber> all;
  bool header_seen = false;
  for (std::string line; lines.next(line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> fields = split(line, '\t');
    if (fields.size() != 5)
      throw Error(concat(lines.where(), ": ", fields.size(),
                         " fields, wanted 5: item, model, method, number, remark"));
    if (!std::exchange(header_seen, true)) continue;
    double value = 0;
    const char* end = fields[3].data() + fields[3].size();
    if (std::from_chars(fields[3].data(), end, value).ptr != end)
      throw Error(concat(lines.where(), ": number is \"", fields[3], "\", wanted a number"));
    all.push_back({fields[0], fields[1], fields[2], fields[4], value});
  }
  return all;
}

}  // namespace slalom::text_tables
