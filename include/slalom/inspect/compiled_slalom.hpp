// A given SLALOM (paper, section 5) written as a transformer of one layer and one head, in every one of the
// architectures: what attention computes at the read-out is a SLALOM.
//
// Eight of the sixteen channels are four pairs (+a, −a): a word's importance s, its value v, a filler w, and
// the read-out, which is empty in every embedding.
//  - Every embedding has s² + v² + w² = constant. Pairs have mean 0, so LayerNorm of an embedding is the same
//    multiplication for all tokens, not an approximation of one.
//  - The query is a constant (its bias), the key is s, so that each row scores the words alike. Tokens that
//    are no words have an importance so low that their weight vanishes, and value 0.
//  - The attention writes ε Σ α v into the read-out pair, which was 0. Its share of the variance is ε² F², so
//    later LayerNorms, and the head's tanh, are linear up to a relative (ε F)².
//  - Only differences within a pair are read: what rounding adds to all channels, such as a mean that is not
//    quite 0, cancels. A pair apart from the large channels keeps its relative precision in float32.
#pragma once

#include <memory>
#include <vector>

#include "slalom/data/synthetic.hpp"
#include "slalom/nn/classifier.hpp"

namespace slalom {

/// Scores and values are rounded in proportion to their size. Up to these the error in float64 is below
/// 1e-10; in float32 it is some 2e-5 for texts of up to 512 words and 5e-5 for 1024, where summing dominates.
inline constexpr double kMostCompiledValue = 10, kMostCompiledImportance = 5;

struct CompiledSlalom {
  std::unique_ptr<Classifier<double>> model;  // valid weights of its architecture; positions are zeros
  Vocabulary vocabulary;                      // as SyntheticSource has it: special tokens, then the words
  SpecialTokens special;                      // around a text; none for GPT-2
  /// Largest |F(model) − F(SLALOM)| over the texts that were tried (nats): all texts of one word, all of two
  /// for small tables, random ones up to 64 words and some of the longest that the positions allow (at most
  /// 4096); by the float64 model and by its float32 copy.
  double worst_error_f64 = 0, worst_error_f32 = 0;
};

/// `max_positions` 0: the architecture's own, 512 or 1024. Throws Error for values beyond ±kMostCompiledValue
/// and for importances that no common constant brings into ±kMostCompiledImportance, naming the words, for
/// words without a positive frequency or equal ones, and for positions that no word fits into.
CompiledSlalom compile_slalom(const std::vector<SlalomWord>& words, Architecture architecture,
                              Index max_positions = 0);

}  // namespace slalom
