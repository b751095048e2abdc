#include "pages.hpp"

#include <algorithm>
#include <regex>

#include "claims.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/report/page.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom::reproduce {

namespace {

constexpr const char* kStyle =
    "header,main,footer{max-width:84rem}.tall{max-height:none}tbody th,td.left{max-width:26rem}";

// Words with `code` and links, of which the page shows the words: what they lead to is not beside it.
std::string inline_html(const std::string& markdown) {
  static const std::regex link(R"(\[([^\]]*)\]\([^)]*\))"), code("`([^`]*)`");
  return std::regex_replace(escaped(std::regex_replace(markdown, link, "$1")), code, "<code>$1</code>");
}

// Of a line "| a | b |", in which a bar of a cell is escaped.
std::vector<std::string> cells_of(const std::string& line) {
  std::string inside = line.substr(1, line.rfind('|') - 1);
  constexpr char kBar = '\x01';
  for (std::size_t at; (at = inside.find("\\|")) != std::string::npos;) inside.replace(at, 2, 1, kBar);
  for (std::size_t at; (at = inside.find("**")) != std::string::npos;) inside.erase(at, 2);
  std::vector<std::string> cells = trimmed_parts(inside, '|');
  for (std::string& cell : cells) std::ranges::replace(cell, kBar, '|');
  return cells;
}

std::string cell_html(const std::string& cell, Table::Align align) {
  return concat(align == Table::Align::left ? "<td class=\"left\">" : "<td>", inline_html(cell), "</td>");
}

// Rows of cells: the heads, the rule that says how columns are aligned, and what is below.
Table table_of(const std::vector<std::vector<std::string>>& rows) {
  std::vector<Table::Column> columns;
  for (std::size_t i = 0; i < rows[0].size(); ++i)
    columns.push_back({rows[0][i], rows[1][i].ends_with(':') ? Table::Align::right : Table::Align::left});
  Table table(columns);
  for (std::size_t i = 2; i < rows.size(); ++i) table.add_row(rows[i]);
  return table;
}

class Converter {
 public:
  explicit Converter(const std::string& folder) : folder_(folder) {}

  void add(const std::string& line) {
    const std::size_t level = std::min(line.find_first_not_of('#'), line.size());
    if (line.starts_with('|')) {
      rows_.push_back(cells_of(line));
      return;
    }
    if (line.empty() || level > 0 || line.starts_with("![") || line.starts_with("- ")) finish();
    if (line.starts_with("!["))
      add_picture(line.substr(line.find("](") + 2, line.size() - line.find("](") - 3));
    else if (level > 0)
      add_heading(level, line.substr(level + 1));
    else if (!line.empty())
      paragraph_ += (paragraph_.empty() ? "" : " ") + line;
  }
  // What the lines so far have begun.
  void finish() {
    if (paragraph_.starts_with("- "))
      html_ += concat("<ul><li>", inline_html(paragraph_.substr(2)), "</li></ul>\n");
    else if (!paragraph_.empty())
      html_ += concat("<p>", inline_html(paragraph_), "</p>\n");
    if (rows_.size() > 1) html_ += table_html(table_of(rows_), heading_, cell_html);
    paragraph_.clear();
    rows_.clear();
  }
  const std::string& html() const { return html_; }

 private:
  void add_picture(const std::string& file) {
    const std::string svg = read_file(concat(folder_, "/", file));
    html_ += concat("<figure class=\"scroll\" tabindex=\"0\">", svg.substr(svg.find("<svg")), "</figure>\n");
  }
  void add_heading(std::size_t level, const std::string& words) {
    heading_ = words;
    html_ += concat("<h", level, ">", escaped(words), "</h", level, ">\n");
  }

  const std::string& folder_;
  std::string html_, paragraph_, heading_ = "results";
  std::vector<std::vector<std::string>> rows_;  // of a table
};

}  // namespace

std::string filled(const std::string& text, const KnownNumber& number, const std::string& where) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t open = text.find('{', at), close = text.find('}', open);
    out += text.substr(at, open - at);
    if (close == std::string::npos) return out;
    const std::string inside = text.substr(open + 1, close - open - 1);
    const std::vector<std::string> parts = split(inside, ':');
    const auto digits = parts.size() == 3 ? parse_number<int>(parts[2]) : std::optional(3);
    if (parts.size() < 2 || !digits)
      throw Error(concat(where, ": found {", inside, "}, wanted {STUDY:NUMBER} or {STUDY:NUMBER:DIGITS}"));
    const std::optional<double> found = number(parts[0], parts[1]);
    out += found ? significant(*found, *digits) : "not measured";
    at = close + 1;
  }
}

std::string part_of_page(const std::string& study, const std::string& input, const std::string& output) {
  LineReader lines(concat(input, "/", study, "/README.md"));
  std::string part;
  for (std::string line; lines.next(line);) {
    if (const std::size_t name = line.find("]("); line.starts_with("![") && line.ends_with(".svg)")) {
      const std::string file = line.substr(name + 2, line.size() - name - 3);
      std::string copy = concat(study, "_", file);
      std::ranges::replace(copy, '/', '_');
      write_file(concat(output, "/results/", copy), read_file(concat(input, "/", study, "/", file)));
      line = concat(line.substr(0, name), "](results/", copy, ")");
    }
    part += (line.starts_with('#') ? "#" : "") + line + "\n";
  }
  return part;
}

std::string html_page(const std::string& markdown, const std::string& folder) {
  Converter converter(folder);
  for (const std::string& line : split(markdown, '\n')) converter.add(line);
  converter.finish();
  return concat(page_head("The study", kStyle), "<body>\n<main>\n", converter.html(), page_end());
}

}  // namespace slalom::reproduce
