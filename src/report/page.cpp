#include "slalom/report/page.hpp"

#include "slalom/base/error.hpp"
#include "slalom/report/characters.hpp"
#include "slalom/report/page_parts.hpp"
#include "slalom/report/wording.hpp"

namespace slalom {

namespace {

const char* const kHowToRead =
    "<details><summary>How to read this page</summary>\n"
    "<p>The <b>log-odds</b> F is the logarithm of how much more probable the model finds the target than all "
    "other classes together, in nats: 0 is undecided, +2.2 is 9 to 1. A label that does not exclude others "
    "has "
    "its logit for log-odds, and of a model whose answer is a number, F is the output itself. All scores "
    "explain F.</p>\n"
    "<p><b>Read the fidelity first.</b> It compares the log-odds that an explanation predicts for deletions "
    "of "
    "the text with what the model answers: R² is 1 for perfect predictions, and 0 for no better than their "
    "mean. Scores with a low R² describe something else than this model at this text.</p>\n"
    "<p>A <b>SLALOM</b> gives every token a value and an importance. F is the mean of the values, weighted "
    "by "
    "exp(importance): a token of high importance takes weight from the others. Its <i>part</i> is its share "
    "of "
    "the weight times its value; the parts and that of the <i>background</i>, which stands for special "
    "tokens "
    "and read-out, add up to F. A value smaller than its standard error is drawn faint.</p>\n"
    "<p>Other methods give one <b>weight</b> a token, its additive part in F.</p>\n</details>\n";

std::string name_of(const ReportedText& t, std::size_t number) {
  return t.id.empty() ? concat("Text ", number) : t.id;
}

std::string contents(const std::vector<ReportedText>& texts) {
  if (texts.size() < 2) return {};
  std::string out = "<nav aria-label=\"Texts\"><ol>\n";
  for (std::size_t i = 0; i < texts.size(); ++i)
    out += concat("<li><a href=\"#text-", i + 1, "\">", escaped(name_of(texts[i], i + 1)),
                  "</a>: ", escaped(target_sentence(texts[i])), "</li>\n");
  return out + "</ol></nav>\n";
}

const char* class_of(Trust t) {
  return t == Trust::high ? " high" : t == Trust::medium ? " medium" : t == Trust::low ? " low" : "";
}

std::string trust_paragraph(const Explanation& e) {
  const Trust level = trust(e);
  const std::string numbers = fidelity_numbers(e);
  return concat("<p class=\"trust", class_of(level), "\"><b>Fidelity: ", trust_word(level), ".</b> ",
                e.fidelity ? "This explanation " : "", trust_sentence(level), numbers.empty() ? "." : ". ",
                numbers, numbers.empty() ? "" : ".", "</p>\n");
}

std::string method_article(const ReportedText& t, const ReportedExplanation& e, const std::string& id) {
  std::string out = concat("<article class=\"method\" aria-labelledby=\"", id, "\">\n<h3 id=\"", id, "\">",
                           escaped(e.explanation.method), "</h3>\n", trust_paragraph(e.explanation));
  for (const std::string& warning : e.explanation.warnings)
    out += concat("<p class=\"warning\"><b>Warning:</b> ", escaped(warning), "</p>\n");
  out += highlighted_text(t, e) + explanation_picture(t, e) + token_table(t, e);
  if (const std::string background = background_sentence(e.explanation); !background.empty())
    out += concat("<p class=\"note\">The ", escaped(background), ".</p>\n");
  for (const std::string& flip : e.flips)
    out += concat("<p class=\"note\">Sign changed by ", escaped(flip), ".</p>\n");
  if (!e.explanation.fit.empty())
    out += concat("<p class=\"note\">Fit: ", escaped(e.explanation.fit), ".</p>\n");
  return concat(out, curves(e), "<p class=\"note\">Cost: ", cost_sentence(e.explanation), ".</p>\n",
                check_table(e.explanation), "</article>\n");
}

std::string text_section(const ReportedText& t, std::size_t number) {
  const std::string id = concat("text-", number);
  std::string out =
      concat("<section class=\"text\" aria-labelledby=\"", id, "\">\n<h2 id=\"", id, "\">",
             escaped(name_of(t, number)), "</h2>\n<p class=\"lead\">The model's answer: <strong>",
             escaped(target_sentence(t)), "</strong>.</p>\n");
  if (t.explanations.size() > 1) out += method_comparison(t);
  for (std::size_t i = 0; i < t.explanations.size(); ++i)
    out += method_article(t, t.explanations[i], concat(id, "-method-", i + 1));
  return concat(out, attention_maps(t), parameter_table(t.parameters), "</section>\n");
}

}  // namespace

std::string page_html(const std::vector<ReportedText>& texts, const std::string& title) {
  if (texts.empty()) throw Error("[page] no texts, wanted at least one");
  std::string out = page_head(title) + "<body>\n<header>\n<h1>" + escaped(title) + "</h1>\n" + kHowToRead +
                    contents(texts) + "</header>\n<main>\n";
  for (std::size_t i = 0; i < texts.size(); ++i) {
    check(texts[i]);
    out += text_section(texts[i], i + 1);
  }
  return concat(out, "</main>\n<footer class=\"note\">slalom ", SLALOM_VERSION, "</footer>\n<script>",
                page_script(), "</script>\n</body>\n</html>\n");
}

}  // namespace slalom
