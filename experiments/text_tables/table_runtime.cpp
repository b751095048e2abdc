// Run time against the number of samples.
#include <algorithm>
#include <cmath>
#include <set>

#include "slalom/report/number_text.hpp"
#include "text_tables.hpp"

namespace slalom::text_tables {

std::vector<Timing> timings(const Study& study) {
  // In the order of the records.
  std::vector<Timing> all;
  std::vector<std::vector<const TimedRun*>> runs;
  for (const TimedRun& run : study.runs) {
    const auto known = std::ranges::find_if(all, [&](const Timing& t) {
      return t.model == run.model && t.source == run.source && t.samples == run.samples;
    });
    const auto at = static_cast<std::size_t>(known - all.begin());
    if (known == all.end()) {
      all.push_back({run.model, run.model_title, run.source, run.samples});
      runs.emplace_back();
    }
    runs[at].push_back(&run);
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto values = [&](auto number) {
      std::vector<double> out;
      for (const TimedRun* run : runs[i]) out.push_back(static_cast<double>(number(*run)));
      return out;
    };
    all[i].seconds = values([](const TimedRun& r) { return r.seconds; });
    all[i].repeats = std::ssize(runs[i]);
    all[i].median = median(all[i].seconds);
    all[i].fastest = std::ranges::min(all[i].seconds);
    all[i].tokens = median(values([](const TimedRun& r) { return r.tokens; }));
    all[i].queries = median(values([](const TimedRun& r) { return r.cost.queries; }));
    all[i].token_forwards = median(values([](const TimedRun& r) { return r.cost.token_forwards; }));
  }
  return all;
}

namespace {

constexpr Index kPaperSamples = 5000;

std::string seconds_text(double seconds) {
  return number_text(metric_named("seconds"), seconds);
}

std::string samples_title(Index samples) {
  return samples == 0 ? "no samples" : count_text(samples) + " samples";
}

using Timings = std::vector<const Timing*>;

const Timing* find(const Timings& all, const Source& source, Index samples) {
  for (const Timing* t : all)
    if (t->source == source && t->samples == samples) return t;
  return nullptr;
}

std::vector<Source> sources_in(const Timings& all) {
  std::vector<Source> sources;
  for (const Timing* t : all)
    if (!std::ranges::count(sources, t->source)) sources.push_back(t->source);
  return by_method(std::move(sources));
}

std::set<Index> sample_counts(const Timings& all) {
  std::set<Index> counts;
  for (const Timing* t : all) counts.insert(t->samples);
  return counts;
}

Table seconds_table(const Study& study, const Timings& all) {
  using enum Table::Align;
  std::vector<Table::Column> columns = {{"method"}, {"settings"}};
  const std::set<Index> counts = sample_counts(all);
  std::vector<double> best;
  for (const Index samples : counts) {
    columns.push_back({samples_title(samples), right});
    best.push_back(INFINITY);
    for (const Timing* t : all)
      if (t->samples == samples) best.back() = std::min(best.back(), t->median);
  }
  columns.push_back({"repeats", right});
  columns.push_back({concat("[paper, ", count_text(kPaperSamples), ", GPU]"), right});
  Table table(columns);
  for (const Source& source : sources_in(all)) {
    std::vector<std::string> row = {source.method, source.settings};
    Index repeats = 0;
    std::size_t column = 0;
    for (const Index samples : counts) {
      const Timing* t = find(all, source, samples);
      const double fastest_method = best[column++];
      if (t == nullptr) {
        row.emplace_back("–");
        continue;
      }
      const std::string cell = concat(seconds_text(t->median), " (", seconds_text(t->fastest), ")");
      row.push_back(t->median == fastest_method ? bold(cell) : cell);
      repeats = std::max(repeats, t->repeats);
    }
    row.push_back(count_text(repeats));
    const auto number = paper_number(study, "runtime", all.front()->model, source);
    row.push_back(number ? seconds_text(*number) : "");
    table.add_row(row);
  }
  return table;
}

Table cost_table(const Timings& all) {
  using enum Table::Align;
  std::vector<Table::Column> columns = {{"method"}, {"settings"}};
  const std::set<Index> counts = sample_counts(all);
  for (const Index samples : counts)
    for (const char* what : {"queries", "token-forwards"})
      columns.push_back({concat(samples_title(samples), ": ", what), right});
  Table table(columns);
  for (const Source& source : sources_in(all)) {
    std::vector<std::string> row = {source.method, source.settings};
    for (const Index samples : counts) {
      const Timing* t = find(all, source, samples);
      row.push_back(t == nullptr ? "–" : count_text(std::llround(t->queries)));
      row.push_back(t == nullptr ? "–" : count_text(std::llround(t->token_forwards)));
    }
    table.add_row(row);
  }
  return table;
}

std::vector<MethodCurve> time_curves(const Timings& all) {
  std::vector<MethodCurve> curves;
  for (const Source& source : sources_in(all)) {
    MethodCurve curve{source, {}, {}};
    for (const Index samples : sample_counts(all)) {
      const Timing* t = find(all, source, samples);
      if (t == nullptr || samples == 0) continue;
      curve.x.push_back(static_cast<double>(samples));
      curve.y.push_back(t->median);
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

}  // namespace

Section runtime_section(const Study& study) {
  Section section{
      .id = "runtime",
      .item = "runtime",
      .title = "Run time",
      .text =
          "Seconds for one explanation of one text against the number of samples: the median of the "
          "repeats, the fastest in brackets, lower is better; the fastest method of a column is in bold. "
          "Published and corrected settings run in the same C++ on the same machine: times compare "
          "methods, not languages. Methods that draw no samples take the same at every count. The paper's "
          "times are of Python on a GPU."};
  const std::vector<Timing> all = timings(study);
  std::vector<Timings> by_model;
  for (const Timing& t : all) {
    auto found =
        std::ranges::find_if(by_model, [&](const Timings& m) { return m.front()->model == t.model; });
    if (found == by_model.end()) found = by_model.insert(found, Timings{});
    found->push_back(&t);
  }
  Figure figure{.title = "Seconds for an explanation", .panels = {}, .columns = 2};
  for (const Timings& model : by_model)
    for (Panel& panel :
         method_panels(model.front()->model_title, time_curves(model),
                       {.x_label = "samples", .y_label = "log₁₀ of seconds, median", .log_x = true}))
      figure.panels.push_back(std::move(panel));
  if (!figure.panels.empty())
    section.blocks.push_back({.note = "Median seconds against samples, both logarithmic.",
                              .figure = std::move(figure),
                              .stem = "fig_runtime"});
  for (const Timings& model : by_model) {
    const auto [least, most] = std::ranges::minmax(model, {}, [](const Timing* t) { return t->tokens; });
    const std::string tokens = least->tokens == most->tokens ? count_text(std::llround(least->tokens))
                                                             : concat(least->tokens, " to ", most->tokens);
    section.blocks.push_back({.heading = model.front()->model_title,
                              .note = concat("Seconds, a text of ", tokens, " tokens."),
                              .table = seconds_table(study, model)});
    section.blocks.push_back({.heading = model.front()->model_title,
                              .note = "What these explanations ask, medians.",
                              .table = cost_table(model),
                              .closed = true});
  }
  return section;
}

}  // namespace slalom::text_tables
