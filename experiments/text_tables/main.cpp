// What is written: README.md, results.json, curves.csv, figures and the page.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <set>

#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/report/number_text.hpp"
#include "slalom/report/visible_text.hpp"
#include "text_tables.hpp"

namespace {

using namespace slalom;
using namespace slalom::experiment;
using namespace slalom::text_tables;

const std::vector<std::string> kItems = {"all",     "nb",     "truth",   "human", "faithfulness",
                                         "removal", "shares", "runtime", "planes"};

// The make target whose records an item needs.
std::string target_of(const std::string& item) {
  return (item == "removal" || item == "shares" || item == "planes" ? "fig-" : "table-") + item;
}

// --- sections --------------------------------------------------------------------------------------------

Section models_section(const Study& study) {
  Section section{.id = "models",
                  .item = "",
                  .title = "The models",
                  .text = "Accuracy on test texts, with its 95 % interval; higher is better."};
  if (!study.about.is_object() || !study.about.contains("models")) return section;
  const auto numeric = [](const Json& model, const char* name) {
    return model.contains(name) && model[name].is_number() ? number(model[name]) : NAN;
  };
  const auto title = [](const char* name) {
    return [name](const Json& model) { return visible(require_string(model, name, "about.json")); };
  };
  const auto whole = [&](const char* name) {
    return [=](const Json& model) {
      const double x = numeric(model, name);
      return std::isfinite(x) ? count_text(std::llround(x)) : "–";
    };
  };
  const auto accuracy = [&](const Json& model) {
    const std::string value = unsigned_number(numeric(model, "accuracy"), 3);
    const auto range = model.find("interval");
    if (range == model.end() || !range->is_array() || range->size() != 2) return value;
    return concat(value, " [", unsigned_number(number((*range)[0]), 3), ", ",
                  unsigned_number(number((*range)[1]), 3), "]");
  };
  const Json& models = require_array(study.about, "models", "about.json");
  if (!models.empty())
    section.blocks.push_back({.note = "Models of the study.",
                              .table = table_of<Json>({models.begin(), models.end()},
                                                      {{"model", title("model_title")},
                                                       {"corpus", title("corpus_title"), Table::Align::left},
                                                       {"accuracy [95 %]", accuracy},
                                                       {"texts", whole("texts")},
                                                       {"layers", whole("layers")},
                                                       {"width", whole("width")},
                                                       {"longest text", whole("longest")},
                                                       {"epochs", whole("epochs")},
                                                       {"training, s", [&](const Json& model) {
                                                          return plain_number(numeric(model, "seconds"), 3);
                                                        }}})});
  return section;
}

Section checks_section(const std::vector<Verdict>& verdicts, std::size_t left_out) {
  Section section{.id = "checks",
                  .item = "",
                  .title = "Expected values",
                  .text = "Measured numbers against the bands of expected.tsv."};
  if (left_out > 0)
    section.text += concat(" ", left_out, " more speak of data that the records do not have.");
  if (!verdicts.empty()) section.blocks.push_back({.note = "Checks.", .table = verdict_table(verdicts)});
  return section;
}

// --- numbers ---------------------------------------------------------------------------------------------

// Of all sets, and of those that are pooled.
Table numbers_table(const Study& study) {
  std::vector<Table::Column> columns;
  for (const char* name : {"corpus", "model", "method", "settings", "scores", "metric", "n", "mean",
                           "standard_error", "pairs", "difference", "low", "high", "verdict"})
    columns.push_back({name});
  Table table(columns);
  const auto show = [](double x) { return std::isfinite(x) ? shortest(x) : std::string(); };
  std::vector<const TextSet*> sets;
  for (const TextSet& set : study.groups) sets.push_back(&set);
  for (const TextSet& set : study.sets)
    if (!set.group.empty()) sets.push_back(&set);
  for (const TextSet* set : sets)
    for (const Metric& metric : all_metrics())
      for (const Number& n : numbers_of(*set, metric))
        table.add_row({set->corpus, set->model, n.source.method, n.source.settings, n.source.scores,
                       metric.key, std::to_string(n.summary.n), show(n.summary.mean),
                       show(n.summary.standard_error), std::to_string(n.pairs), show(n.difference.value),
                       show(n.difference.low), show(n.difference.high),
                       n.pairs > 1 ? standing(n.difference, metric.direction) : ""});
  return table;
}

// The rows as objects, empty cells left out; the cells from `first` to `end` are numbers.
std::vector<Json> objects_of(const Table& table, std::size_t first, std::size_t end) {
  std::vector<Json> objects;
  for (const std::vector<std::string>& cells : table.rows()) {
    Json& object = objects.emplace_back();
    for (std::size_t i = 0; i < cells.size(); ++i)
      if (!cells[i].empty())
        object[table.columns()[i].header] =
            i >= first && i < end ? parse_json(cells[i], "[text_tables]") : Json(cells[i]);
  }
  return objects;
}

std::vector<Json> runtimes_of(const Study& study) {
  std::vector<Json> rows;
  for (const Timing& t : study.timings)
    rows.push_back({{"model", t.model},
                    {"method", t.source.method},
                    {"settings", t.source.settings},
                    {"samples", t.samples},
                    {"tokens", median(t.tokens)},
                    {"repeats", t.seconds.size()},
                    {"median_seconds", median(t.seconds)},
                    {"least_seconds", std::ranges::min(t.seconds)},
                    {"queries", median(t.queries)},
                    {"token_forwards", median(t.token_forwards)}});
  return rows;
}

// Data and metric of "imdb.distilbert_2.lime.removal_5.difference".
std::vector<std::string> subject_of(const std::string& name) {
  std::vector<std::string> parts = split(name, '.');
  if (parts.size() > 2) parts.erase(parts.begin() + 2);
  parts.resize(3);
  return parts;
}

// Expectations about data and metrics that the records have: a run makes the records of one table at a time.
std::vector<Expectation> about_what_is_there(std::vector<Expectation> expected, const Estimates& found) {
  std::set<std::vector<std::string>> there;
  for (const auto& [name, estimate] : found) there.insert(subject_of(name));
  std::erase_if(expected, [&](const Expectation& e) { return !there.contains(subject_of(e.name)); });
  return expected;
}

// --- faces -----------------------------------------------------------------------------------------------

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
  for (const Block& block : section.blocks)
    if (block.table)
      std::cout << block.heading << (block.heading.empty() ? "" : ": ") << block.note << "\n\n"
                << starred(*block.table).text() << "\n";
}

