// slalom audit: is this model additive? What a few of its answers prove, and how far from additive it is.
#include "slalom/inspect/audit.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "slalom/base/json.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/cli/classifier.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/inspect/proof.hpp"
#include "slalom/model_io/folder_tokens.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/report/explanation_json.hpp"
#include "slalom/report/table.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom {

namespace {

using Text = std::vector<TokenId>;

constexpr Index kMostDefaultTokens = 64, kBatchRows = 4096;
constexpr int kProvedDecimals = 4;

// What is audited, for both faces of the output.
struct Audited {
  const CommonOptions& common;
  Index target;
  FolderTokens tokens;
  AuditOptions options;
  std::string chosen;  // which tokens, in words
  Audit audit{};
  std::optional<Interval> repetitions{};  // F of n times repeated(), for all n ≥ 1
  QueryCost cost{};

  TokenId repeated() const { return audit.affine.witness.front().front(); }
  std::string words(const Text& text) const {
    std::string joined;
    for (const TokenId id : text) joined += (joined.empty() ? "" : " ") + visible(tokens.text(id));
    return joined;
  }
  /// "good movie", or "good" × 30.
  std::string quoted(const Text& text) const {
    const bool repeats = text.size() > 1 && std::ranges::count(text, text[0]) == std::ssize(text);
    return repeats ? concat("\"", words({text[0]}), "\" × ", text.size()) : concat("\"", words(text), "\"");
  }
};

// --- what to ask -------------------------------------------------------------------------------------------

Text given_tokens(const std::string& list, Index vocabulary) {
  Text ids;
  for (const TokenId id : id_list("tokens", list)) {
    if (id >= vocabulary)
      throw UsageError(concat("--tokens: id ", id, ", the model has 0 to ", vocabulary - 1));
    if (std::ranges::find(ids, id) != ids.end()) throw UsageError(concat("--tokens: id ", id, " twice"));
    ids.push_back(id);
  }
  if (ids.size() < 2) throw UsageError("--tokens " + list + ", wanted at least 2");
  return ids;
}

void choose_tokens(Audited& audited, const std::string& list, Index vocabulary) {
  if (!list.empty()) {
    audited.options.tokens = given_tokens(list, vocabulary);
    audited.chosen = concat("the ", audited.options.tokens.size(), " tokens given");
    return;
  }
  const SpecialTokens& special = audited.tokens.special;
  Text all;
  for (TokenId id = 0; id < vocabulary; ++id)
    if (!special.is_special(id) && id != special.unk && id != special.mask) all.push_back(id);
  const Index K = std::ssize(all), M = std::min(K, kMostDefaultTokens);
  for (Index i = 0; i < M; ++i) audited.options.tokens.push_back(all[static_cast<std::size_t>(i * K / M)]);
  audited.chosen = K == M ? concat("all ", K, " tokens that are not special")
                          : concat(M, " of the ", K, " tokens that are not special, evenly spaced by id");
}

void read_options(Audited& audited, const ParsedOptions& parsed, const ClassifierConfig& config) {
  audited.target = read_one_target(parsed, audited.common, config.class_names(), "an audit");
  AuditOptions& o = audited.options;
  if (const std::optional<Tokenizer> tokenizer = load_tokenizer(audited.common.model)) {
    std::tie(o.prefix, o.suffix) = tokenizer->frame();
  } else if (config.traits().special_tokens) {
    o.prefix = audited.tokens.required(audited.tokens.special.cls, "cls_token");
    o.suffix = audited.tokens.required(audited.tokens.special.sep, "sep_token");
  }
  choose_tokens(audited, parsed["tokens"].word, config.vocabulary);
  if (config.positions == Positions::learned)
    o.longest_text = config.max_positions - std::ssize(o.prefix) - std::ssize(o.suffix);
  o.most_repeats = integer_option(parsed, "max-repeats", 1, 4096);
  o.longest = integer_option(parsed, "longest", 0, 1000);
  o.seed = audited.common.seed;
}

template <class T>
void ask(Audited& audited, const ParsedOptions& parsed) {
  const LoadedModel<T> model = load_model<T>(audited.common.model);
  const LoadedModel<double> exact = load_model<double>(audited.common.model);
  audited.tokens = read_folder_tokens(audited.common.model);
  read_options(audited, parsed, model.model->config());
  const AuditOptions& o = audited.options;
  ModelBlackBox<T> f(*model.model, audited.target, kBatchRows);
  Encloser encloser(*exact.model, audited.target);
  const Enclose enclose = [&](std::span<const TokenId> text) { return outward(encloser.log_odds(text)); };
  audited.audit = audit(f, enclose, o);
  if (encloser.encloses_repetitions() && !o.prefix.empty()) {
    const Interval range = encloser.repetitions(o.prefix, audited.repeated(), o.suffix);
    if (std::isfinite(range.low)) audited.repetitions = range;
  }
  audited.cost += f.cost();
}

// Of what holds, certificates that prove something.
std::vector<Certificate> proved(const Audit& audit) {
  std::vector<Certificate> certificates;
  for (const Certificate& c : {audit.affine, audit.positionwise})
    if (c.proves() && (certificates.empty() || c.witness != certificates.front().witness))
      certificates.push_back(c);
  return certificates;
}

// False if there is nothing to write.
bool write_proof(const Audited& audited, const std::string& file) {
  const std::vector<Certificate> certificates = proved(audited.audit);
  if (certificates.empty()) {
    say(concat("warning: nothing is proved, ", file, " is not written"));
    return false;
  }
  ProofClaims claims{.model = audited.common.model,
                     .target = audited.target,
                     .prefix = audited.options.prefix,
                     .suffix = audited.options.suffix,
                     .certificates = certificates,
                     .repeated = {}};
  if (audited.repetitions) claims.repeated = audited.repeated();
  write_file(file, proof_json(claims).dump() + "\n");
  return true;
}

// --- one JSON object ---------------------------------------------------------------------------------------

std::string ids_json(const Text& ids) {
  std::string list;
  for (const TokenId id : ids) list += (list.empty() ? "" : ",") + std::to_string(id);
  return "[" + list + "]";
}

template <class Items, class ToJson>
std::string array_json(const Items& items, const ToJson& to_json) {
  std::string list;
  for (const auto& item : items) list += (list.empty() ? "" : ",") + to_json(item);
  return "[" + list + "]";
}

std::string distance_json(const std::optional<ClassDistances>& d, int digits) {
  if (!d) return "null";
  return JsonRow()
      .field("longest", d->longest)
      .field("texts", d->texts)
      .digits(digits)
      .field("constant", d->constant)
      .field("additive", d->additive)
      .field("positionwise", d->positionwise)
      .field("slalom", d->slalom)
      .field("slalom_background", d->slalom_background)
      .str();
}

std::vector<double> ends_of(const std::vector<Interval>& intervals) {
  std::vector<double> ends;
  for (const Interval& i : intervals) ends.insert(ends.end(), {i.low, i.high});
  return ends;
}

// |Σ coefficient · log_odds| / Σ |coefficient| over the witness is the estimate. What is proved has all
// digits.
void add_certificate(const Certificate& c, const std::string& prefix, int digits, JsonRow& row) {
  const Index shape[] = {std::ssize(c.witness), 2};
  row.digits(kDoubleDigits)
      .field(prefix + "bound", c.bound)
      .field(prefix + "rounding_error", c.rounding_error)
      .field(prefix + "witness_enclosure", std::span<const double>(ends_of(c.enclosure)), shape)
      .digits(digits)
      .field(prefix + "estimate", c.estimate)
      .field(prefix + "half_range", c.half_range)
      .raw(prefix + "witness", array_json(c.witness, ids_json))
      .field(prefix + "witness_log_odds", c.log_odds)
      .field(prefix + "witness_coefficients", c.coefficient);
}

std::string repetitions_json(const Audited& audited) {
  if (!audited.repetitions) return "null";
  return JsonRow()
      .field("token", audited.repeated())
      .field("log_odds", std::span<const double>(ends_of({*audited.repetitions})))
      .str();
}

std::string json(const Audited& audited) {
  const Audit& a = audited.audit;
  const int digits = audited.common.digits();
  JsonRow row;
  add_certificate(a.affine, "", digits, row);
  add_certificate(a.positionwise, "positionwise_", digits, row);
  row.raw("repetitions", repetitions_json(audited))
      .field("nearly_constant", a.nearly_constant)
      .field("collapsed", a.collapsed)
      .field("spread", a.spread)
      .raw("curves", array_json(a.curves,
                                [&](const RepetitionCurve& c) {
                                  return JsonRow()
                                      .field("token", c.token)
                                      .field("text", audited.tokens.text(c.token))
                                      .digits(digits)
                                      .field("log_odds", std::span<const double>(c.log_odds))
                                      .str();
                                }))
      .raw("distance", distance_json(a.distances, digits))
      .field("target", audited.target)
      .field("prefix", std::span<const TokenId>(audited.options.prefix))
      .field("suffix", std::span<const TokenId>(audited.options.suffix));
  return add_cost(row, audited.cost)
      .field("seed", audited.common.seed)
      .field("precision", audited.common.precision == Precision::f64 ? "f64" : "f32")
      .field("version", SLALOM_VERSION)
      .str();
}

// --- a report ----------------------------------------------------------------------------------------------

// "a − 2 b + c": the terms, each behind its sign and coefficient.
std::string combination(const std::vector<double>& coefficients, const std::vector<std::string>& terms) {
  std::string sum;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const double c = coefficients[i];
    sum += sum.empty() ? (c < 0 ? "−" : "") : (c < 0 ? " − " : " + ");
    sum += (std::abs(c) == 1 ? "" : significant(std::abs(c), 3) + " · ") + terms[i];
  }
  return sum;
}

