// Small classifiers with random weights everywhere, random texts, and one call for logits and gradients.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "slalom/nn/classifier.hpp"

namespace slalom::test {

/// One of each kind: XLM-RoBERTa and CamemBERT are RoBERTa by another name.
inline constexpr Architecture kArchitectures[] = {Architecture::bert,    Architecture::distilbert,
                                                  Architecture::roberta, Architecture::gpt2,
                                                  Architecture::electra, Architecture::albert};
/// Those of tests/golden.
inline constexpr Architecture kGoldenArchitectures[] = {Architecture::bert, Architecture::distilbert,
                                                        Architecture::roberta, Architecture::gpt2};

/// Width 24, 3 heads, 40 words, 3 classes; every dropout rate 0.2. ELECTRA's and ALBERT's embeddings have
/// width 12.
ClassifierConfig small_config(Architecture architecture, Index layers);

/// Normal values of deviation 0.3 in every parameter, biases included; LayerNorm weights around 1.
template <class T>
void randomise(Classifier<T>& model, std::uint64_t seed);

/// Text b alone.
PackedTexts only(const PackedTexts& texts, Index b);

/// Random ids and segment numbers.
PackedTexts random_texts(const ClassifierConfig& config, const std::vector<Index>& lengths,
                         std::uint64_t seed);

template <class T>
std::vector<T> logits_of(Classifier<T>& model, const PackedTexts& texts, const ForwardOptions& pass = {},
                         Recording recording = Recording::off);

template <class T>
struct Step {
  std::vector<T> logits;
  T loss;
  std::map<std::string, std::vector<T>> gradients;  // of every parameter; zeros in rows nothing touched
};

/// One recorded pass with labels 0, 1, 2, 0, …, and the way back from the mean cross-entropy.
template <class T>
Step<T> run_step(Classifier<T>& model, const PackedTexts& texts, const ForwardOptions& pass);

}  // namespace slalom::test
