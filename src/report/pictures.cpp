// Pictures that are files of their own.
#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/report/characters.hpp"
#include "slalom/report/plane.hpp"
#include "slalom/report/wording.hpp"

namespace slalom {

namespace {

constexpr double kMargin = 16, kTextSize = 15, kLineHeight = 36, kGap = 5;

// Method, target and fidelity from the top; returns where they end.
double draw_heading(Drawing& drawing, const ReportedText& t, const ReportedExplanation& e) {
  const double right = drawing.width() - kMargin;
  drawing.text({kMargin, 24}, e.explanation.method, "title");
  std::string words = target_sentence(t) + ". ";
  if (const std::string numbers = fidelity_numbers(e.explanation); !numbers.empty())
    words += concat("Fidelity: ", numbers, ": ");
  return drawing.note(words + trust_sentence(trust(e.explanation)) + ".", kMargin, 28, right);
}

// Tokens that no space separates stand and wrap together.
using Word = std::vector<ShownToken>;

std::vector<Word> words_of(const ReportedText& t) {
  std::vector<Word> words;
  for (const ShownToken& shown : shown_tokens(t)) {
    if (words.empty() || shown.new_part || !shown.before.empty()) words.emplace_back();
    words.back().push_back(shown);
  }
  return words;
}

class HighlightedText {
 public:
  HighlightedText(Drawing& drawing, const ReportedExplanation& e, double top)
      : drawing_(drawing),
        scores_(e.ranking_scores()),
        shade_(shades(e)),
        strong_(strongest(e)),
        decimals_(score_decimals(scores_)),
        y_(top + kTextSize + 6) {}

  void add(const Word& word) {
    double width = 0;
    for (const ShownToken& shown : word) width += width_of(shown);
    const bool line_end = word[0].new_part || word[0].before.find('\n') != std::string::npos;
    if (x_ > kMargin && (line_end || x_ + width > drawing_.width() - kMargin)) new_line();
    const std::string before = outer_text(word[0].before);
    if (!before.empty()) add_plain(before);
    for (const ShownToken& shown : word) add(shown);
    x_ += kGap;
  }
  double end() const { return y_ + 22; }

 private:
  static std::string label(const ShownToken& shown) { return shortened(visible(shown.text), 60); }
  // Characters before a token that no token covers.
  static std::string outer_text(const std::string& before) {
    std::string out;
    for (const char c : before)
      if (c != ' ' && c != '\n' && c != '\t' && c != '\r') out += c;
    return visible(out);
  }
  std::string number(std::size_t i) const { return signed_number(scores_[i], decimals_); }
  double width_of(const ShownToken& shown) const {
    const auto i = static_cast<std::size_t>(shown.token);
    const double letters = text_width(label(shown), kTextSize) + 1;
    return strong_[i] ? std::max(letters, text_width(number(i), kSmallFontSize) + 4) : letters;
  }

  void new_line() {
    x_ = kMargin;
    y_ += kLineHeight;
  }
  void add_plain(const std::string& before) {
    drawing_.text({x_, y_}, before, "run");
    x_ += text_width(before, kTextSize) + kGap;
  }
  void add(const ShownToken& shown) {
    const auto i = static_cast<std::size_t>(shown.token);
    const double width = width_of(shown), letters = text_width(label(shown), kTextSize);
    if (x_ + width > drawing_.width() - kMargin && x_ > kMargin) new_line();
    const double opacity = shade_opacity(shade_[i]);
    if (opacity > 0) drawing_.rectangle({x_, y_ - 15, x_ + width - 0.5, y_ + 5}, side(shade_[i]), opacity);
    drawing_.fitted_text({x_ + (width - letters) / 2, y_}, label(shown), "run", letters);
    if (strong_[i]) {
      drawing_.line({x_, y_ + 5}, {x_ + width - 0.5, y_ + 5}, shade_[i] > 0 ? "strong" : "weak");
      drawing_.text({x_ + width / 2, y_ + 17}, number(i), "note", Anchor::middle);
    }
    x_ += width;
  }

  Drawing& drawing_;
  const std::vector<double>& scores_;
  std::vector<double> shade_;
  std::vector<bool> strong_;
  int decimals_;
  double x_ = kMargin, y_;
};

void draw_scale(Drawing& drawing, const ReportedText& t, const ReportedExplanation& e, double top) {
  const ScoreMeaning m = score_meaning(e.ranking, t.target);
  const std::vector<double>& scores = e.ranking_scores();
  double largest = 0;
  for (const double x : scores)
    if (std::isfinite(x)) largest = std::max(largest, std::abs(x));
  const int steps = 10;
  const double left = kMargin + 4, step = 16;
  for (int i = -steps; i < steps; ++i) {
    const double shade = (i + 0.5) / steps, at = left + (i + steps) * step;
    drawing.rectangle({at, top, at + step, top + 12}, side(shade), shade_opacity(shade));
  }
  const int decimals = score_decimals(scores);
  drawing.text({left, top + 25}, signed_number(-largest, decimals), "note");
  drawing.text({left + steps * step, top + 25}, "0", "note", Anchor::middle);
  drawing.text({left + 2 * steps * step, top + 25}, signed_number(largest, decimals), "note", Anchor::end);
  drawing.note(concat(m.label, ": ", m.meaning, ". Orange, underlined: ", m.positive,
                      "; blue, dotted: ", m.negative, ". Lines and numbers mark the strongest tokens."),
               left + 2 * steps * step + 20, top - 6, drawing.width() - kMargin);
  drawing.grow_to(top + 36);
}

}  // namespace

std::string plane_svg(const ReportedText& t, const ReportedExplanation& e) {
  const Drawing picture = draw_explanation(t, e);
  Drawing heading(picture.width());
  heading.append(picture, draw_heading(heading, t, e) + 12);
  return heading.document(concat(e.explanation.method, ": ", target_sentence(t)));
}

std::string highlight_svg(const ReportedText& t, const ReportedExplanation& e) {
  Drawing drawing(720);
  HighlightedText running(drawing, e, draw_heading(drawing, t, e) + 12);
  for (const Word& word : words_of(t)) running.add(word);
  draw_scale(drawing, t, e, running.end() + 10);
  return drawing.document(concat(e.explanation.method, ": ", target_sentence(t)));
}

}  // namespace slalom
