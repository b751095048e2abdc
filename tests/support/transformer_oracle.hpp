// The four classifiers once more, the plain way: every text padded to the longest one, attention masks, every
// row of every block, number by number, in double or in Real.
#pragma once

#include <vector>

#include "slalom/nn/classifier.hpp"

namespace slalom::test {

/// Logits (B, C), from the model's configuration and its parameters by name. With a key dropout is drawn as a
/// training pass draws it.
template <class R = double>
std::vector<R> oracle_logits(const Classifier<double>& model, const PackedTexts& texts,
                             const std::uint64_t* dropout_key = nullptr);

/// f(x) by its formula.
template <class R>
R activated(Activation f, const R& x);

}  // namespace slalom::test