// The identity that every such model keeps, and the numbers that break it.
std::string proof(const Audited& audited, const Certificate& c) {
  constexpr int kDecimals = 6;
  std::string answers;
  std::vector<std::string> names, values;
  double sizes = 0, widest = 0;
  for (std::size_t i = 0; i < c.witness.size(); ++i) {
    const double f = (c.enclosure[i].low + c.enclosure[i].high) / 2;
    names.push_back(concat("F(", audited.quoted(c.witness[i]), ")"));
    values.push_back(f < 0 ? concat("(", fixed(f, kDecimals), ")") : fixed(f, kDecimals));
    answers += concat("    ", names.back(), " = ", fixed(f, kDecimals), "\n");
    sizes += std::abs(c.coefficient[i]);
    widest = std::max(widest, c.enclosure[i].high - c.enclosure[i].low);
  }
  return concat("  Each of them has ", combination(c.coefficient, names), " = 0, but here\n", answers,
                "  in exact arithmetic (intervals at most ", significant(widest, 2), " wide), and\n  |",
                combination(c.coefficient, values), "| / ", significant(sizes, 3), " ≥ ",
                fixed_down(c.bound, kProvedDecimals), ".\n");
}

std::string claim(const Audited& audited, const Certificate& c, const char* kind, const char* freedom) {
  if (!c.proves())
    return concat("Not proved to be anything but ", kind, ": the best certificate found is ",
                  significant(c.estimate, 2), " nats (estimated),\n  of which rounding leaves ",
                  significant(c.rounding_error, 2), " open.\n");
  return concat("Proved not to be ", kind, ": whatever ", freedom,
                ", some text's log-odds is off by at least\n  ", fixed_down(c.bound, kProvedDecimals),
                " nats. The most that texts like these could prove is half the range of F over them, ",
                significant(c.half_range, 4), " (estimated):\n  this is ",
                fixed(100 * c.bound / c.half_range, 0), " % of it.\n", proof(audited, c));
}

