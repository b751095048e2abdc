#include "slalom/cli/explanation_output.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "slalom/inspect/inspect.hpp"
#include "slalom/report/explanation_svg.hpp"
#include "slalom/report/explanation_text.hpp"
#include "slalom/report/page.hpp"
#include "slalom/report/terminal.hpp"

namespace slalom {

namespace {

bool is_terminal(const CommonOptions& common) {
  return common.output == "-" && ::isatty(STDOUT_FILENO) == 1;
}

std::string environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

bool wants_colour(const ParsedOptions& parsed, const CommonOptions& common) {
  const std::string& word = parsed["color"].word;
  if (word != "auto") return word == "always";
  return is_terminal(common) && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
}

Index terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

// "out/page.svg" and "-text": "out/page-text.svg".
std::string beside(const std::string& path, const std::string& suffix) {
  const std::size_t end = path.ends_with(".svg") ? path.size() - 4 : path.size();
  return path.substr(0, end) + suffix + path.substr(end);
}

}  // namespace

OptionTable view_options() {
  const std::string no_page = "aggregate resume shard dry-run";
  return grouped(
      "view",
      {{"view", "jsonl|terminal|auto", "auto", "of the output; auto: terminal at a terminal", "",
        "resume shard"},
       {"color", "auto|always|never", "auto", "of the terminal's view", "", "aggregate"},
       {"special", "show|hide", "hide", "special tokens, and scores the method gives them", "", "aggregate"},
       {"html", "FILE", "", "also write a page that needs nothing else", "", no_page},
       {"svg", "FILE", "", "also write the first text's plane, and its highlighted text", "", no_page}});
}

bool wants_terminal_view(const ParsedOptions& parsed, const CommonOptions& common) {
  const std::string& view = parsed["view"].word;
  if (view == "terminal" && common.json) throw UsageError("--view terminal and --json, wanted one of them");
  return view == "terminal" || (view == "auto" && !common.json && is_terminal(common));
}

ExplanationOutput::ExplanationOutput(const Explaining& run)
    : run_(run),
      terminal_(wants_terminal_view(run.parsed, run.common)),
      show_special_(run.parsed["special"].word == "show"),
      join_words_(run.parsed.count("unit") == 0),
      html_(run.parsed["html"].word),
      svg_(run.parsed["svg"].word) {
  for (const std::string& path : {html_, svg_}) {
    if (path == "-") throw UsageError("--html and --svg want a file");
    if (!path.empty()) const OutputFile writable(path);  // before the work, not after it
  }
}

// --- a text and its explanations --------------------------------------------------------------------------

namespace {

ReportedToken reported_token(const InputRow& row, const ExplainedText::Range& item, bool is_word,
                             const OpenedTokenizer& tokenizer) {
  ReportedToken token;
  const auto first = static_cast<std::size_t>(item.first), end = first + static_cast<std::size_t>(item.size);
  for (std::size_t i = first; i < end; ++i) {
    token.ids.push_back(row.ids[i]);
    token.text += tokenizer.readable(row.ids[i]);
  }
  token.piece = item.size == 1 ? tokenizer.tokens.text(token.ids.front()) : token.text;
  token.special = tokenizer.tokens.is_special(token.ids.front());
  if (!row.types.empty()) token.part = row.types[first];
  if (row.places.empty()) return token;
  token.word = row.places[first].word;
  token.part = std::max(row.places[first].part, 0);
  if (row.places[first].part >= 0) token.bytes = {row.places[first].begin, row.places[end - 1].end};
  if (is_word && token.bytes)  // as it stands in the text
    token.piece = token.text =
        row.text[token.part].substr(static_cast<std::size_t>(token.bytes->first),
                                    static_cast<std::size_t>(token.bytes->second - token.bytes->first));
  return token;
}

// What each flip removes, as places among the tokens and in words.
void add_flips(const Explanation& explanation, const ReportedText& text, ReportedExplanation& to) {
  std::vector<Index> positions;  // of the units
  for (Index i = 0; i < std::ssize(text.tokens); ++i)
    if (!text.tokens[static_cast<std::size_t>(i)].special) positions.push_back(i);
  for (const Flip& flip : explanation.flips) {
    std::vector<std::string> names;
    std::vector<Index>& removed = to.flipped.emplace_back();
    for (const Index unit : flip.removed) {
      removed.push_back(positions[static_cast<std::size_t>(unit)]);
      names.push_back(token_name(text.tokens[static_cast<std::size_t>(removed.back())]));
    }
    to.flip_sentences.push_back(flip_sentence(flip, names, text.problem));
  }
}

}  // namespace

ReportedText ExplanationOutput::begin(const WindowText& text) const {
  const auto& [row, window, explained] = text;
  ReportedText reported;
  const Json id = parse_json(row.id_json, "id");
  reported.id = id.is_string() ? id.get<std::string>() : row.id_json;
  if (window.of > 1) reported.id += concat(", window ", window.number + 1, " of ", window.of);
  reported.text[0] = row.text[0];
  reported.text[1] = row.text[1];
  const bool words = run_.parsed["unit"].word == "word";
  for (const ExplainedText::Range& item : explained.items())
    reported.tokens.push_back(reported_token(row, item, words, run_.classifier.tokenizer));
  reported.target = run_.classifier.model.label();
  reported.problem = run_.classifier.model.problem;
  return reported;
}

std::string ExplanationOutput::add(Explanation explanation, const RankedMethod& method,
                                   const WindowText& text, Index row, const std::string& input,
                                   ReportedText& to) const {
  ReportedExplanation reported;
  reported.ranking = method.ranking(explanation);
  add_flips(explanation, to, reported);
  to.log_odds = explanation.log_odds;
  for (auto& [name, scores] : explanation.columns)  // in the places of all tokens
    scores = text.text.aligned(
        scores, show_special_ && name == "weight" ? explanation.special : std::vector<double>{});
  static_cast<Explanation&>(reported) = std::move(explanation);
  to.explanations.push_back(std::move(reported));
  const OpenedModel& model = run_.classifier.model;
  ExplanationOrigin origin{.id_json = text.row.id_json,
                           .row = row,
                           .input = input,
                           .seed = run_.common.seed,
                           .parameters = run_.parameters(*method.method),
                           .window = text.window.number,
                           .windows = text.window.of,
                           .first = text.window.first};
  if (model.classes != nullptr) {
    origin.target = model.classes->target();
    origin.sha256 = model.sha256;
  }
  return explanation_json(to, to.explanations.back(), origin) + "\n";
}

// --- views ------------------------------------------------------------------------------------------------

std::string ExplanationOutput::show(ReportedText reported, const WindowText& text,
                                    const std::string& parameters) {
  std::string view;
  if (terminal_)
    view = terminal_view(join_words_ ? by_words(reported) : reported,
                         {.colour = wants_colour(run_.parsed, run_.common),
                          .width = terminal_width(),
                          .show_special = show_special_}) +
           "\n";
  if (!wants_page()) return view;
  add_curves(text, reported);
  if (!html_.empty() && std::ssize(texts_) < kMostAttention) add_attention(text, reported);
  add_parameters(parameters, reported);
  texts_.push_back(join_words_ ? by_words(std::move(reported)) : std::move(reported));
  return view;
}

// A text that is left out of the page is counted.
bool ExplanationOutput::wants_page() {
  if (html_.empty()) return !svg_.empty() && texts_.empty();
  if (std::ssize(texts_) < kMostTexts) return true;
  ++left_out_;
  return false;
}

// Curves of insertion and deletion, about 25 points each, which query the classifier.
void ExplanationOutput::add_curves(const WindowText& text, ReportedText& to) const {
  constexpr Index kPoints = 25;
  const Masking& masking = run_.options.masking;
  const Index step = std::max<Index>(1, text.text.players() / kPoints);
  const ValueFunction f = coalition_values(*run_.classifier.model.f, text.text, masking);
  const bool empty = text.text.has_empty_text() || masking.replacement;
  for (ReportedExplanation& e : to.explanations) {
    std::vector<double> scores;
    for (std::size_t i = 0; i < to.tokens.size(); ++i)
      if (!to.tokens[i].special) scores.push_back(e.ranking_scores()[i]);
    e.insertion = insertion(scores, f, step);
    e.deletion = deletion(scores, f, step, empty);
  }
}

// Of a transformer whose tokens are explained; of words there are no patterns.
void ExplanationOutput::add_attention(const WindowText& text, ReportedText& to) const {
  if (std::ssize(to.tokens) != std::ssize(text.text.ids())) return;
  const auto add = [&](const auto& transformer) {
    if constexpr (!std::is_same_v<std::decay_t<decltype(transformer)>, std::monostate>)
      for (const auto& a : attention_patterns(*transformer, text.row.ids, text.row.types))
        to.attention.push_back({a.layer, a.head, {a.pattern.data.begin(), a.pattern.data.end()}});
  };
  std::visit(add, run_.classifier.model.f->gradient_access().transformer);
}

void ExplanationOutput::add_parameters(const std::string& parameters, ReportedText& to) const {
  const std::string &folder = run_.common.model, &sha256 = run_.classifier.model.sha256;
  to.parameters.emplace_back("model", folder.empty() ? "a program" : folder);
  if (!sha256.empty()) to.parameters.emplace_back("model SHA-256", sha256);
  const Json object = parse_json(parameters, "parameters");
  for (const auto& [name, value] : object.items())
    to.parameters.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  to.parameters.emplace_back("seed", std::to_string(run_.common.seed));
  to.parameters.emplace_back("version", SLALOM_VERSION);
}

void ExplanationOutput::commit() const {
  if (texts_.empty()) return;
  if (!html_.empty()) write_file(html_, page_html(texts_, "Token explanations"));
  if (!svg_.empty()) {
    write_file(svg_, plane_svg(texts_.front(), texts_.front().explanations.front()));
    write_file(beside(svg_, "-text"), highlight_svg(texts_.front(), texts_.front().explanations.front()));
  }
  if (left_out_ > 0 && !run_.common.quiet)
    say(concat(html_, " shows the first ", kMostTexts, " texts, and not ", left_out_, " others"));
}

}  // namespace slalom
