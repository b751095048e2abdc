// The tour as a student runs it: the program, its page and its exit status.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include "../support/process.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/files.hpp"

using namespace slalom::test;

namespace {

Finished run_tour(const std::vector<std::string>& options = {}) {
  std::vector<std::string> command = {program_beside("tour")};
  command.insert(command.end(), options.begin(), options.end());
  return run_process(command);
}

std::vector<std::string> lines_of(const std::string& output) {
  std::istringstream in(output);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The numbers of the lines that follow a line beginning with `header`, below its rule, `rows` of them; each
/// line begins with a word.
std::vector<std::vector<double>> numbers_below(const std::string& output, const std::string& header,
                                               std::size_t rows) {
  const std::vector<std::string> lines = lines_of(output);
  auto line = std::ranges::find_if(lines, [&](const std::string& l) { return l.starts_with(header); });
  REQUIRE(lines.end() - line > static_cast<std::ptrdiff_t>(rows) + 1);
  std::vector<std::vector<double>> table;
  for (line += 2; table.size() < rows; ++line) {
    std::istringstream in(*line);
    std::string word;
    in >> word;
    table.emplace_back();
    for (double x = 0; in >> x;) table.back().push_back(x);
  }
  return table;
}

std::size_t count(const std::string& output, const std::string& mark) {
  std::size_t found = 0;
  for (std::size_t at = output.find(mark); at != std::string::npos; at = output.find(mark, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("tour: every check holds, on a page of 80 columns, with the same bytes each time") {
  for (const std::vector<std::string>& options : {std::vector<std::string>{}, {"--seed", "5"}}) {
    const Finished first = run_tour(options);
    CHECK(first.status == 0);
    CHECK(first.out == run_tour(options).out);
    const std::size_t checks = count(first.out, "\n  ✓ ");
    CHECK(checks >= 20);
    CHECK(count(first.out, "\n  ✗ ") == 0);
    CHECK(first.out.ends_with(std::to_string(checks) + " of " + std::to_string(checks) + " checks hold.\n"));
    for (const std::string& line : lines_of(first.out)) {
      CAPTURE(line);
      CHECK(std::ranges::count_if(line, [](char c) { return (c & 0xC0) != 0x80; }) <= 80);
      CHECK_FALSE(line.ends_with(' '));
    }
  }
  CHECK(run_tour().out != run_tour({"--seed", "5"}).out);
}

TEST_CASE("tour: what is printed satisfies what is claimed") {
  const std::string page = run_tour().out;
  for (const char* head : {"  text 0, head 0", "  text 0, head 1"})
    for (const std::vector<double>& row : numbers_below(page, head, 6)) {
      REQUIRE(row.size() == 6);
      double total = 0;
      for (const double weight : row) total += weight;
      CHECK(std::abs(total - (1)) <= 0.03);  // six numbers of two decimals
    }
  double total_loss = 0;
  for (const std::vector<double>& row : numbers_below(page, "  text  label", 2)) {
    REQUIRE(row.size() == 5);  // label, F, p(0), p(1), -log p(label)
    CHECK(std::abs(row[2] + row[3] - (1)) <= 0.002);
    CHECK(std::abs(row[4] - (-std::log(row[0] == 1 ? row[3] : row[2]))) <= 0.01);
    total_loss += row[4];
  }
  double sum = 0, mean = 0;
  REQUIRE(std::sscanf(page.c_str() + page.find("  L = "), "  L = %lf / 2 = %lf", &sum, &mean) == 2);
  CHECK(std::abs(sum - (total_loss)) <= 0.001);
  CHECK(std::abs(mean - (sum / 2)) <= 0.001);
}

TEST_CASE("tour: truth of repeated words, and what the model without positions says") {
  const auto rows = numbers_below(run_tour().out, "  n  truth", 7);
  for (std::size_t n = 1; n < rows.size(); ++n) {
    REQUIRE(rows[n].size() == 4);  // truth, F, F without positions, F of the bare text
    CHECK(rows[n][0] == 1.5 * static_cast<double>(n));
    CHECK(rows[n][3] == rows[1][3]);
  }
}

TEST_CASE("tour: options") {
  const Finished help = run_tour({"--help"});
  CHECK(help.status == 0);
  CHECK(help.out.find("--seed N") != std::string::npos);
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"--seed", "x"}, {"--seed", "-1"}, {"--width", "8"}, {"stray"}}) {
    const Finished run = run_tour(wrong);
    CHECK(run.status == 2);
    CHECK(run.err.starts_with("error: "));
  }
}

TEST_CASE("tour: three questions come before their answers, --pause waits, --html has the same page") {
  const TemporaryFolder folder("tour");
  const std::string page = run_tour().out;
  CHECK(count(page, "\n  ? ") == 3);
  CHECK(page.find("What will the last column do?") < page.find("truth 1.5 n"));
  const Finished paused = run_process({program_beside("tour"), "--pause", "--html", folder.file("tour.html")},
                                      {.input = "\n\n\n"});
  CHECK(paused.status == 0);
  CHECK(paused.out == page);
  CHECK(count(paused.err, "[Enter: ") == 3);
  const std::string html = slalom::read_file(folder.file("tour.html"));
  for (const char* tag : {"details", "summary"}) CHECK(count(html, std::string("</") + tag + ">") == 3);
  CHECK(count(html, "<h2>") == 14);
  CHECK(count(html, "<pre ") == count(html, "</pre>"));
  CHECK(count(html, "✓") == count(page, "✓"));
  const std::size_t blank = page.rfind("\n\n");
  CHECK(html.find("<p>" + page.substr(blank + 2, page.size() - blank - 3) + "</p>") != std::string::npos);
  // Prose stands in paragraphs, as it does not in lines.
  CHECK(
      html.find("<p>A row of each table is added up, then LayerNorm subtracts the mean of the D numbers and "
                "divides by their standard deviation.") != std::string::npos);
}
