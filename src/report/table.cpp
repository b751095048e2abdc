#include "slalom/report/table.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "slalom/base/error.hpp"
#include "slalom/report/characters.hpp"

namespace slalom {
namespace {

using Cells = std::vector<std::string>;

std::size_t columns_of(const std::string& cell) {
  return static_cast<std::size_t>(terminal_columns(cell));
}

Cells headers(const Table& table) {
  Cells out;
  for (const auto& column : table.columns()) out.push_back(column.header);
  return out;
}

std::string one_line(std::string cell) {
  std::replace_if(
      cell.begin(), cell.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return cell;
}

std::string markdown_cell(const std::string& cell) {
  std::string out;
  for (const char c : one_line(cell)) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string csv_cell(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string out = "\"";
  for (const char c : cell) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string tsv_cell(const std::string& cell) {
  constexpr std::string_view kSpecial = "\t\n\r\\", kLetter = "tnr\\";
  std::string out;
  for (const char c : cell) {
    const std::size_t which = kSpecial.find(c);
    if (which == std::string_view::npos)
      out += c;
    else
      (out += '\\') += kLetter[which];
  }
  return out;
}

template <class Escape>
std::string joined(const Cells& cells, std::string_view separator, const Escape& escape) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out += separator;
    out += escape(cells[i]);
  }
  return out;
}

template <class Escape>
std::string delimited(const Table& table, std::string_view separator, const Escape& escape) {
  std::string out = joined(headers(table), separator, escape) + '\n';
  for (const auto& row : table.rows()) out += joined(row, separator, escape) + '\n';
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

std::string Table::text() const {
  std::vector<Cells> lines = {headers(*this)};
  lines.insert(lines.end(), rows_.begin(), rows_.end());
  std::vector<std::size_t> width(columns_.size());
  for (Cells& cells : lines)
    for (std::size_t i = 0; i < cells.size(); ++i) {
      cells[i] = visible(one_line(cells[i]));
      width[i] = std::max(width[i], columns_of(cells[i]));
    }
  std::string out;
  const auto add_line = [&](const Cells& cells) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string padding(width[i] - columns_of(cells[i]), ' ');
      line += i > 0 ? "  " : "";
      line += columns_[i].align == Align::left ? cells[i] + padding : padding + cells[i];
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  };
  add_line(lines.front());
  Cells rule;
  for (const std::size_t w : width) rule.emplace_back(w, '-');
  add_line(rule);
  std::for_each(lines.begin() + 1, lines.end(), add_line);
  return out;
}

std::string Table::markdown() const {
  const auto line = [](const Cells& cells) { return "| " + joined(cells, " | ", markdown_cell) + " |\n"; };
  std::string out = line(headers(*this)) + "|";
  for (const auto& column : columns_) out += column.align == Align::left ? " --- |" : " ---: |";
  out += '\n';
  for (const auto& row : rows_) out += line(row);
  return out;
}

std::string Table::csv() const {
  return delimited(*this, ",", csv_cell);
}

std::string Table::tsv() const {
  return delimited(*this, "\t", tsv_cell);
}

}  // namespace slalom
