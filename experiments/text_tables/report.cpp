// What is written: README.md, results.json, curves.csv, figures and the page.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <set>

#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/report/number_text.hpp"
#include "slalom/report/visible_text.hpp"
#include "text_tables.hpp"

namespace slalom::text_tables {

Section models_section(const Study& study) {
  using enum Table::Align;
  using experiment::number;
  Section section{.id = "models",
                  .item = "",
                  .title = "The models",
                  .text = "Accuracy on test texts, with its 95 % interval; higher is better.",
                  .blocks = {}};
  if (!study.about.is_object() || !study.about.contains("models")) return section;
  Table table({{"model"},
               {"corpus"},
               {"accuracy [95 %]", right},
               {"texts", right},
               {"layers", right},
               {"width", right},
               {"longest text", right},
               {"epochs", right},
               {"training, s", right}});
  for (const Json& model : require_array(study.about, "models", "about.json")) {
    const auto field = [&](const char* name) {
      return model.contains(name) && model[name].is_number() ? number(model[name]) : NAN;
    };
    const auto whole = [&](const char* name) {
      return std::isfinite(field(name)) ? count_text(std::llround(field(name))) : std::string("–");
    };
    std::string accuracy = unsigned_number(field("accuracy"), 3);
    if (const auto range = model.find("interval");
        range != model.end() && range->is_array() && range->size() == 2)
      accuracy += concat(" [", unsigned_number(number((*range)[0]), 3), ", ",
                         unsigned_number(number((*range)[1]), 3), "]");
    table.add_row({visible(require_string(model, "model_title", "about.json")),
                   visible(require_string(model, "corpus_title", "about.json")), accuracy, whole("texts"),
                   whole("layers"), whole("width"), whole("longest"), whole("epochs"),
                   plain_number(field("seconds"), 3)});
  }
  if (!table.rows().empty())
    section.blocks.push_back({.note = "Models of the study.", .table = std::move(table)});
  return section;
}

std::string target_of(const std::string& item) {
  const bool figure = item == "removal" || item == "planes";
  return (figure ? "fig-" : "table-") + item;
}

namespace {

using experiment::Options;

// A number of the report: of a set, a source and a metric.
struct Number {
  const TextSet* set;
  const Metric* metric;
  Source source;
  Summary summary;
  Comparison against;
};

std::vector<Number> all_numbers(const Study& study) {
  std::vector<const TextSet*> sets;
  for (const TextSet& set : study.groups) sets.push_back(&set);
  for (const TextSet& set : study.sets)
    if (study.parts.contains(set.key())) sets.push_back(&set);
  std::vector<Number> all;
  for (const TextSet* set : sets)
    for (const Metric& metric : all_metrics()) {
      const std::vector<double>* other = set->find(metric.key, reference(metric));
      for (const Source& source : sources_of(*set, metric)) {
        const std::vector<double>& values = *set->find(metric.key, source);
        Number number{set, &metric, source, summarise(values), {0, NAN, NAN, NAN}};
        if (other != nullptr && source != reference(metric)) number.against = paired(values, *other);
        all.push_back(std::move(number));
      }
    }
  return all;
}

// Data and metric of "imdb.distilbert_2.lime.removal_5.difference".
std::vector<std::string> subject_of(const std::string& name) {
  std::vector<std::string> parts = split(name, '.');
  if (parts.size() > 2) parts.erase(parts.begin() + 2);
  parts.resize(3);
  return parts;
}

// Expectations about data and metrics that the records have: a run makes the records of one table at a time.
std::vector<Expectation> about_what_is_there(const std::vector<Expectation>& expected,
                                             const experiment::Estimates& found) {
  std::set<std::vector<std::string>> there;
  for (const auto& [name, estimate] : found) there.insert(subject_of(name));
  std::vector<Expectation> kept;
  for (const Expectation& e : expected)
    if (there.contains(subject_of(e.name))) kept.push_back(e);
  return kept;
}

Table numbers_table(const std::vector<Number>& numbers) {
  Table table({{"corpus"},
               {"model"},
               {"method"},
               {"settings"},
               {"scores"},
               {"metric"},
               {"n"},
               {"mean"},
               {"standard_error"},
               {"pairs"},
               {"difference"},
               {"low"},
               {"high"},
               {"verdict"}});
  const auto show = [](double x) { return std::isfinite(x) ? shortest(x) : std::string(); };
  for (const Number& n : numbers)
    table.add_row({n.set->corpus, n.set->model, n.source.method, n.source.settings, n.source.scores,
                   n.metric->key, std::to_string(n.summary.n), show(n.summary.mean),
                   show(n.summary.standard_error), std::to_string(n.against.n), show(n.against.difference),
                   show(n.against.low), show(n.against.high),
                   n.against.n > 1 ? word(standing(n.against, n.metric->direction)) : ""});
  return table;
}

// Rows of a table as JSON objects, empty cells left out; those of a number are numbers.
std::string rows_json(const Table& table, std::size_t first_number, std::size_t end_number) {
  std::string out;
  for (const std::vector<std::string>& cells : table.rows()) {
    JsonRow row;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (cells[i].empty()) continue;
      const std::string& name = table.columns()[i].header;
      if (i >= first_number && i < end_number)
        row.raw(name, cells[i]);
      else
        row.field(name, cells[i]);
    }
    out += (out.empty() ? "\n  " : ",\n  ") + row.str();
  }
  return "[" + out + "]";
}

Table times_table(const std::vector<Timing>& times) {
  Table table({{"model"},
               {"method"},
               {"settings"},
               {"samples"},
               {"tokens"},
               {"repeats"},
               {"median_seconds"},
               {"least_seconds"},
               {"queries"},
               {"token_forwards"}});
  for (const Timing& t : times)
    table.add_row({t.model, t.source.method, t.source.settings, std::to_string(t.samples), shortest(t.tokens),
                   std::to_string(t.repeats), shortest(t.median), shortest(t.fastest), shortest(t.queries),
                   shortest(t.token_forwards)});
  return table;
}

std::string results_json(const Study& study, const Options& options, const Table& numbers,
                         const experiment::Estimates& found, const std::vector<Verdict>& verdicts) {
  JsonRow head;
  head.field("version", SLALOM_VERSION).field("size", options.size).raw("about", study.about.dump());
  head.field("scale", "log-odds").field("blas_core", blas_core());
  const std::string line = head.str();
  return concat(line.substr(0, line.size() - 1), ",\n \"numbers\":", rows_json(numbers, 6, 13),
                ",\n \"runtime\":", rows_json(times_table(timings(study)), 3, 10),
                ",\n \"estimates\":", to_json(found).dump(),
                ",\n \"checks\":", experiment::checks_json(verdicts), "}\n");
}

std::string markdown(const std::string& title, const std::string& lead,
                     const std::vector<Section>& sections) {
  std::string out = concat("# ", title, "\n\n", lead, "\n");
  for (const Section& section : sections) {
    out += concat("\n## ", section.title, "\n\n", section.text, "\n");
    std::string heading;
    for (const Block& block : section.blocks) {
      if (block.closed) continue;
      if (block.heading != heading) out += concat("\n### ", block.heading, "\n");
      heading = block.heading;
      out += concat("\n", block.note, "\n\n");
      if (block.figure) out += concat("![", block.figure->title, "](", block.stem, ".svg)\n");
      if (block.table) out += block.table->markdown();
      out += block.markdown;
    }
  }
  return out;
}

// The best of a column has a star where Markdown has it bold.
Table starred(const Table& table) {
  Table out(table.columns());
  for (std::vector<std::string> row : table.rows()) {
    for (std::string& cell : row)
      if (const auto plain = unbolded(cell)) cell = "*" + *plain;
    out.add_row(std::move(row));
  }
  return out;
}

void print(const Section& section) {
  std::cout << section.title << "\n" << std::string(section.title.size(), '=') << "\n\n";
  for (const Block& block : section.blocks) {
    if (!block.table) continue;
    std::cout << block.heading << (block.heading.empty() ? "" : ": ") << block.note << "\n\n"
              << starred(*block.table).text() << "\n";
  }
}

bool is_printed(const Section& section, const std::string& item) {
  if (item == "all" || section.item == item) return true;
  return section.item == "cost" && item != "runtime" && item != "planes";
}

Section checks_section(const std::vector<Verdict>& verdicts, std::size_t left_out) {
  Section section{.id = "checks", .item = "", .title = "Expected values", .text = {}, .blocks = {}};
  section.text = "Measured numbers against the bands of expected.tsv.";
  if (left_out > 0)
    section.text += concat(" ", left_out, " more speak of data that the records do not have.");
  if (!verdicts.empty()) section.blocks.push_back({.note = "Checks.", .table = verdict_table(verdicts)});
  return section;
}

std::string lead_of(const Study& study, const std::vector<Section>& empty) {
  Index texts = 0;
  for (const TextSet& set : study.groups) texts += set.texts;
  std::string lead = concat(
      "Explanations of ", count_text(texts), " texts (", study.groups.size(),
      " data sets and models), each method in corrected settings beside the published ones where these "
      "differ. All explain the log-odds of the predicted class. Differences are paired: each method minus "
      "slalom-fidel (corrected, linear scores where scores rank) on the same texts, mean and 95 % interval "
      "by Student's t with n − 1 degrees of freedom; \"no difference\" means that the interval holds 0.");
  if (study.about.is_object())
    if (const Index queries = optional_integer(study.about, "queries", "about.json", 0, 0, Index{1} << 53);
        queries > 0)
      lead += concat(" Budget: ", count_text(queries), " queries a text, for methods that have one.");
  if (!empty.empty())
    lead += concat(" Without records so far: ",
                   listed(empty,
                          [](const Section& s) {
                            return s.item.empty() || s.item == "cost"
                                       ? s.title
                                       : concat(s.title, " (make ", target_of(s.item), ")");
                          }),
                   ".");
  return lead;
}

}  // namespace

