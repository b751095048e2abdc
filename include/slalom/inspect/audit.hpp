// Is this model additive? Certificates, repetition curves, and exact distances to the classes of surrogates
// (paper, section 4; certificates.hpp).
#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "slalom/explain/black_box.hpp"
#include "slalom/inspect/certificates.hpp"

namespace slalom {

struct AuditOptions {
  std::vector<TokenId> tokens;          // the tokens that texts are made of; at least 2, all different
  std::vector<TokenId> prefix, suffix;  // special tokens around a text; with any, there is an empty text
  Index longest_text = std::numeric_limits<Index>::max();  // that the model reads, without them; at least 2
  Index most_repeats = 30;        // of the repetition curves, which have at least 2 points
  Index longest = 4;              // L: length of the texts that are enumerated; below 2: no distances
  Index most_enumerated = 20000;  // L is shortened to keep to it; no distances if texts of 2 are more already
  std::uint64_t seed = 0;         // of the random texts
};

/// Root mean squared distance (nats) of the model to the nearest member of each class over all texts of 1 to
/// `longest` tokens, every length weighing the same, and every text of a length. The first three are true
/// minima; SLALOM's are the best fits found.
struct ClassDistances {
  Index longest = 0, texts = 0;
  double constant = 0, additive = 0, positionwise = 0, slalom = 0, slalom_background = 0;
};

struct Audit {
  Certificate affine, positionwise;  // the best found
  bool collapsed = false;            // the model's answers hardly differ: nothing was learned
  bool nearly_constant = false;      // F of one token repeated varies by less than kNearlyConstant
  double spread = 0;                 // standard deviation of the answers to random texts (nats)
  std::vector<RepetitionCurve> curves;
  std::optional<ClassDistances> distances;
};

/// Below this standard deviation over texts (nats) a model is constant.
inline constexpr double kCollapsedSpread = 0.05;
/// Below this range over texts of one token repeated (nats) a model is no example of anything.
inline constexpr double kNearlyConstant = 0.1;
/// Position-wise certificates are searched among all texts of two of so many tokens; of a longer list, evenly
/// spaced ones are taken.
inline constexpr Index kMostPairTokens = 64;
/// Random texts that the spread is of; their lengths are uniform from 1 to this or the longest text.
inline constexpr Index kSpreadTexts = 200, kLongestSpreadText = 30;

/// `enclose` gives the intervals that certificates are proved by, those of the same model. A certificate
/// against position-wise models is one against bags of words, too: affine.bound is never below
/// positionwise.bound. Throws Error for options that are not as said above.
Audit audit(BlackBox& model, const Enclose& enclose, const AuditOptions& options);

}  // namespace slalom
