#include "slalom/cli/reported.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/inspect/inspect.hpp"
#include "slalom/report/wording.hpp"

namespace slalom {

namespace {

ReportedToken reported_token(const InputRow& row, const ExplainedText::Range& item,
                             const OpenedClassifier& classifier) {
  ReportedToken token;
  const auto first = static_cast<std::size_t>(item.first), end = first + static_cast<std::size_t>(item.size);
  for (std::size_t i = first; i < end; ++i) {
    token.ids.push_back(row.ids[i]);
    token.text += classifier.readable(row.ids[i]);
  }
  token.piece = item.size == 1 ? classifier.tokens.text(token.ids.front()) : token.text;
  token.special = classifier.tokens.is_special(token.ids.front());
  if (!row.types.empty()) token.part = row.types[first];
  if (row.places.empty()) return token;
  token.word = row.places[first].word;
  token.part = std::max(row.places[first].part, 0);
  if (row.places[first].part >= 0) token.bytes = {row.places[first].begin, row.places[end - 1].end};
  if (classifier.unit == Unit::word && token.bytes)  // as it stands in the text
    token.piece = token.text =
        row.text[token.part].substr(static_cast<std::size_t>(token.bytes->first),
                                    static_cast<std::size_t>(token.bytes->second - token.bytes->first));
  return token;
}

template <class T>
void add_attention(Classifier<T>& model, const Encoding& text, ReportedText& to) {
  for (const AttentionPattern<T>& a : attention_patterns(model, text.ids, text.types))
    to.attention.push_back({a.layer, a.head, {a.pattern.data.begin(), a.pattern.data.end()}});
}

}  // namespace

ReportedText reported_text(const InputRow& row, const ExplainedText& text,
                           const OpenedClassifier& classifier) {
  ReportedText reported;
  const Json id = parse_json(row.id_json, "id");
  reported.id = id.is_string() ? id.get<std::string>() : row.id_json;
  reported.text[0] = row.text[0];
  reported.text[1] = row.text[1];
  for (const ExplainedText::Range& item : text.items())
    reported.tokens.push_back(reported_token(row, item, classifier));
  return reported;
}

void add_explanation(Explanation explanation, const ExplainedText& text, const OpenedClassifier& classifier,
                     bool show_special, ReportedText& to) {
  ReportedExplanation reported;
  const auto add = [&](const char* name, const std::vector<double>& scores) {
    if (!scores.empty()) reported.columns.emplace_back(name, text.aligned(scores));
  };
  if (const auto* slalom = std::get_if<SlalomScores>(&explanation.scores)) {
    add("part", slalom->part);
    add("removal", slalom->removal);
    add("value", slalom->value);
    add("importance", slalom->importance);
    add("linear", slalom->linear);
    add("part_se", slalom->part_se);
    add("value_se", slalom->value_se);
    add("importance_se", slalom->importance_se);
    reported.ranking = "part";
  } else {
    const std::vector<double> special = show_special ? explanation.special : std::vector<double>{};
    reported.columns.emplace_back("weight",
                                  text.aligned(std::get<LinearScores>(explanation.scores).weight, special));
    add("standard_error", std::get<LinearScores>(explanation.scores).standard_error);
    reported.ranking = "weight";
  }
  std::vector<Index> positions;  // of the units among the tokens
  for (Index i = 0; i < std::ssize(to.tokens); ++i)
    if (!to.tokens[static_cast<std::size_t>(i)].special) positions.push_back(i);
  for (const Flip& flip : explanation.flips) {
    std::vector<std::string> names;
    std::vector<Index>& removed = reported.flipped.emplace_back();
    for (const Index unit : flip.removed) {
      removed.push_back(positions[static_cast<std::size_t>(unit)]);
      names.push_back(token_name(to.tokens[static_cast<std::size_t>(removed.back())]));
    }
    reported.flips.push_back(flip_sentence(flip, names));
  }
  to.target = classifier.label();
  to.problem = classifier.problem;
  to.log_odds = explanation.log_odds;
  reported.explanation = std::move(explanation);
  to.explanations.push_back(std::move(reported));
}

void add_page_details(const ExplainedText& text, const OpenedClassifier& classifier,
                      const ExplainOptions& options, bool with_attention, ReportedText& to) {
  constexpr Index kPoints = 25;
  const Index step = std::max<Index>(1, text.players() / kPoints);
  const ValueFunction f = coalition_values(*classifier.f, text, options.masking);
  const bool empty = text.has_empty_text() || options.masking.replacement;
  for (ReportedExplanation& e : to.explanations) {
    std::vector<double> scores;
    for (std::size_t i = 0; i < to.tokens.size(); ++i)
      if (!to.tokens[i].special) scores.push_back(e.ranking_scores()[i]);
    e.insertion = insertion(scores, f, step);
    e.deletion = deletion(scores, f, step, empty);
  }
  if (!with_attention || std::ssize(to.tokens) != std::ssize(text.ids())) return;  // of words there is none
  const GradientAccess inside = classifier.f->gradient_access();
  if (auto* const* model = std::get_if<Classifier<float>*>(&inside.transformer))
    add_attention(**model, text.encoding(), to);
  if (auto* const* model = std::get_if<Classifier<double>*>(&inside.transformer))
    add_attention(**model, text.encoding(), to);
}

void note_window(const RowWindow& window, Index longest, Explanation& explanation) {
  if (window.of == 1) return;
  explanation.warnings.push_back(concat("the text is longer than ", longest, " tokens: this is window ",
                                        window.number + 1, " of ", window.of, ", from token ", window.first,
                                        " on; the log-odds is the window's"));
}

std::string with_window(const std::string& id, const RowWindow& window) {
  return window.of == 1 ? id : concat(id, ", window ", window.number + 1, " of ", window.of);
}

ExplanationOrigin origin_of(const InputRow& row, const RowWindow& window, Index number,
                            const OpenedClassifier& classifier, const CommonOptions& common) {
  ExplanationOrigin origin{.id_json = row.id_json,
                           .row = number,
                           .seed = common.seed,
                           .window = window.number,
                           .windows = window.of,
                           .first = window.first};
  if (classifier.classes != nullptr) origin.target = classifier.classes->target();
  if (!classifier.sha256.empty()) origin.sha256 = classifier.sha256;
  return origin;
}

std::string parameters_json(const Method& method, const ExplainOptions& o, const WindowOptions& windows,
                            bool show_special, const OpenedClassifier& classifier,
                            const CommonOptions& common) {
  JsonRow row;
  row.field("unit", classifier.unit == Unit::word ? "word" : "token");
  if (method.has("budget")) row.field("budget", method.budget(o, 0));
  if (!o.budget && !o.as_published && method.budget_each > 0) row.field("budget_each", method.budget_each);
  if (method.has("background"))
    row.field("background", !o.background ? "default" : *o.background ? "fitted" : "none");
  if (method.has("absence")) row.field("absence", o.masking.replacement ? "mask" : "delete");
  if (method.has("absence") && o.masking.replacement) row.field("mask_id", *o.masking.replacement);
  if (method.has("baseline"))
    row.field("baseline", o.baseline == Baseline::zero  ? "zero"
                          : o.baseline == Baseline::pad ? "pad"
                                                        : "mask");
  if (method.has("tolerance")) row.field("tolerance", o.tolerance);
  if (method.has("short-length")) row.field("short_length", o.short_length);
  if (method.has("most-deleted")) row.field("most_deleted", o.most_deleted);
  if (method.has("prior")) row.field("prior", !o.prior ? "default" : kPriorNames[static_cast<int>(*o.prior)]);
  if (method.has("positions")) row.field("positions", o.positions ? "fitted" : "none");
  if (o.flip > 0) row.field("flip", o.flip);
  if (o.calibrate > 0) row.field("calibrate", o.calibrate);
  if (method.has("as-published")) row.field("as_published", o.as_published);
  if (classifier.classes != nullptr) row.field("target", classifier.target.word);
  if (!classifier.command.empty()) row.field("classifier_command", classifier.command);
  if (!classifier.tokenizer_folder.empty()) row.field("tokenizer", classifier.tokenizer_folder);
  if (!classifier.special_ids.empty()) row.field("special_ids", classifier.special_ids);
  if (windows.longest < std::numeric_limits<Index>::max()) row.field("max_length", windows.longest);
  if (windows.stride) row.field("stride", *windows.stride);
  if (windows.strict) row.field("strict", true);
  if (show_special) row.field("special", "show");
  if (!classifier.folder.empty()) row.field("folder", classifier.folder);
  return row.field("held_out", o.held_out)
      .field("precision", common.precision == Precision::f64 ? "f64" : "f32")
      .str();
}

}  // namespace slalom
