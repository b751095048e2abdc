// The report as one self-contained page.
#include <charconv>
#include <cmath>

#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/report/characters.hpp"
#include "slalom/report/page_parts.hpp"
#include "text_tables.hpp"

namespace slalom::text_tables {

namespace {

constexpr std::size_t kTallTable = 40;

// Beyond the style of pages of explained texts: wide tables, pictures that are drawn dark on white, and
// verdicts.
constexpr const char* kStyle = R"css(
header,main,footer{max-width:84rem}
.text,header p{max-width:46rem}
table{font-size:.84rem}
tbody th,td{white-space:nowrap}
td.say{white-space:normal;min-width:16rem}th.say{white-space:normal;min-width:14rem}
td.good{color:var(--good)}td.bad{color:var(--low)}
td.unsure{color:var(--muted)}
.tall{max-height:44rem}
.wide img{width:100%;min-width:40rem;max-width:60rem;height:auto;display:block}
@media (prefers-color-scheme:dark){img.plot{filter:brightness(.88)}}
.planes,.texts{display:grid;gap:0 2rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,34rem),1fr))}
.texts{grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr))}
.planes>div,.texts>div{min-width:0}
nav ul{padding-left:1.2rem;columns:2 20rem}
@media print{.tall{max-height:none}img.plot{filter:none}td,tbody th{white-space:normal}.tall tbody tr:nth-child(n+31){display:table-row}.wide img{min-width:0;max-width:100%}table{font-size:.7rem}
.planes,.texts{display:block}}
)css";

// The number that a cell begins with, for sorting; nothing if it is none.
std::string leading_number(const std::string& cell) {
  std::string digits;
  for (std::size_t i = 0; i < cell.size(); ++i) {
    if (cell.compare(i, 3, "−") == 0 && digits.empty()) {
      digits = "-";
      i += 2;
    } else if (std::string_view("0123456789.e").find(cell[i]) != std::string_view::npos ||
               (cell[i] == '-' && digits.ends_with('e'))) {
      digits += cell[i];
    } else if (cell[i] == ' ' || (cell[i] == '(' && !digits.empty())) {
      break;
    }
  }
  double value = 0;
  const bool number = std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc();
  return number ? shortest(value) : "";
}

const char* class_of_verdict(const std::string& cell) {
  for (const char* good : {"better", "holds"})
    if (cell == good) return "left good";
  for (const char* bad : {"worse", "FAILS"})
    if (cell == bad) return "left bad";
  for (const char* unsure : {"no difference", "reference"})
    if (cell == unsure) return "left unsure";
  return cell.size() > 30 ? "left say" : "left";
}

std::string cell_html(const std::string& cell, Table::Align align) {
  const std::optional<std::string> best = unbolded(cell);
  const std::string shown = best.value_or(cell);
  const std::string content = best ? concat("<b>", escaped(shown), "</b>") : escaped(shown);
  if (align == Table::Align::left)
    return concat("<td class=\"", class_of_verdict(shown), "\">", content, "</td>");
  return concat("<td data-v=\"", leading_number(shown), "\">", content, "</td>");
}

std::string table_html(const Table& table, const std::string& caption) {
  std::string out =
      concat("<div class=\"scroll", table.rows().size() > kTallTable ? " tall" : "",
             "\" tabindex=\"0\" role=\"region\" aria-label=\"", escaped(caption),
             "\">\n<table class=\"sortable\"><caption>", escaped(caption), "</caption>\n<thead><tr>");
  for (const Table::Column& column : table.columns())
    out += concat("<th scope=\"col\"",
                  column.align == Table::Align::left ? " class=\"left\" data-first=\"ascending\"" : "", ">",
                  escaped(column.header), "</th>");
  out += "</tr></thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : table.rows()) {
    out += concat("<tr><th scope=\"row\"", row[0].size() > 30 ? " class=\"say\"" : "", ">", escaped(row[0]),
                  "</th>");
    for (std::size_t i = 1; i < row.size(); ++i) out += cell_html(row[i], table.columns()[i].align);
    out += "</tr>\n";
  }
  return out + "</tbody></table>\n</div>\n";
}

std::string figure_html(const Block& block, const std::string& folder) {
  return concat(
      "<figure class=\"drawn\">\n<div class=\"scroll wide\" tabindex=\"0\" role=\"region\" aria-label=\"",
      escaped(block.figure->title), "\">\n<img class=\"plot\" alt=\"", escaped(block.figure->title),
      "; the tables below have its numbers\" src=\"data:image/svg+xml;base64,",
      base64(read_file(concat(folder, "/", block.stem, ".svg"))), "\">\n</div>\n<figcaption>",
      escaped(block.note), "</figcaption></figure>\n");
}

std::string block_html(const Block& block, const std::string& folder) {
  if (block.figure) return figure_html(block, folder);
  if (block.table && block.closed)
    return concat("<details><summary>", escaped(block.note), "</summary>\n",
                  table_html(*block.table, block.note), "</details>\n");
  if (block.table) return table_html(*block.table, block.note);
  return concat("<p class=\"note\">", escaped(block.note), "</p>\n", block.html);
}

std::string section_html(const Section& section, const std::string& folder) {
  std::string out =
      concat("<section aria-labelledby=\"", section.id, "\">\n<h2 id=\"", section.id, "\">",
             escaped(section.title), "</h2>\n<p class=\"text\">", escaped(section.text), "</p>\n");
  std::string heading;
  for (const Block& block : section.blocks) {
    if (block.heading != heading) out += concat("<h3>", escaped(block.heading), "</h3>\n");
    heading = block.heading;
    out += block_html(block, folder);
  }
  return out + "</section>\n";
}

}  // namespace

std::string page_html(const std::string& title, const std::string& lead, const std::vector<Section>& sections,
                      const std::string& folder) {
  std::string out = concat(page_head(title, kStyle), "<body>\n<header>\n<h1>", escaped(title), "</h1>\n<p>",
                           escaped(lead), "</p>\n<nav aria-label=\"Contents\"><ul>\n");
  for (const Section& section : sections)
    out += concat("<li><a href=\"#", section.id, "\">", escaped(section.title), "</a></li>\n");
  out += "</ul></nav>\n</header>\n<main>\n";
  for (const Section& section : sections) out += section_html(section, folder);
  return concat(out, "</main>\n<footer class=\"note\">slalom ", SLALOM_VERSION, "</footer>\n<script>",
                page_script(), "</script>\n</body>\n</html>\n");
}

}  // namespace slalom::text_tables
