#include "slalom/nn/cost.hpp"

namespace slalom {

double forward_flops(const ClassifierConfig& config, const PackedTexts& texts) {
  const auto D = static_cast<double>(config.width);
  const auto F = config.feed_forward_on ? static_cast<double>(config.feed_forward) : 0.0;
  const auto N = static_cast<double>(texts.rows()), B = static_cast<double>(texts.texts());
  double squares = 0;  // Σ S², query-key pairs of a full block
  for (Index b = 0; b < texts.texts(); ++b) squares += static_cast<double>(texts.length(b) * texts.length(b));
  const auto block = [&](double queries, double pairs) {
    return 2 * D * (2 * N * D + 2 * queries * D + 2 * queries * F) + 4 * pairs * D;
  };
  const double head = 2 * B * D * ((config.head_hidden ? D : 0.0) + static_cast<double>(config.labels));
  const double map = config.maps_embedding() ? 2 * N * D * static_cast<double>(config.table_width()) : 0.0;
  return map + static_cast<double>(config.layers - 1) * block(N, squares) + block(B, N) + head;
}

}  // namespace slalom