std::string repetition_report(const Audited& audited) {
  if (!audited.repetitions) return "";
  const std::string token = audited.quoted({audited.repeated()});
  const auto [low, high] = *audited.repetitions;
  return concat("Proved for every n ≥ 1: F(", token, " × n) is within ", fixed_down(low, kProvedDecimals),
                " and ", fixed(high + 1e-4, kProvedDecimals), ".\n  No additive bag of words that gives ",
                token, " a weight other than 0 is at a finite distance.\n");
}

std::string distance_report(const std::optional<ClassDistances>& d) {
  if (!d) return "No distances: too many texts to enumerate (fewer --tokens).\n";
  Table table({{"nearest model that is"}, {"distance (nats, estimated)", Table::Align::right}, {"is"}});
  const auto row = [&](const char* kind, double distance, const char* is) {
    table.add_row({kind, significant(distance, 4), is});
  };
  row("constant", d->constant, "a minimum");
  row("an additive bag of words", d->additive, "a minimum");
  row("additive position by position", d->positionwise, "a minimum");
  row("a SLALOM", d->slalom, "the best fit found");
  row("a SLALOM with a background token", d->slalom_background, "the best fit found");
  return concat("Root mean squared distance over all ", d->texts, " texts of 1 to ", d->longest,
                " tokens, every length weighing the same:\n\n", table.text());
}

