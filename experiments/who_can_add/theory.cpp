// T1 to T7 in float64, on random weights and on trained ones. What is exact must stay below 1e-12; what a
// theorem does not speak of is asked, too, and must move.
#include <algorithm>
#include <cmath>

#include "slalom/inspect/inspect.hpp"
#include "who_can_add.hpp"

namespace slalom::who_can_add {

namespace {

constexpr Index kLongest = 64;  // repeats of a word

std::vector<TokenId> words() {
  return words_of(BagOfWordsSource(0));
}

Text copies(const Text& text, Index count) {
  Text whole;
  for (Index i = 0; i < count; ++i) whole.insert(whole.end(), text.begin(), text.end());
  return whole;
}

// Largest |F(text) − F(first text)|.
double largest_change(const Model& model, const std::vector<Text>& texts) {
  const std::vector<double> f = model.log_odds()(texts);
  const auto [low, high] = std::ranges::minmax(f);
  return std::max(high - f.front(), f.front() - low);
}

double change_by_copies(const Model& model) {
  double largest = 0;
  for (const Text& text : fresh_texts(BagOfWordsSource(0), 10, 12))
    largest =
        std::max(largest, largest_change(model, {text, copies(text, 2), copies(text, 3), copies(text, 5)}));
  return largest;
}

double change_by_repeats(const Model& model) {
  double largest = 0;
  for (const TokenId word : words()) {
    std::vector<Text> texts;
    for (Index n = 1; n <= kLongest; ++n) texts.push_back(repeated(word, n));
    largest = std::max(largest, largest_change(model, texts));
  }
  return largest;
}

// Largest error of n o / (1 + n o), o the odds of a word, as the weight that the first row gives to n words.
double weight_law_error(const Model& model) {
  const Index H = model.exact->config().heads;
  double worst = 0;
  for (const TokenId word : words())
    for (Index h = 0; h < H; ++h) {
      double odds = 0;
      for (Index n = 1; n <= kLongest; n *= 2) {
        const Text ids = wrap(repeated(word, n), model.special);
        const Index S = std::ssize(ids), first = model.special.cls ? 1 : 0;
        const std::vector<double> all =
            activations(*model.exact, ids, {}, {"blocks.0.attn.pattern"}).front().data;
        double weight = 0;
        for (Index j = first; j < first + n; ++j) weight += all[static_cast<std::size_t>(h * S * S + j)];
        if (n == 1) odds = weight / (1 - weight);
        const double m = static_cast<double>(n) * odds;
        worst = std::max(worst, std::abs(weight - m / (1 + m)));
      }
    }
  return worst;
}

// Largest second difference of F over repeats of a word and over pairs of words, next to the largest |F|:
// what a word adds may depend neither on how often it is there nor on the word before it.
double second_differences(const Model& model) {
  const LogOdds f = model.log_odds();
  std::vector<Text> firsts;
  if (model.special.cls) firsts.push_back({});
  for (const TokenId word : words()) firsts.push_back({word});
  const std::vector<double> alone = f(firsts);
  double largest = 0, scale = 0;
  for (const TokenId word : words()) {
    std::vector<Text> repeats, pairs = firsts;
    for (Index n = firsts.front().empty() ? 0 : 1; n <= 8; ++n) repeats.push_back(repeated(word, n));
    for (Text& pair : pairs) pair.push_back(word);
    const std::vector<double> curve = f(repeats), behind = f(pairs);
    for (std::size_t n = 1; n + 1 < curve.size(); ++n)
      largest = std::max(largest, std::abs(curve[n + 1] - 2 * curve[n] + curve[n - 1]));
    for (std::size_t a = 1; a < alone.size(); ++a)
      largest = std::max(largest, std::abs(behind[a] - alone[a] - behind[0] + alone[0]));
    scale = std::max(scale, std::abs(curve.back()));
  }
  return largest / scale;
}

// Largest |F| over words and repeats, next to what the last LayerNorm allows: F = b + w·(γ ∘ x̂ + β), ‖x̂‖ ≤
// √D.
double part_of_norm_bound(const Model& model) {
  const Classifier<double>& m = *model.exact;
  const auto parameter = [&](ParameterId id) { return m.parameters().value(id).data; };
  const BlockIds& block = m.blocks().back();
  const LayerNormIds& norm = block.norm2.weight.valid() ? block.norm2 : block.norm1;
  const Index D = m.config().width;
  const double *out = parameter(m.head().out.weight), *bias = parameter(m.head().out.bias),
               *gamma = parameter(norm.weight), *beta = parameter(norm.bias);
  double constant = bias[1] - bias[0], square = 0;
  for (Index j = 0; j < D; ++j) {
    const double w = out[D + j] - out[j];
    constant += w * beta[j];
    square += w * gamma[j] * w * gamma[j];
  }
  const double bound = std::abs(constant) + std::sqrt(square * static_cast<double>(D));
  double largest = 0;
  for (const TokenId word : words())
    for (Index n = 1; n <= 4096; n *= 4)
      largest = std::max(largest, std::abs(model.log_odds()({repeated(word, n)}).front()));
  return largest / bound;
}

// Smallest ratio of F over words when a long text is doubled; 2 where F grows without end.
double growth(const Model& model) {
  double smallest = INFINITY;
  for (const TokenId word : words()) {
    const std::vector<double> f = model.log_odds()({repeated(word, 2048), repeated(word, 4096)});
    smallest = std::min(smallest, f[1] / f[0]);
  }
  return smallest;
}

struct Check {
  const char *theorem, *what;  // "t1" and "exact": at most 1e-12; or what fails or is bounded
  const char* claim;
  double (*measure)(const Model&);
  Setting setting;
  bool causal = false, hidden_head = false;
};

std::vector<Check> checks() {
  using enum AttentionKind;
  const Positions none = Positions::none, rope = Positions::rope, learned = Positions::learned;
  const Norm layer = Norm::layer, rms = Norm::rms, off = Norm::none;
  const char *copied = "each token k times: change of F", *repeats = "F(a a …) - F(a)",
             *law = "weight of n words against n o / (1 + n o)",
             *second = "second differences over largest |F|",
             *bounded = "largest |F| over the last LayerNorm's bound";
  return {{"t1", "exact", copied, change_by_copies, {softmax, layer, true, false, none, 1}},
          {"t1", "exact", copied, change_by_copies, {softmax, layer, true, false, none, 4}},
          {"t1", "exact", copied, change_by_copies, {softmax, rms, true, false, none, 2}},
          {"t1", "fails", copied, change_by_copies, {softmax, layer, true, true, none, 2}},
          {"t1", "fails", copied, change_by_copies, {softmax, layer, true, false, rope, 2}},
          {"t1", "fails", copied, change_by_copies, {softmax_plus_one, layer, true, false, none, 2}},
          {"t1", "fails", copied, change_by_copies, {sum, layer, true, false, none, 2}},
          {"t2", "exact", repeats, change_by_repeats, {softmax, layer, true, false, rope, 1}},
          {"t2", "exact", repeats, change_by_repeats, {softmax, layer, true, false, rope, 4}},
          {"t2", "exact", repeats, change_by_repeats, {softmax, layer, true, false, rope, 4}, true},
          {"t2", "fails", repeats, change_by_repeats, {softmax_plus_one, layer, true, false, rope, 2}},
          {"t3", "fails", repeats, change_by_repeats, {softmax, layer, true, false, learned, 2}},
          {"t3", "fails", repeats, change_by_repeats, {softmax, layer, true, true, rope, 2}},
          {"t3", "exact", law, weight_law_error, {softmax, layer, true, true, none, 2}},
          {"t3", "law_fails", law, weight_law_error, {sigmoid, layer, true, true, none, 2}},
          {"t4", "exact", law, weight_law_error, {softmax_plus_one, layer, true, false, none, 2}},
          {"t5", "exact", second, second_differences, {sigmoid, off, false, true, none, 1}},
          {"t5", "exact", second, second_differences, {linear, off, false, true, none, 1}},
          {"t5", "exact", second, second_differences, {sum, off, false, true, none, 1}},
          {"t5", "fails", second, second_differences, {sigmoid, off, false, true, none, 1}, false, true},
          {"t5", "fails", second, second_differences, {sigmoid, off, false, true, none, 2}},
          {"t5", "fails", second, second_differences, {sigmoid, off, false, false, none, 1}},
          {"t5", "fails", second, second_differences, {sigmoid, off, false, true, learned, 1}},
          {"t5", "fails", second, second_differences, {softmax, off, false, true, none, 1}},
          {"t6", "norm", bounded, part_of_norm_bound, {sum, layer, true, true, none, 1}},
          {"t6", "norm", bounded, part_of_norm_bound, {linear, layer, false, true, none, 1}},
          {"t6", "fails", second, second_differences, {sum, layer, false, true, none, 1}},
          {"t6", "fails", second, second_differences, {sum, off, true, true, none, 1}},
          {"t6", "growth", "F of 4096 words over F of 2048", growth, {sum, off, true, true, none, 1}},
          {"t7", "fails", copied, change_by_copies, {softmax, layer, true, false, none, 2}, true}};
}

ClassifierConfig config_of(const Check& check, const Size& size) {
  ClassifierConfig c = config_of(check.setting, size);
  c.head_hidden = check.hidden_head;
  if (check.causal) {
    c.architecture = Architecture::gpt2;
    c.read_out = ReadOut::last;
  }
  return c;
}

// Standard deviation .3 everywhere, LayerNorm's weights around 1.
Model random_model(ClassifierConfig config, bool cls, std::uint64_t seed) {
  const BagOfWordsSource source(0);
  config.vocabulary = source.vocabulary().size();
  config.max_positions = 4100;
  Model model{std::make_unique<Classifier<double>>(config), {}};
  if (cls) model.special = usual_special_tokens(source.vocabulary());
  ParameterStore<double>& store = model.exact->parameters();
  Rng rng(seed, Purpose::initialisation);
  for (int i = 0; i < store.count(); ++i) {
    const std::string& name = store.name({i});
    const bool norm = name.ends_with("weight") && name.find("norm") != std::string::npos;
    for (double& x : store.value({i}).span()) x = (norm ? 1 : 0) + 0.3 * rng.normal();
  }
  return model;
}

}  // namespace

std::vector<Json> check_theorems(const Options& options) {
  std::vector<Json> records;
  for (const Check& check : checks()) {
    const std::string model = concat(check.setting.name(), check.causal ? ", causal" : "",
                                     check.hidden_head ? ", hidden head" : "");
    const Json settings = {{"model", model}, {"claim", check.claim}, {"size", settings_of(options)}};
    records.push_back(finished(options, check.theorem, settings, [&](const Part&) {
      const ClassifierConfig config = config_of(check, options.sizes);
      std::vector<double> random;
      for (std::uint64_t seed = 0; seed < 3; ++seed)
        random.push_back(check.measure(random_model(config, check.setting.cls, options.seed + seed)));
      const Model trained = train(config, check.setting.cls, static_cast<Index>(options.seed), options);
      return Json{{"theorem", check.theorem},
                  {"what", check.what},
                  {"claim", check.claim},
                  {"model", model},
                  {"random_lowest", std::ranges::min(random)},
                  {"random_highest", std::ranges::max(random)},
                  {"trained", check.measure(trained)}};
    }));
  }
  return records;
}

}  // namespace slalom::who_can_add
