// The report as one self-contained page.
#include "slalom/report/page.hpp"
#include "slalom/report/visible_text.hpp"
#include "text_tables.hpp"

namespace slalom::text_tables {

namespace {

// Beyond the style of pages of explained texts: wide tables and verdicts.
constexpr const char* kStyle = R"css(
header,main,footer{max-width:84rem}
.text,header p{max-width:46rem}
table{font-size:.84rem}
td{white-space:nowrap}
td.say{white-space:normal;min-width:16rem}
td.good{color:var(--good)}td.bad{color:var(--low)}td.unsure{color:var(--muted)}
.planes,.texts{display:grid;gap:0 2rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,34rem),1fr))}
.texts{grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr))}
.planes>div,.texts>div{min-width:0}
nav ul{padding-left:1.2rem;columns:2 20rem}
@media print{td{white-space:normal}table{font-size:.7rem}.planes,.texts{display:block}}
)css";

const char* class_of_verdict(const std::string& cell) {
  for (const char* good : {"better", "holds"})
    if (cell == good) return "left good";
  for (const char* bad : {"worse", "FAILS"})
    if (cell == bad) return "left bad";
  for (const char* unsure : {"undecided", "reference"})
    if (cell == unsure) return "left unsure";
  return cell.size() > 30 ? "left say" : "left";
}

std::string cell_html(const std::string& cell, Table::Align align) {
  const std::optional<std::string> best = unbolded(cell);
  const std::string shown = best.value_or(cell), content = escaped(shown);
  return concat("<td", align == Table::Align::left ? concat(" class=\"", class_of_verdict(shown), "\"") : "",
                ">", best ? concat("<b>", content, "</b>") : content, "</td>");
}

std::string block_html(const Block& block) {
  if (block.figure) return figure_html(draw(*block.figure), block.figure->title, block.note, true);
  if (block.table && block.closed)
    return concat("<details><summary>", escaped(block.note), "</summary>\n",
                  table_html(*block.table, block.note, cell_html), "</details>\n");
  if (block.table) return table_html(*block.table, block.note, cell_html);
  return concat("<p class=\"note\">", escaped(block.note), "</p>\n", block.html);
}

std::string section_html(const Section& section) {
  std::string out =
      concat("<section aria-labelledby=\"", section.id, "\">\n<h2 id=\"", section.id, "\">",
             escaped(section.title), "</h2>\n<p class=\"text\">", escaped(section.text), "</p>\n");
  std::string heading;
  for (const Block& block : section.blocks) {
    if (block.heading != heading) out += concat("<h3>", escaped(block.heading), "</h3>\n");
    heading = block.heading;
    out += block_html(block);
  }
  return out + "</section>\n";
}

}  // namespace

std::string page_html(const std::string& title, const std::string& lead,
                      const std::vector<Section>& sections) {
  std::string out = concat(page_head(title, kStyle), "<body>\n<header>\n<h1>", escaped(title), "</h1>\n<p>",
                           escaped(lead), "</p>\n<nav aria-label=\"Contents\"><ul>\n");
  for (const Section& section : sections)
    out += concat("<li><a href=\"#", section.id, "\">", escaped(section.title), "</a></li>\n");
  out += "</ul></nav>\n</header>\n<main>\n";
  for (const Section& section : sections) out += section_html(section);
  return out + page_end();
}

}  // namespace slalom::text_tables
