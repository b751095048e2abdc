// Figures, and the sections around them.
#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "slalom/base/files.hpp"
#include "slalom/report/explanation_svg.hpp"
#include "slalom/report/explanation_text.hpp"
#include "slalom/report/number_text.hpp"
#include "slalom/report/page.hpp"
#include "slalom/report/visible_text.hpp"
#include "text_tables.hpp"

namespace slalom::text_tables {

namespace {

// --- curves of methods -----------------------------------------------------------------------------------

// A figure has eight colours; the simplest methods are dashed. Scores without a unit (norms of gradients,
// shares of attention) predict no log-odds and are in the tables alone.
constexpr std::array kColoured = {"slalom-fidel",    "slalom-eff",           "lime",
                                  "kernel-shap",     "integrated-gradients", "attn-lrp",
                                  "linear-deletion", "slalom-exact"};
constexpr std::array kDashed = {"leave-one-out", "input-x-gradient", "zero"};

// x and y of a source; empty if it has none.
using Points = std::vector<std::pair<double, double>>;
using PointsOf = std::function<Points(const Source&)>;

// log10 of y. What is nothing but rounding, as of leaving out one token after the other at one, is a gap.
double logarithm(double y) {
  return std::isfinite(y) && y > 1e-9 ? std::log10(y) : NAN;
}

// Panels of corrected and published settings side by side, a curve a method. Nothing if no method of the
// figure has a point.
void add_panels(const std::string& title, const PointsOf& points_of, Panel panel, Figure& figure) {
  double low = INFINITY, high = -INFINITY;
  const auto first = std::ssize(figure.panels);
  for (const char* settings : {kCorrected, kPublished}) {
    panel.title = concat(title, ": ", settings);
    panel.curves.clear();
    const auto add = [&](const char* method, slalom::Curve::Style style) {
      slalom::Curve curve{.label = method, .style = style};
      for (const auto& [x, y] : points_of({method, settings, ""})) {
        curve.x.push_back(x);
        curve.y.push_back(logarithm(y));
        low = std::fmin(low, curve.y.back());
        high = std::fmax(high, curve.y.back());
      }
      if (!std::ranges::all_of(curve.y, [](double y) { return std::isnan(y); }))
        panel.curves.push_back(std::move(curve));
    };
    for (const char* method : kColoured) add(method, slalom::Curve::Style::line_points);
    for (const char* method : kDashed) add(method, slalom::Curve::Style::dashed);
    if (!panel.curves.empty()) figure.panels.push_back(panel);
  }
  for (auto p = figure.panels.begin() + first; p != figure.panels.end(); ++p)
    p->y_range = {low - 0.05 * (high - low) - 0.05, high + 0.05 * (high - low) + 0.05};
}

}  // namespace

Section removal_section(const Study& study) {
  Section section{
      .id = "removal",
      .item = "removal",
      .title = "Predicting removals of several tokens",
      .text =
          "1 to 10 random tokens are removed; mean squared error (nats²) of the change of log-odds that an "
          "explanation predicts against the model's, mean over texts ± standard error, lower is better. In "
          "the published draws the tokens that are removed are nested, and the same places in all texts of a "
          "length. \"zero\" predicts no change: what does not beat it predicts nothing. "
          "\"Scaled\" is the error after the best single factor on the predicted changes: it forgives "
          "scores that are in another unit, such as the slopes of a probability that LIME gives in its "
          "published settings. In the figure a method has the same colour in all panels; scores without a "
          "unit (gradient norms, attention rollout) are in the tables alone."};
  Figure figure{
      .title = "Error of predicted changes by number of removed tokens", .panels = {}, .columns = 2};
  for (const TextSet& set : study.groups) {
    const PointsOf points_of = [&](const Source& source) {
      Points points;
      for (Index k = 1; k <= 10; ++k)
        if (const auto* values = set.find(concat("removal_", k), source))
          points.emplace_back(k, summarise(*values).mean);
      return points;
    };
    add_panels(
        set.title(), points_of,
        {.x_label = "tokens removed", .y_label = "log₁₀ of the mean squared error (nats²)", .x_tick = 1},
        figure);
  }
  if (!figure.panels.empty())
    section.blocks.push_back({.note = "Error by number of removed tokens, logarithmic.",
                              .figure = std::move(figure),
                              .stem = "fig_removal"});
  for (const TextSet& set : study.groups) {
    if (!set.has("removal_5")) continue;
    std::vector<MethodColumn> columns;
    for (const auto& [key, title] :
         {std::pair("published-removal_5", "5 removed, published draws"), std::pair("removal_1", "1 removed"),
          std::pair("removal_5", "5 removed"), std::pair("removal_10", "10 removed"),
          std::pair("removal_scaled_5", "5 removed, scaled")})
      columns.push_back(mean_column(title, set, metric_named(key)));
    columns.push_back(count_column(set, "removal_5"));
    section.blocks.push_back(
        {.heading = set.title(),
         .note =
             concat("Mean squared error, nats²; the best of a column and its settings in bold. ", set.size()),
         .table = method_table(set.methods, columns)});
    for (const char* key : {"published-removal_1", "published-removal_5", "published-removal_10", "removal_5",
                            "removal_scaled_5"}) {
      if (!set.has(key)) continue;
      const Metric& metric = metric_named(key);
      section.blocks.push_back(
          {.heading = set.title(),
           .note = concat("Paired differences: ", metric.title, "; ", metric.unit, ", lower is better."),
           .table = metric_table(study, set, metric),
           .closed = key != std::string("removal_5")});
    }
  }
  return section;
}

// --- run time --------------------------------------------------------------------------------------------

namespace {

constexpr Index kPaperSamples = 5000;

// The timed explanations of one model.
struct TimedModel {
  std::string model, title;
  std::vector<const Timing*> timings;
  std::set<Index> samples;
  std::vector<Source> sources;

