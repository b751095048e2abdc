#include "attention_oracle.hpp"

#include <algorithm>
#include <cmath>

#include "dropout_oracle.hpp"

namespace slalom::test {

namespace {

using Values = std::vector<double>;

// Places of elements, and the mask of pattern entry (h, i, j).
struct At {
  const AttentionText& text;

  Index R() const { return std::ssize(text.position); }
  std::size_t row(Index r, Index h, Index c) const {
    return static_cast<std::size_t>((r * text.heads + h) * text.head_width + c);
  }
  std::size_t pattern(Index h, Index i, Index j) const {
    return static_cast<std::size_t>((h * R() + i) * text.length + j);
  }
  Index position(Index i) const { return text.position[static_cast<std::size_t>(i)]; }
  bool visible(Index i, Index j) const { return !text.causal || j <= position(i); }
  double mask(Index h, Index i, Index j) const {
    return mask_element(text.dropout, text.number, static_cast<std::uint32_t>(position(i) * text.heads + h),
                        j);
  }
  double scale() const { return 1 / std::sqrt(static_cast<double>(text.head_width)); }
};

// The keys that a query sees are the first ones.
void pattern_row(const At& at, Index h, Index i, const Values& q, const Values& k, Values& pattern) {
  Values scores;
  for (Index j = 0; j < at.text.length && at.visible(i, j); ++j) {
    scores.push_back(0);
    for (Index c = 0; c < at.text.head_width; ++c)
      scores.back() += at.scale() * q[at.row(i, h, c)] * k[at.row(j, h, c)];
  }
  std::ranges::copy(attention_weights(at.text.kind, scores),
                    pattern.begin() + static_cast<Index>(at.pattern(h, i, 0)));
}

// ∂p_m / ∂s_j of the weights.
double slope(AttentionKind kind, double p_m, double p_j, bool same) {
  switch (kind) {
    case AttentionKind::sigmoid:
      return same ? p_m * (1 - p_m) : 0;
    case AttentionKind::linear:
      return same ? 1 : 0;
    case AttentionKind::sum:
      return 0;
    default:
      return p_m * ((same ? 1 : 0) - p_j);
  }
}

}  // namespace

AttentionValues attend(const AttentionText& text, const Values& q, const Values& k, const Values& v) {
  const At at{text};
  AttentionValues y{Values(static_cast<std::size_t>(text.heads * at.R() * text.length)), Values(q.size())};
  for (Index h = 0; h < text.heads; ++h)
    for (Index i = 0; i < at.R(); ++i) {
      pattern_row(at, h, i, q, k, y.pattern);
      for (Index j = 0; j < text.length; ++j)
        for (Index c = 0; c < text.head_width; ++c)
          y.out[at.row(i, h, c)] += y.pattern[at.pattern(h, i, j)] * at.mask(h, i, j) * v[at.row(j, h, c)];
    }
  return y;
}

AttentionGradients attend_backward(const AttentionText& text, const Values& q, const Values& k,
                                   const Values& v, const Values& dout) {
  const At at{text};
  const Index S = text.length, d = text.head_width;
  const Values p = attend(text, q, k, v).pattern;
  AttentionGradients g{Values(q.size()), Values(k.size()), Values(v.size())};
  for (Index h = 0; h < text.heads; ++h)
    for (Index i = 0; i < at.R(); ++i) {
      Values dp(static_cast<std::size_t>(S));
      for (Index j = 0; j < S; ++j)
        for (Index c = 0; c < d; ++c) {
          dp[static_cast<std::size_t>(j)] += dout[at.row(i, h, c)] * v[at.row(j, h, c)] * at.mask(h, i, j);
          g.dv[at.row(j, h, c)] += dout[at.row(i, h, c)] * p[at.pattern(h, i, j)] * at.mask(h, i, j);
        }
      for (Index j = 0; j < S; ++j) {
        double ds = 0;  // by the weights' Jacobian in full
        for (Index m = 0; m < S && at.visible(i, j); ++m)
          ds += dp[static_cast<std::size_t>(m)] *
                slope(text.kind, p[at.pattern(h, i, m)], p[at.pattern(h, i, j)], m == j);
        for (Index c = 0; c < d; ++c) {
          g.dq[at.row(i, h, c)] += ds * at.scale() * k[at.row(j, h, c)];
          g.dk[at.row(j, h, c)] += ds * at.scale() * q[at.row(i, h, c)];
        }
      }
    }
  return g;
}

}  // namespace slalom::test