bool report(const Study& study, const std::string& item, const Options& options) {
  make_folders(options.folder);
  const std::vector<Number> numbers = all_numbers(study);
  const experiment::Estimates found = estimates(study);
  const std::vector<Expectation> expected = about_what_is_there(options.expected, found);
  const std::vector<Verdict> verdicts = compare_with_expected(expected, values_of(found));

  std::vector<Section> sections, empty;
  for (Section& section : std::vector<Section>{
           models_section(study), naive_bayes_section(study), human_section(study),
           faithfulness_section(study), removal_section(study), runtime_section(study),
           planes_section(study, options.folder), true_log_odds_section(study), cost_section(study),
           checks_section(verdicts, options.expected.size() - expected.size())})
    (section.blocks.empty() ? empty : sections).push_back(std::move(section));
  if (item != "all" && std::ranges::none_of(sections, [&](const Section& s) { return s.item == item; }))
    throw Error(concat("found no records for --item ", item),
                concat("`make ", target_of(item), "` makes them"));

  for (const Section& section : sections)
    for (const Block& block : section.blocks)
      if (block.figure)
        write_file(concat(options.folder, "/", block.stem, ".svg"),
                   draw(*block.figure).document(block.figure->title));
  const std::string title = concat("Explanations of texts, size ", options.size),
                    lead = lead_of(study, empty);
  const Table all = numbers_table(numbers);
  write_file(options.folder + "/curves.csv", all.csv());
  write_file(options.folder + "/results.json", results_json(study, options, all, found, verdicts));
  write_file(options.folder + "/README.md", markdown(title, lead, sections));
  write_file(options.folder + "/index.html", page_html(title, lead, sections));

  for (const Section& section : sections)
    if (is_printed(section, item)) print(section);
  if (item != "all" && !verdicts.empty()) std::cout << verdict_table(verdicts).text() << "\n";
  std::cout << "results in " << options.folder << "\n";
  return std::ranges::all_of(verdicts, [](const Verdict& v) { return v.holds(); });
}

}  // namespace slalom::text_tables
