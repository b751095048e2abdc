#include "slalom/explain/published.hpp"

#include <cmath>
#include <map>
#include <numeric>

#include "slalom/base/error.hpp"
#include "slalom/explain/embedding_gradient.hpp"
#include "slalom/explain/lime.hpp"
#include "slalom/explain/methods.hpp"
#include "slalom/explain/relevance.hpp"
#include "slalom/kernels/least_squares.hpp"
#include "slalom/surrogate/published.hpp"

namespace slalom::published {

namespace {

constexpr Index kDrawnTogether = 16;

/// The budget, filled up to the last draw of `together` samples.
Index drawn(Index budget, Index together) {
  return ceil_div(budget, together) * together;
}

/// Random deletions of k tokens, k uniform on 0 … 5; one token at least is kept.
Coalitions deletions(Index players, Index count, std::uint64_t seed) {
  const Index most = std::min<Index>(5, players - 1);
  Rng rng(seed, Purpose::query);
  Coalitions kept{players, {}};
  std::vector<Index> order = counted(players);
  for (Index i = 0; i < count; ++i) {
    const Index k = rng.below(static_cast<std::uint32_t>(most + 1));
    set_random(k, 0, rng, order, kept.add(1));
  }
  return kept;
}

/// Numbers of the distinct tokens as numbers of the text's.
std::vector<double> of_copies(const std::vector<double>& distinct, const std::vector<Sample::Token>& tokens) {
  std::vector<double> all;
  for (const Sample::Token t : tokens) all.push_back(distinct[t]);
  return all;
}

void set_slalom(const SlalomFit& fit, const ExplainedText& text, Explanation& result) {
  set_slalom_scores(fit.model, text, result);
  for (auto& [name, scores] : result.columns)
    if (name == "removal") scores = of_copies(published_removal(fit.model), text.tokens());
  result.checks.emplace_back("mse_fit", fit.mse);
  result.checks.emplace_back("iterations", static_cast<double>(fit.iterations));
  result.fit = fit.chosen;
}

/// The text without its special tokens.
PackedTexts bare(const ExplainedText& text) {
  PackedTexts batch;
  std::vector<TokenId> ids, types;
  for (const ExplainedText::Range& unit : text.units()) {
    ids.push_back(text.ids()[unit.first]);
    if (!text.encoding().types.empty()) types.push_back(text.encoding().types[unit.first]);
  }
  batch.add(ids, types);
  return batch;
}

double largest_logit(std::span<const double> logits, std::span<double> slope) {
  const auto top = std::ranges::max_element(logits) - logits.begin();
  std::ranges::fill(slope, 0.0);
  slope[top] = 1;
  return logits[top];
}

/// ‖Σ_p gradient(x_p) ⊙ factor_p‖ of each token of the bare text, x_p its embedding times the place p.
template <class T>
std::vector<double> gradient_norms(Classifier<T>& model, const PackedTexts& text,
                                   std::span<const double> places, bool times_input) {
  const std::vector<double> words = word_embeddings(model, text.text(0));
  std::vector<double> sums(words.size());
  embedding_gradients<T>(
      model, text.text(0), text.types_of(0), std::ssize(places), largest_logit,
      [&](Index p, std::span<double> x) {
        std::ranges::transform(words, x.begin(), [&](double w) { return places[p] * w; });
      },
      [&](Index p, double, std::span<const double> dx) {
        for (std::size_t i = 0; i < dx.size(); ++i)
          sums[i] += dx[i] * (times_input ? places[p] * words[i] : 1);
      });
  std::vector<double> norms = row_products(sums, sums, model.config().table_width());
  for (double& x : norms) x = std::sqrt(x);
  return norms;
}

void set_gradient_norms(const char* method, std::span<const double> places, bool times_input, BlackBox& f,
                        const ExplainedText& text, Explanation& result) {
  const PackedTexts batch = bare(text);
  set_linear_scores(
      with_gradient_access(
          f, method, [&](auto& model, Index) { return gradient_norms(model, batch, places, times_input); }),
      result);
  count_passes(f, std::ssize(places), batch.rows(), result);
  result.warnings.emplace_back(
      "as published: norms have no sign and are no parts of the log-odds; the text is shown without special "
      "tokens");
}

/// The words that LIME hides and shows, and the text that it makes of those it shows.
class LimeText {
 public:
  LimeText(const ExplainedText& text, const Tokenizer* tokenizer) : text_(text), tokenizer_(tokenizer) {
    if (tokenizer == nullptr) {
      word_ = text.tokens();
      words_ = text.distinct();
      return;
    }
    const PackedTexts batch = bare(text);
    string_ = tokenizer->decode(batch.text(0));
    std::map<std::string, Sample::Token> number;
    std::size_t at = 0;
    for (const TokenId id : batch.text(0)) {
      std::string token = tokenizer->readable(id);
      if (token == " .") token = ".";
      const std::size_t begin = string_.find(token, at);
      if (token.empty() || begin == std::string::npos)
        throw Error(slalom::concat("[lime] token ", id, " is no piece of the text as it is decoded"),
                    "the published code has no explanation of such a text");
      places_.emplace_back(begin, at = begin + token.size());
      word_.push_back(number.emplace(token, static_cast<Sample::Token>(number.size())).first->second);
    }
    words_ = std::ssize(number);
  }

