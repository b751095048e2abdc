// SLALOM from as few outputs as determine it (paper, section 5):
//   v_k = F([k]),  s_k − s_r = log((F([k, r]) − v_r) / (v_k − F([k, r])))  with a reference r: 2K − 1 texts;
// with a background whose value v_0 = F([]) can be queried, 2K + 1 texts: F([]), F([k]), F([r, r]), F([k,
// r]), which give, with a = e^{s − s_0}, d_1 = F([r]) − v_0 and d_2 = F([r, r]) − v_0,
//   a_r = (2 d_1 − d_2) / (2 (d_2 − d_1)),  (1 + a_k) / a_r = (v_r − F([k, r])) / (F([k, r]) − F([k]));
// with one that cannot (a decoder), 3K − 1 texts [k], [k, k], [k, r] and a least-squares fit to their
// outputs.
#pragma once

#include <functional>

#include "slalom/surrogate/slalom.hpp"

namespace slalom {

/// Log-odds of texts over the tokens 0 … K − 1. The empty text is queried only if `empty_text` says so.
using Answers = std::function<std::vector<double>(const std::vector<std::vector<Sample::Token>>& texts)>;

struct IdentificationOptions {
  bool background = false;
  bool empty_text = false;    // F([]) exists (the text is wrapped in special tokens)
  Index extra_pairs = 0;      // further texts of two tokens for a least-squares refinement over all outputs
  std::uint64_t seed = 0;     // of the choice of extra pairs
  double rounding = 0x1p-52;  // relative, of an output
  Index longest = 128;        // tokens of a text that can be queried, at least 2
};

struct Identification {
  SlalomModel model;  // centred
  Sample asked;       // every text and its output
  Index pairs = 0;  // texts of two tokens that tell an importance: K − 1 pairs, with background [r, r] too
  Index violations = 0;  // of them: F outside what any SLALOM with these values allows; the importances are
                         // bounded there
  Sample::Token reference = 0;
  double refined_mse = 0, first_mse = 0;  // over `asked`, with and without the refinement
  std::vector<std::string> warnings;
};

/// Where F([k, r]) is within rounding of v_k or v_r, importances are too unequal for one pair to tell: texts
/// of several copies, or with a token of like importance, are queried besides. Everything returned is finite.
/// Throws Error for less than one token, for outputs that are not finite or too few, and for a fit of more
/// than kMostSlalomParameters parameters.
Identification identify_slalom(Index tokens, const Answers& log_odds, const IdentificationOptions& options);

}  // namespace slalom
