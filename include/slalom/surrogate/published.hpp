// The published optimiser settings, for comparison only: what the paper's code does to fit a SLALOM.
#pragma once

#include "slalom/surrogate/slalom.hpp"

namespace slalom {

struct PublishedSettings {
  double rate;
  Index batch, epochs;
};
inline constexpr PublishedSettings kPublishedSurrogate{2e-3, 32,
                                                       100};      // Figure 4: surrogates of trained models
inline constexpr PublishedSettings kPublishedEff{5e-3, 128, 60};  // SLALOM-eff

/// Adam (β .9, .999, ε 1e-8) on the squared error of shuffled batches, values and importances from 0; no
/// background. iterations counts steps.
SlalomFit fit_slalom_adam(const Sample& sample, const PublishedSettings& settings, std::uint64_t seed);

/// SLALOM-fidel's alternating least squares: v given s (linear), then e^s given v (linear in e^s), `rounds`
/// times; the published code makes one round. It can end worse than it began.
SlalomFit fit_slalom_alternating(const Sample& sample, Index rounds = 1);

}  // namespace slalom