  Index words() const { return words_; }
  const std::vector<Sample::Token>& word_of_token() const { return word_; }

  void add(std::span<const std::uint8_t> shown, PackedTexts& to) const {
    if (tokenizer_ == nullptr) {
      std::vector<std::uint8_t> member;
      for (const Sample::Token w : word_) member.push_back(shown[w]);
      return text_.add_coalition(member, {}, to);
    }
    std::string left;
    std::size_t at = 0;
    for (std::size_t i = 0; i < word_.size(); ++i) {
      const auto [begin, end] = places_[i];
      left += string_.substr(at, (shown[word_[i]] != 0 ? end : begin) - at);
      at = end;
    }
    left += string_.substr(at);
    const Encoding encoding = tokenizer_->encode(left, "[lime]");
    to.add(encoding.ids, encoding.types);
  }

 private:
  const ExplainedText& text_;
  const Tokenizer* tokenizer_;
  std::vector<Sample::Token> word_;  // (n)
  Index words_ = 0;
  std::string string_;                                       // without a tokenizer empty
  std::vector<std::pair<std::size_t, std::size_t>> places_;  // (n) of the tokens in it
};

}  // namespace

std::vector<double> deletion_weights(const Sample& sample) {
  const TokenCounts counts = count_tokens(sample);
  std::vector<double> design(static_cast<std::size_t>(sample.texts() * sample.tokens));
  for (Index i = 0; i < sample.texts(); ++i)
    for (Index j = counts.begin[i]; j < counts.begin[i + 1]; ++j)
      design[i * sample.tokens + counts.token[j]] = counts.count[j];
  return minimum_norm_least_squares(sample.texts(), sample.tokens, design, sample.target).solution;
}

void slalom_eff(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  constexpr Index kTokens = 3;
  Rng rng(options.seed, Purpose::query);
  std::vector<std::vector<Sample::Token>> texts(drawn(*options.budget, kDrawnTogether));
  for (std::vector<Sample::Token>& tokens : texts)
    for (Index j = 0; j < kTokens; ++j)
      tokens.push_back(static_cast<Sample::Token>(rng.below(static_cast<std::uint32_t>(text.distinct()))));
  Sample sample{.tokens = text.distinct()};
  add_queries(f, text, texts, sample);
  set_slalom(fit_slalom_adam(sample, kPublishedEff), text, result);
}

void slalom_fidel(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                  Explanation& result) {
  const Coalitions kept = deletions(text.players(), drawn(*options.budget, kDrawnTogether), options.seed);
  set_slalom(fit_slalom_deletions(deletion_sample(f, text, kept)), text, result);
}

void linear_deletion(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                     Explanation& result) {
  const Coalitions kept = deletions(text.players(), drawn(*options.budget, 2 * kDrawnTogether), options.seed);
  set_linear_scores(of_copies(deletion_weights(deletion_sample(f, text, kept)), text.tokens()), result);
}

void lime(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  const LimeText words(text, options.tokenizer);
  const Coalitions samples = lime_samples(words.words(), words.words() - (text.has_empty_text() ? 0 : 1),
                                          *options.budget, options.seed);
  PackedTexts batch;
  for (Index i = 0; i < samples.size(); ++i) words.add(samples.row(i), batch);
  std::vector<double> outputs = f.log_odds(batch);
  for (double& y : outputs) y = 1 / (1 + std::exp(-y));
  const LimeFit fit = fit_lime(samples, outputs, lime_kernel(samples));
  set_linear_scores(of_copies(fit.weight, words.word_of_token()), result);
  result.checks.emplace_back("intercept", fit.intercept);
  result.warnings.emplace_back(
      "as published: weights are slopes of the class's probability, scored as if they were parts of the "
      "log-odds");
}

void gradient(BlackBox& f, const ExplainedText& text, const ExplainOptions&, Explanation& result) {
  set_gradient_norms("gradient", std::vector<double>{1}, false, f, text, result);
}

void integrated_gradients(BlackBox& f, const ExplainedText& text, const ExplainOptions&,
                          Explanation& result) {
  constexpr Index kSteps = 30;
  std::vector<double> places;  // at 0 there is nothing to add
  for (Index step = 1; step < kSteps; ++step)
    places.push_back(static_cast<double>(step) / static_cast<double>(kSteps - 1));
  set_gradient_norms("integrated-gradients", places, true, f, text, result);
}

void attn_lrp(BlackBox& f, const ExplainedText& text, const ExplainOptions&, Explanation& result) {
  std::vector<double> scores = with_gradient_access(f, "attn-lrp", [&](auto& model, Index) {
    return slalom::attn_lrp(model, text.ids(), text.encoding().types, Objective(largest_logit),
                            {.published = true})
        .token;
  });
  for (double& s : scores) s *= result.log_odds < 0 ? -1 : 1;
  set_token_scores(scores, text, result);
  count_passes(f, 1, std::ssize(text.ids()), result);
}

}  // namespace slalom::published
