#include <algorithm>
#include <cmath>
#include <set>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/inspect/inspect.hpp"
#include "slalom/model_io/stored_tensors.hpp"
#include "slalom/optim/optimizer.hpp"
#include "step.hpp"

namespace slalom::tour {

namespace {

constexpr double kRate = 1e-4;

ParameterStore<double>& parameters(Step& step) {
  return step.model.parameters();
}

// --- gradients -------------------------------------------------------------------------------------------

void show_logit_gradients(const Step& step, Page& page) {
  page.section("Backward starts here: ∂L/∂logits = (p - onehot(label)) / B", "(B, C)");
  page.say(
      "A gradient says how fast the loss grows with a number. Raising the logit of the label lowers it; the "
      "surer the model already is of a text, the less that text has to say.");
  page.ask("Text 0 has label 1. Which sign have the gradients of its two logits, and what is their sum?");
  const Matrix logits = step.activation("logits");
  const Tensor<const double> found = step.tape.gradient(step.logits);
  double worst = 0;
  for (Index b = 0; b < logits.rows(); ++b) {
    Vector p = softmax(logits.row(b));
    const auto label = static_cast<std::size_t>(step.batch.labels[static_cast<std::size_t>(b)]);
    const std::string arithmetic =
        concat("label ", label, ": (", number(p[label]), " - 1) / 2 = ", number((p[label] - 1) / 2));
    p[label] -= 1;
    for (double& value : p) value /= static_cast<double>(logits.rows());
    page.row(concat("text ", b), {found.row(b), p.size()}, arithmetic);
    worst = std::max(worst, difference({found.row(b), p.size()}, p));
  }
  page.check("the tape has the same gradients", worst);
}

/// One line for a weight and its bias.
struct GradientLine {
  std::string module, shape, weight, bias;
};

std::vector<GradientLine> gradient_lines(const Step& step) {
  std::vector<GradientLine> lines;
  Vector values;
  for (const StoredTensor& tensor : stored_tensors(step.model)) {
    read_from_parameters(step.model.parameters(), tensor, Quantity::gradient, values);
    const std::size_t dot_at = tensor.name.rfind('.');
    if (tensor.name.ends_with(".bias"))
      lines.back().bias = number(norm(values), 4);
    else
      lines.push_back({tensor.name.substr(0, dot_at), to_string(tensor.shape), number(norm(values), 4), ""});
  }
  return lines;
}

void show_parameter_gradients(Step& step, Page& page) {
  page.section("…and ends at the parameters");
  page.say(
      "The chain rule, applied to each operation from the last to the first. The lengths of the gradients, "
      "under the names that a Hugging Face checkpoint uses:");
  Table table({{"module"}, {"weight"}, {"|∂L/∂W|", Table::Align::right}, {"|∂L/∂b|", Table::Align::right}});
  for (const GradientLine& line : gradient_lines(step))
    table.add_row({line.module, line.shape, line.weight, line.bias});
  page.table(table);

  const Matrix hidden = step.activation("head.hidden");
  const ParameterId classifier = step.model.head().out.weight;
  const Tensor<const double> dlogits = step.tape.gradient(step.logits);
  Vector plain;
  for (Index c = 0; c < dlogits.columns(); ++c)
    for (std::size_t j = 0; j < static_cast<std::size_t>(hidden.columns); ++j)
      plain.push_back(dlogits.row(0)[c] * hidden.row(0)[j] + dlogits.row(1)[c] * hidden.row(1)[j]);
  page.check("∂L/∂W_c is ∂L/∂logits · relu(…)ᵀ, summed over the texts",
             difference(parameters(step).gradient(classifier).span(), plain));
  const auto D = static_cast<std::size_t>(step.config().width);
  const Tensor<double> key_bias = parameters(step).gradient(step.model.blocks().front().keys_values.bias);
  page.check("k_lin.bias has none: it shifts all scores of a query alike",
             difference(key_bias.span().first(D), Vector(D, 0)));
}

void show_touched_rows(Step& step, Page& page) {
  const ParameterId table = step.model.embedding().token;
  std::vector<Index> touched = parameters(step).touched_rows(table);
  std::ranges::sort(touched);
  std::string words;
  for (const Index row : touched)
    words += (words.empty() ? "" : ", ") + step.source.vocabulary().token(static_cast<TokenId>(row));
  page.say(concat("The gradient of an embedding table is row-sparse: only words of the batch have one, here ",
                  touched.size(), " of ", parameters(step).shape(table)[0], " (", words,
                  "). The others are neither computed nor updated."));
  const std::set<TokenId> in_batch(step.batch.ids.begin(), step.batch.ids.end());
  page.check("the touched rows are the words of the batch", std::ranges::equal(touched, in_batch));
}

/// Place of the number that is farthest from 0.
Index largest(Span x) {
  return std::ranges::max_element(x, {}, [](double value) { return std::abs(value); }) - x.begin();
}

void show_finite_difference(Step& step, Page& page) {
  const ParameterId table = step.model.embedding().token;
  const TokenId word = step.source.vocabulary().find("perfect").value();
  const Tensor<double> gradients = parameters(step).gradient(table);
  const Index column = largest({gradients.row(word), static_cast<std::size_t>(gradients.columns())});
  double& w = parameters(step).value(table).row(word)[column];
  const double gradient = gradients.row(word)[column], kept = w, h = 1e-5;
  w = kept + h;
  const double above = step.loss_now();
  w = kept - h;
  const double below = step.loss_now();
  w = kept;
  const double slope = (above - below) / (2 * h);
  page.section("Is it true? One gradient against a finite difference");
  page.say(concat("Move one number, w = E_token[", word, "][", column,
                  "] of \"perfect\", by h = ", number(h, 5), " to both sides:"));
  page.lines(concat("(L(w + h) - L(w - h)) / 2h = (", number(above, 9), " - ", number(below, 9), ") / ",
                    number(2 * h, 5), " = ", number(slope, 6)));
  page.check(concat("the tape says ", number(gradient, 6), ", which agrees"), std::abs(slope - gradient),
             1e-6);
}

// --- update ----------------------------------------------------------------------------------------------

/// How the gradient of W_c[1][j] came about.
void show_weight(Step& step, Index j, Page& page) {
  const ParameterId id = step.model.head().out.weight;
  const Matrix hidden = step.activation("head.hidden");
  const Tensor<const double> dlogits = step.tape.gradient(step.logits);
  std::string terms;
  for (Index b = 0; b < hidden.rows(); ++b)
    terms += (b > 0 ? " + " : "") + number(dlogits.row(b)[1], 4) + "·" +
             number(hidden.row(b)[static_cast<std::size_t>(j)], 4);
  page.lines(concat("w = W_c[1][", j, "] = ", number(parameters(step).value(id).row(1)[j], 6),
                    "\ng = ∂L/∂w = ", terms, " = ", number(parameters(step).gradient(id).row(1)[j], 6)));
}

void show_update(Step& step, Optimizer<double>& optimizer, Page& page) {
  ParameterStore<double>& store = parameters(step);
  const ParameterId id = step.model.head().out.weight;
  const OptimizerConfig& config = optimizer.config();
  const double rate = optimizer.next_rate();
  page.section("The step: RMSprop divides a gradient by its own recent size");
  page.say(concat("v is a running mean of g², at first 0; α = ", config.alpha, ", ε = ",
                  number(config.eps, 8), ", rate η = ", number(rate, 4), ". A weight of the classifier:"));
  page.ask(
      "The gradient of this weight is 1000 times that of another. How much farther does the step move it?");
  const Index j = largest({store.gradient(id).row(1), static_cast<std::size_t>(step.config().width)});
  const Index place = step.config().width + j;
  show_weight(step, j, page);
  const double g = store.gradient(id).data[place], w = store.value(id).data[place];
  const double v = (1 - config.alpha) * g * g, moved = w - rate * g / (std::sqrt(v) + config.eps);
  page.lines(concat("v ← α v + (1 - α) g² = ", significant(v, 6), "\nw ← w - η g / (√v + ε) = ", number(w, 6),
                    " - ", number(rate, 4), " · ", number(g, 6), " / ", number(std::sqrt(v) + config.eps, 6),
                    " = ", number(moved, 6)));
  optimizer.step();
  page.check("the optimiser arrived at this w", std::abs(store.value(id).data[place] - moved));
  const std::span<double> state = optimizer.state().front().values;
  page.check("and keeps this v", std::abs(state[static_cast<std::size_t>(store.offset(id) + place)] - v));
  page.say("At the first step √v = |g| / 10: every weight with a gradient moves by 10 η, big or small.");
}

/// Σ g Δw over all parameters: what the gradients promise for a move from `before` to the values of now.
double promised_change(const Step& step, const std::vector<NamedValues<double>>& before) {
  double change = 0;
  Vector gradients, values;
  std::size_t i = 0;
  for (const StoredTensor& tensor : stored_tensors(step.model)) {
    read_from_parameters(step.model.parameters(), tensor, Quantity::gradient, gradients);
    read_from_parameters(step.model.parameters(), tensor, Quantity::value, values);
    change += dot(gradients, values) - dot(gradients, before[i++].data);
  }
  return change;
}

void take_step(Step& step, Page& page) {
  const Span absent =
      step.parameter_row(step.model.embedding().token, step.source.vocabulary().find("poor").value());
  const Vector absent_before(absent.begin(), absent.end());
  const std::vector<NamedValues<double>> values_before = parameter_values(step.model);
  OptimizerConfig config;
  config.schedule.peak = kRate;
  Optimizer<double> optimizer(config, parameters(step));
  show_update(step, optimizer, page);
  page.check("the row of \"poor\", a word that is not in the batch, did not move",
             std::ranges::equal(absent, absent_before));
  const double before = step.tape.value(step.loss).data[0], after = step.loss_now(),
               promised = promised_change(step, values_before);
  page.lines(concat("L before ", number(before, 5), ", after ", number(after, 5), ": changed by ",
                    number(after - before, 5), "; Σ g Δw = ", number(promised, 5)));
  page.check("Σ g Δw, over all weights, points downhill", promised < 0);
}

}  // namespace

void show_learning(Step& step, Page& page) {
  parameters(step).clear_gradients();
  step.tape.backward(step.loss);
  parameters(step).finish_gradients();
  show_logit_gradients(step, page);
  show_parameter_gradients(step, page);
  show_touched_rows(step, page);
  show_finite_difference(step, page);
  take_step(step, page);
}

}  // namespace slalom::tour
