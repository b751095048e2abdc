#include "slalom/report/table.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "slalom/base/error.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom {
namespace {

using Cells = std::vector<std::string>;

std::size_t width_of(const std::string& cell) {
  return static_cast<std::size_t>(terminal_columns(cell));
}

std::string one_line(std::string cell) {
  std::ranges::replace_if(
      cell, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return cell;
}

/// Every one of these characters becomes what stands at its place in `with`.
std::string replaced(const std::string& cell, std::string_view special,
                     const std::vector<const char*>& with) {
  std::string out;
  for (const char c : cell) {
    const std::size_t which = special.find(c);
    if (which == std::string_view::npos)
      out += c;
    else
      out += with[which];
  }
  return out;
}

std::string markdown_cell(const std::string& cell) {
  return replaced(one_line(cell), "|", {"\\|"});
}

std::string csv_cell(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  return concat("\"", replaced(cell, "\"", {"\"\""}), "\"");
}

std::string tsv_cell(const std::string& cell) {
  return replaced(cell, "\t\n\r\\", {"\\t", "\\n", "\\r", "\\\\"});
}

/// Lines of cells as `escape` writes them.
std::string joined(const std::vector<Cells>& lines, const char* before, const char* between,
                   const char* after, std::string (*escape)(const std::string&)) {
  std::string out;
  for (const Cells& cells : lines)
    for (std::size_t i = 0; i < cells.size(); ++i)
      out += concat(i == 0 ? before : between, escape(cells[i]), i + 1 < cells.size() ? "" : after);
  return out;
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  if (columns_.empty()) throw Error("[table] no columns, wanted at least one");
}

void Table::add_row(std::vector<std::string> cells) {
  if (cells.size() != columns_.size())
    throw Error(slalom::concat("[table] a row has ", cells.size(), " cells, the table has ", columns_.size(),
                               " columns"));
  rows_.push_back(std::move(cells));
}

std::vector<Cells> Table::lines() const {
  std::vector<Cells> lines(1);
  for (const Column& column : columns_) lines[0].push_back(column.header);
  lines.insert(lines.end(), rows_.begin(), rows_.end());
  return lines;
}

std::string Table::text() const {
  std::vector<Cells> all = lines();
  std::vector<std::size_t> width(columns_.size());
  for (Cells& cells : all)
    for (std::size_t i = 0; i < cells.size(); ++i) {
      cells[i] = visible(one_line(cells[i]));
      width[i] = std::max(width[i], width_of(cells[i]));
    }
  Cells rule;
  for (const std::size_t w : width) rule.emplace_back(w, '-');
  all.insert(all.begin() + 1, rule);
  std::string out;
  for (const Cells& cells : all) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string padding(width[i] - width_of(cells[i]), ' ');
      line += i > 0 ? "  " : "";
      line += columns_[i].align == Align::left ? cells[i] + padding : padding + cells[i];
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  return out;
}

std::string Table::markdown() const {
  std::string out = joined(lines(), "| ", " | ", " |\n", markdown_cell), rule = "|";
  for (const Column& column : columns_) rule += column.align == Align::left ? " --- |" : " ---: |";
  return out.insert(out.find('\n') + 1, rule + "\n");
}

std::string Table::csv() const {
  return joined(lines(), "", ",", "\n", csv_cell);
}

std::string Table::tsv() const {
  return joined(lines(), "", "\t", "\n", tsv_cell);
}

}  // namespace slalom