bool is_printed(const Section& section, const std::string& item) {
  if (item == "all" || section.item == item) return true;
  return section.item == "cost" && item != "runtime" && item != "planes" && item != "shares";
}

std::string lead_of(const Study& study, const std::vector<Section>& empty) {
  Index texts = 0;
  for (const TextSet& set : study.groups) texts += set.texts;
  std::string lead = concat(
      "Explanations of ", count_text(texts), " texts (", study.groups.size(),
      " data sets and kinds of model), each method in corrected settings beside the published ones where "
      "these differ. All explain the log-odds of the predicted class. Differences are paired: each method "
      "minus slalom-fidel (corrected, linear scores where scores rank) on the same texts, mean and 95 % "
      "interval of a bootstrap over models, then texts; \"undecided\" means that the interval holds 0.");
  if (study.about.is_object())
    if (const Index queries = optional_integer(study.about, "queries", "about.json", 0, 0, Index{1} << 53);
        queries > 0)
      lead += concat(" Budget: ", count_text(queries), " queries a text, for methods that have one.");
  const auto name_of = [](const Section& s) {
    return s.item.empty() || s.item == "cost" ? s.title : concat(s.title, " (make ", target_of(s.item), ")");
  };
  if (!empty.empty()) lead += concat(" Without records so far: ", listed(empty, name_of), ".");
  return lead;
}

// --- program ---------------------------------------------------------------------------------------------

// All files into options.folder, the item's tables on stdout. Throws Error if the records have nothing for
// the item.
int report(const Study& study, const std::string& item, const Options& options) {
  make_folders(options.folder);
  const Estimates found = estimates(study);
  const std::vector<Expectation> expected = about_what_is_there(options.expected, found);
  const std::vector<Verdict> verdicts = verdicts_on(found, expected);

  std::vector<Section> all = agreement_sections(study), sections, empty;
  all.insert(all.begin(), models_section(study));
  for (Section& section :
       std::vector{faithfulness_section(study), removal_section(study), removed_shares_section(study),
                   runtime_section(study), planes_section(study, options.folder), cost_section(study),
                   checks_section(verdicts, options.expected.size() - expected.size())})
    all.push_back(std::move(section));
  for (Section& section : all) (section.blocks.empty() ? empty : sections).push_back(std::move(section));
  if (item != "all" && !std::ranges::count(sections, item, &Section::item))
    throw Error(concat("found no records for --item ", item),
                concat("`make ", target_of(item), "` makes them"));

  for (const Section& section : sections)
    for (const Block& block : section.blocks)
      if (block.figure)
        write_file(concat(options.folder, "/", block.stem, ".svg"),
                   draw(*block.figure).document(block.figure->title));
  const std::string title = concat("Explanations of texts, size ", options.size),
                    lead = lead_of(study, empty);
  const Table numbers = numbers_table(study);
  write_results(options, {{"about", study.about}},
                {{"numbers", objects_of(numbers, 6, 13)}, {"runtime", runtimes_of(study)}}, found, verdicts);
  write_file(options.folder + "/curves.csv", numbers.csv());
  write_file(options.folder + "/README.md", markdown(title, lead, sections));
  write_file(options.folder + "/index.html", page_html(title, lead, sections));

  for (const Section& section : sections)
    if (is_printed(section, item)) print(section);
  if (item != "all" && !verdicts.empty()) std::cout << verdict_table(verdicts).text() << "\n";
  std::cout << "results in " << options.folder << "\n";
  return exit_status(verdicts);
}

// The records say of which size and seed they are.
void read_about(const ParsedOptions& parsed, const Study& study, Options& options) {
  if (!study.about.is_object()) return;
  const Index seed = optional_integer(study.about, "seed", "about.json", 0, 0, Index{1} << 53);
  options.seed = static_cast<std::uint64_t>(seed);
  const std::string size = optional_string(study.about, "size", "about.json", options.size);
  if (size == options.size) return;
  if (parsed.count("size") > 0)
    throw UsageError(concat("--size ", options.size, ", but the records are of size ", size));
  options.size = size;
  if (parsed.count("expected") == 0 && size == "tiny")
    options.expected = read_expected("experiments/text_tables/expected_tiny.tsv");
}

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  Options options = read_options(parsed, "text_tables", 1);
  const std::string item = parsed["item"].word;
  if (!std::ranges::count(kItems, item))
    throw UsageError("--item " + item + ", wanted one of " + listed(kItems));
  const std::string input = common.input == "-" ? "out/text_study" : common.input;
  if (common.output == "-") options.folder = input;
  const Study study = read_study(input);
  read_about(parsed, study, options);
  return report(study, item, options);
}

}  // namespace

int main(int argc, char** argv) {
  Command command =
      study("text_tables", "The tables and figures of the text study (section 6), made of its records",
            {{"item", "ITEM", "all", "what is printed: " + listed(kItems)}}, run);
  command.unused = {{"shard", "it computes nothing"}};
  return run_command(argc, argv, command);
}
