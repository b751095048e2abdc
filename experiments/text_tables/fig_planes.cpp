// Some texts: planes of values and importances, and texts highlighted by several methods.
#include <algorithm>

#include "slalom/base/files.hpp"
#include "slalom/report/explanation_svg.hpp"
#include "slalom/report/explanation_text.hpp"
#include "slalom/report/page.hpp"
#include "slalom/report/visible_text.hpp"
#include "text_tables.hpp"

namespace slalom::text_tables {

namespace {

constexpr std::size_t kTexts = 4;
const Source kPlanes[] = {{"slalom-fidel", kCorrected, ""}, {"slalom-fidel", kPublished, ""}};
const Source kHighlighted[] = {{"slalom-fidel", kCorrected, ""}, {"slalom-fidel", kPublished, ""},
                               {"lime", kCorrected, ""},         {"lime", kPublished, ""},
                               {"kernel-shap", kCorrected, ""},  {"attn-lrp", kCorrected, ""}};

// Nothing if the text has no such explanation, or one without any score.
const ReportedExplanation* find(const ReportedText& t, const Source& source) {
  const auto found = std::ranges::find_if(t.explanations, [&](const ReportedExplanation& e) {
    return e.method == method_title(source) && !distinct_tokens(t, e).empty();
  });
  return found == t.explanations.end() ? nullptr : &*found;
}

const ReportedExplanation* find_plane(const ReportedText& t, const Source& source) {
  const ReportedExplanation* e = find(t, source);
  return e != nullptr && e->has_plane() ? e : nullptr;
}

// The shortest text of each set in turn, then the second shortest.
std::vector<const ReportedText*> chosen_texts(const Study& study) {
  std::vector<const ReportedText*> chosen;
  for (std::size_t k = 0; k < kTexts; ++k)
    for (const TextSet& set : study.groups) {
      if (k >= set.examples.size() || chosen.size() == kTexts) continue;
      const ReportedText& example = std::next(set.examples.begin(), static_cast<std::ptrdiff_t>(k))->second;
      if (find_plane(example, kPlanes[0]) != nullptr) chosen.push_back(&example);
    }
  return chosen;
}

std::string titled(const ReportedExplanation& e, const std::string& content) {
  return concat("<div>\n<h4>", escaped(e.method), "</h4>\n", content, "</div>\n");
}

std::string page_part(const ReportedText& t) {
  std::string out = "<div class=\"planes\">\n";
  for (const Source& source : kPlanes)
    if (const ReportedExplanation* e = find_plane(t, source)) {
      std::string warnings;
      for (const std::string& warning : e->warnings)
        warnings += concat("<p class=\"warning\"><b>Warning:</b> ", escaped(warning), "</p>\n");
      out += titled(*e, explanation_picture(t, *e) + warnings);
    }
  out += "</div>\n<div class=\"texts\">\n";
  for (const Source& source : kHighlighted)
    if (const ReportedExplanation* e = find(t, source))
      out += titled(*e, concat(highlighted_text(t, *e), "<details><summary>Numbers of the tokens</summary>\n",
                               token_table(t, *e), "</details>\n"));
  return out + "</div>\n";
}

}  // namespace

Section planes_section(const Study& study, const std::string& folder) {
  Section section{
      .id = "planes",
      .item = "planes",
      .title = "Some texts",
      .text =
          "The shortest text of each data set: SLALOM-fidel's plane of values and importances in corrected "
          "and in published settings, and the text as several methods highlight it. Colours are relative "
          "to the strongest token of each picture."};
  std::size_t number = 0;
  for (const ReportedText* t : chosen_texts(study)) {
    ++number;
    std::string images;
    for (const Source& source : kPlanes)
      if (const ReportedExplanation* e = find_plane(*t, source)) {
        const std::string file = concat("plane_", number, "_", source.settings, ".svg");
        write_file(concat(folder, "/", file), plane_svg(*t, *e));
        images += concat("![", method_title(source), "](", file, ")\n\n");
      }
    section.blocks.push_back(
        {.heading = t->id,
         .note = concat("The model's answer: ", target_sentence(*t), ". ", t->tokens.size(), " tokens."),
         .html = page_part(*t),
         .markdown = images});
  }
  return section;
}

}  // namespace slalom::text_tables