  const Timing* find(const Source& source, Index count) const {
    for (const Timing* t : timings)
      if (t->source == source && t->samples == count) return t;
    return nullptr;
  }
};

std::vector<TimedModel> timed_models(const Study& study) {
  std::vector<TimedModel> models;
  for (const Timing& t : study.timings) {
    auto found = std::ranges::find(models, t.model, &TimedModel::model);
    if (found == models.end()) found = models.insert(found, {t.model, t.model_title});
    found->timings.push_back(&t);
    found->samples.insert(t.samples);
    if (!std::ranges::count(found->sources, t.source)) found->sources.push_back(t.source);
  }
  return models;
}

std::string samples_title(Index samples) {
  return samples == 0 ? "no samples" : count_text(samples) + " samples";
}

std::string seconds_text(double seconds) {
  return number_text(metric_named("seconds"), seconds);
}

Table seconds_table(const Study& study, const TimedModel& model) {
  std::vector<MethodColumn> columns;
  for (const Index samples : model.samples)
    columns.push_back(
        {samples_title(samples),
         [&model, samples](const Source& source) {
           const Timing* t = model.find(source, samples);
           if (t == nullptr) return MethodCell{};
           const double middle = median(t->seconds);
           return MethodCell{
               concat(seconds_text(middle), " (", seconds_text(std::ranges::min(t->seconds)), ")"), middle};
         },
         Direction::lower_is_better});
  columns.push_back({"repeats", [&](const Source& source) {
                       std::size_t repeats = 0;
                       for (const Timing* t : model.timings)
                         if (t->source == source) repeats = std::max(repeats, t->seconds.size());
                       return MethodCell{std::to_string(repeats)};
                     }});
  columns.push_back({concat("[paper, ", count_text(kPaperSamples), ", GPU]"), [&](const Source& source) {
                       const auto number = paper_number(study, "runtime", model.model, source);
                       return MethodCell{number ? seconds_text(*number) : ""};
                     }});
  return method_table(model.sources, columns);
}

Table asked_table(const TimedModel& model) {
  std::vector<MethodColumn> columns;
  for (const Index samples : model.samples)
    for (const auto& [what, numbers] :
         {std::pair("queries", &Timing::queries), std::pair("token-forwards", &Timing::token_forwards)})
      columns.push_back({concat(samples_title(samples), ": ", what),
                         [&model, samples, numbers = numbers](const Source& source) {
                           const Timing* t = model.find(source, samples);
                           return t == nullptr ? MethodCell{}
                                               : MethodCell{count_text(std::llround(median(t->*numbers)))};
                         }});
  return method_table(model.sources, columns);
}

}  // namespace

Section runtime_section(const Study& study) {
  Section section{
      .id = "runtime",
      .item = "runtime",
      .title = "Run time",
      .text =
          "Seconds for one explanation of one text against the number of samples: the median of the "
          "repeats, the fastest in brackets, lower is better; the fastest method of a column and its "
          "settings is in bold. "
          "Published and corrected settings run in the same C++ on the same machine: times compare "
          "methods, not languages. Methods that draw no samples take the same at every count. The paper's "
          "times are of Python on a GPU."};
  const std::vector<TimedModel> models = timed_models(study);
  Figure figure{.title = "Seconds for an explanation", .panels = {}, .columns = 2};
  for (const TimedModel& model : models) {
    const PointsOf points_of = [&](const Source& source) {
      Points points;
      for (const Index samples : model.samples)
        if (const Timing* t = model.find(source, samples); t != nullptr && samples > 0)
          points.emplace_back(samples, median(t->seconds));
      return points;
    };
    add_panels(model.title, points_of,
               {.x_label = "samples", .y_label = "log₁₀ of seconds, median", .log_x = true}, figure);
  }
  if (!figure.panels.empty())
    section.blocks.push_back({.note = "Median seconds against samples, both logarithmic.",
                              .figure = std::move(figure),
                              .stem = "fig_runtime"});
  for (const TimedModel& model : models) {
    section.blocks.push_back(
        {.heading = model.title,
         .note = concat("Seconds, a text of ", median(model.timings.front()->tokens), " tokens."),
         .table = seconds_table(study, model)});
    section.blocks.push_back({.heading = model.title,
                              .note = "What these explanations ask, medians.",
                              .table = asked_table(model),
                              .closed = true});
  }
  return section;
}

// --- planes ----------------------------------------------------------------------------------------------

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