std::string curve_report(const Audited& audited) {
  const std::vector<RepetitionCurve>& curves = audited.audit.curves;
  const Index most = std::ssize(curves.front().log_odds);
  std::vector<Index> shown;
  for (const Index n : {Index{1}, Index{2}, Index{3}, Index{5}, Index{10}, Index{30}, most})
    if (n <= most && (shown.empty() || n > shown.back())) shown.push_back(n);
  std::vector<Table::Column> columns = {{"token repeated"}};
  for (const Index n : shown) columns.push_back({concat("n = ", n), Table::Align::right});
  Table table(columns);
  for (const RepetitionCurve& curve : curves) {
    std::vector<std::string> cells = {audited.words({curve.token})};
    for (const Index n : shown) cells.push_back(fixed(curve.log_odds[static_cast<std::size_t>(n - 1)], 4));
    table.add_row(std::move(cells));
  }
  return concat(
      "Log-odds (estimated) of a token repeated n times, a line in n if the model is an additive bag of "
      "words:\n\n",
      table.text());
}

std::string report(const Audited& audited) {
  const Audit& a = audited.audit;
  const AuditOptions& o = audited.options;
  std::string out = concat(
      "Is ", visible(audited.common.model), " additive? Log-odds of class ", audited.target,
      " against the rest, on texts of ", audited.chosen, ",\n",
      o.prefix.empty() && o.suffix.empty()
          ? std::string("without special tokens")
          : concat("which the model reads as ", audited.words(o.prefix), " … ", audited.words(o.suffix)),
      ".\n\n");
  if (a.collapsed)
    out += concat(
        "Collapsed: over ", kSpreadTexts, " random texts the log-odds has a standard deviation of ",
        significant(a.spread, 2), " nats (estimated), below ", kCollapsedSpread,
        ".\n  The model says nearly the same of every text; that it is near to additive means nothing.\n");
  else
    out += concat("Not collapsed: over ", kSpreadTexts,
                  " random texts the log-odds has a standard deviation of ", significant(a.spread, 3),
                  " nats (estimated).\n");
  if (a.nearly_constant)
    out +=
        concat("Nearly constant: over repetitions of a token the log-odds varies by ",
               significant(2 * a.affine.half_range, 2), " nats (estimated), less than ", kNearlyConstant,
               ".\n  A model that says the same of every text is no example of what attention cannot do.\n");
  out += claim(audited, a.affine, "an additive bag of words", "the weights");
  out +=
      claim(audited, a.positionwise, "additive position by position", "the weights of tokens at positions");
  out += repetition_report(audited);
  return out + "\n" + distance_report(a.distances) + "\n" + curve_report(audited) +
         concat("\n", audited.cost.queries, " queries, ", audited.cost.unique_queries, " unique, ",
                audited.cost.token_forwards, " token-forwards; seed ", audited.common.seed, ", slalom ",
                SLALOM_VERSION, "\n");
}

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  required_option(parsed, "model");
  say_threads(common.progress);
  Audited audited{.common = common};
  return with_precision(common.precision, [&]<class T>() {
    ask<T>(audited, parsed);
    OutputFile output(common.output);
    output.write(common.json ? json(audited) + "\n" : report(audited));
    output.commit();
    const std::string proof = parsed["proof"].word;
    return static_cast<int>(proof.empty() || write_proof(audited, proof) ? ExitStatus::done
                                                                         : ExitStatus::check_failed);
  });
}

}  // namespace

Command audit_command() {
  return {
      .name = "audit",
      .summary = "is this model additive? proofs, repetition curves, distances",
      .options = {{"tokens", "A,B", "", "ids that texts are made of (default: the vocabulary's, at most 64)"},
                  {"max-repeats", "N", "30", "most repetitions of a token that are tried"},
                  {"proof", "FILE", "", "write what is proved, for slalom verify"},
                  {"longest", "N", "4", "tokens of the enumerated texts (fewer if those are over 20,000)"},
                  {"target", "CLASS", "", "class that is audited: name or number (default: class 1 of two)"},
                  {"precision", "f32|f64", "f64", "of the arithmetic"},
                  {"shard", "I/N", "", ""}},
      .unused = {{"input", "it asks texts of its own"}, {"shard", "it reads no rows"}},
      .examples = {"audit --model DIR --proof proof.json", "audit --model DIR --tokens 7,30,9 --json"},
      .run = run};
}

}  // namespace slalom
