#include "slalom/base/numbers.hpp"
#include "text_models.hpp"

namespace slalom::text_models {

namespace {

using experiment::number;

Share share(const Json& record, const char* field = "right") {
  return {record[field].get<Index>(), record["texts"].get<Index>()};
}

std::string shown(const Share& accuracy) {
  const auto [low, high] = accuracy.interval();
  return concat(fixed(accuracy.value(), 3), " [", fixed(low, 3), ", ", fixed(high, 3), "]");
}

Table accuracies(const std::vector<Json>& models, const std::vector<Json>& bags) {
  using enum slalom::Table::Align;
  Table table({{"model"},
               {"accuracy [95 % interval]", right},
               {"loss (nats)", right},
               {"best of epochs", right},
               {"minutes", right},
               {"tokens/s", right}});
  for (const Json& m : models)
    table.add_row({concat(m["model_title"].get<std::string>(), ", width ", m["width"].get<Index>()),
                   shown(share(m)), fixed(number(m["loss"]), 3),
                   concat(m["best_epoch"].get<Index>(), " of ", m["held_out_losses"].size()),
                   fixed(number(m["seconds"]) / 60, 1), fixed(number(m["tokens_per_second"]), 0)});
  for (const Json& bag : bags)
    table.add_row({bag["name"].get<std::string>() + ", same tokens", shown(share(bag)), "-", "-", "-", "-"});
  return table;
}

Table truths(const std::vector<Json>& models) {
  using enum slalom::Table::Align;
  Table table(
      {{"model"}, {"accuracy, of the best possible", right}, {"correlation", right}, {"slope", right}});
  for (const Json& m : models)
    table.add_row({m["model_title"].get<std::string>(),
                   concat(fixed(share(m).value(), 3), " of ", fixed(share(m, "bayes_right").value(), 3)),
                   fixed(number(m["correlation"]), 3), fixed(number(m["slope"]), 3)});
  return table;
}

Figure losses(const std::vector<Json>& models) {
  Panel panel{
      .title = "", .x_label = "epoch", .y_label = "loss of held-out texts (nats)", .curves = {}, .x_tick = 1};
  for (const Json& m : models) {
    Curve curve{
        .label = m["model_title"].get<std::string>(), .x = {}, .y = {}, .style = Curve::Style::line_points};
    for (const Json& loss : m["held_out_losses"]) {
      curve.x.push_back(static_cast<double>(curve.x.size() + 1));
      curve.y.push_back(number(loss));
    }
    panel.curves.push_back(curve);
  }
  return {.title = "Training ends where this stops falling", .panels = {panel}};
}

}  // namespace

bool report(const experiment::TextCorpus& corpus, const std::vector<Json>& models,
            const std::vector<Json>& bags, const Options& options) {
  const bool drawn = bags.empty();
  experiment::Estimates found;
  Table curves({{"model"}, {"epoch"}, {"held_out_loss"}});
  for (const Json& m : models) {
    const std::string name = m["corpus"].get<std::string>() + "." + m["model"].get<std::string>();
    found[name + ".accuracy"] = share(m).value();
    if (drawn) found[name + ".correlation"] = number(m["correlation"]);
    Index epoch = 0;
    for (const Json& loss : m["held_out_losses"])
      curves.add_row({name, std::to_string(++epoch), shortest(number(loss))});
  }
  for (const Json& bag : bags) found[corpus.key + "." + bag["name"].get<std::string>()] = share(bag).value();
  std::vector<experiment::Section> sections = {
      {concat("Sentiment classifiers trained from scratch on ", corpus.title,
              drawn ? "'s unigram distributions" : "", ": texts of at most ", options.sizes.longest,
              " tokens, every tenth training text held out."),
       accuracies(models, bags)}};
  if (drawn)
    sections.push_back(
        {"The texts' true log-odds is known: accuracy beside that of the truth's sign, correlation of the "
         "model's log-odds with the true ones, and the slope of their regression through 0.",
         truths(models)});
  return experiment::publish({.title = concat("Classifiers of ", corpus.title, ", size ", options.size),
                              .sections = sections,
                              .figure = losses(models),
                              .curves = curves,
                              .records = models,
                              .found = found},
                             options);
}

}  // namespace slalom::text_models
