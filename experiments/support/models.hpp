// Models of synthetic texts: training them, finding those that the linear study saved, and asking them.
#pragma once

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "experiment.hpp"
#include "slalom/data/synthetic.hpp"
#include "slalom/inspect/audit.hpp"
#include "slalom/nn/config.hpp"
#include "slalom/nn/text_classifier.hpp"
#include "slalom/surrogate/sample.hpp"
#include "slalom/train/trainer.hpp"

namespace slalom::experiment {

using Text = std::vector<TokenId>;

inline constexpr double kTrueSlope = 1.5;  // log-odds a "perfect", by construction of the bags of words

/// The text [τ … τ] of n tokens.
inline Text repeated(TokenId token, Index n) {
  return Text(static_cast<std::size_t>(n), token);
}

/// Log-odds (nats) of bare texts; special tokens are added if the model has them.
using LogOdds = std::function<std::vector<double>(const std::vector<Text>&)>;
/// The model must outlive it.
template <class T>
LogOdds log_odds_of(TextClassifier<T>& model, const SpecialTokens& special);

/// Those of the synthetic studies, in the order of their tables.
inline constexpr Architecture kArchitectures[] = {Architecture::distilbert, Architecture::bert,
                                                  Architecture::gpt2};
/// "GPT-2, 2 layers".
std::string title_of(Architecture architecture, Index layers);
/// The special tokens that texts of the source are wrapped in for a model of this architecture.
SpecialTokens special_tokens_of(Architecture architecture, const SyntheticSource& source);

/// `count` texts of at most `longest` words that no model was trained on.
std::vector<Text> fresh_texts(const SyntheticSource& source, Index count,
                              Index longest = std::numeric_limits<Index>::max());
/// The source's words by their ids, and texts of them as a sample over words 0, 1, ….
std::vector<TokenId> words_of(const SyntheticSource& source);
Sample sample_of(const SyntheticSource& source, const std::vector<Text>& texts,
                 const std::vector<double>& log_odds);

/// The certificates and the spread of a model. Certificates are proved by enclosures.
Audit audit_of(TextClassifier<double>& model, const SyntheticSource& source, const SpecialTokens& special,
               std::uint64_t seed);

/// RMSprop on batches of 20 fresh texts, with the part's checkpoint after every epoch.
TrainingConfig training_on_fresh_texts(const Options& options, const Part& part, Index epochs,
                                       Index epoch_texts, double rate);
/// Trains: {"loss", "accuracy"} of the last epoch, and "seconds" of this process.
Json train_on_fresh_texts(TextClassifier<float>& model, const SyntheticSource& source,
                          const SpecialTokens& special, Index epoch_texts, const TrainingConfig& config);

/// A transformer of the linear study: FOLDER/NAME_runR, NAME being distilbert_1 for one layer.
struct SavedTransformer {
  std::string folder, name;
  Architecture architecture;
  Index layers, run;
};
/// All with positions, by architecture as the linear study has them, layers and run. Throws Error if there
/// are none, or if their widths differ: those are of different studies.
std::vector<SavedTransformer> find_transformers(const std::string& folder);

}  // namespace slalom::experiment
