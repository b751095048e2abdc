// How the published code fits a SLALOM, step by step: its fits end short of a minimum, so that the steps
// matter. None has a background; importances are left as the fit ends, not centred; standard errors are NaN.
#pragma once

#include "slalom/surrogate/slalom.hpp"

namespace slalom {

struct PublishedSettings {
  double rate;
  Index batch, epochs;
};
/// Surrogates of trained models from texts of their distribution (Figure 4, recovery).
inline constexpr PublishedSettings kPublishedTexts{2e-3, 32, 100};
/// SLALOM-eff of the tables. It runs 20 epochs and returns the state after the last one that is a multiple
/// of 3.
inline constexpr PublishedSettings kPublishedEff{1e-2, 128, 18};

/// Adam (β .9, .999, ε 1e-8) on the sum of squared errors of a batch, from values and importances of 0;
/// batches are texts in the order of the sample, never shuffled, the last one as large as what is left.
/// `iterations` counts steps. Throws Error for empty texts, a weighted sample, and settings below 1.
SlalomFit fit_slalom_adam(const Sample& sample, const PublishedSettings& settings);

/// SLALOM-fidel: values by least squares at equal importances; e^s by least squares of
/// Σ_i (v(t_i) − F) e^s(t_i) = 0 under Σ_τ e^s(τ) = K; values once more. Where that does not lower the mean
/// squared error the first fit is put back: importances of 0, `chosen` is "equal importances" and not
/// "SLALOM". Where an e^s of 0 is best the published solver stops on its way there; here s is
/// −kImportanceBound. `iterations` counts steps of the second part. Throws Error for empty texts and a
/// weighted sample.
SlalomFit fit_slalom_deletions(const Sample& sample);

/// (K) α (v − F) / (1 − α), what F loses without the token, for a text of all K tokens once each whatever the
/// explained text is.
std::vector<double> published_removal(const SlalomModel& model);

}  // namespace slalom
