#include "slalom/ops/rotary.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/parallel.hpp"

namespace slalom {

namespace {

constexpr Index kRowBlock = 64;

template <class T>
struct Rotation {
  std::span<const TokenId> place;  // (R)
  Index columns, head_width;
  const T *cosine, *sine;  // (places, d / 2)

  // y (R, C) ← beta y + x, turned forwards or, with direction −1, back.
  void turn(Tensor<const T> x, T direction, T beta, T* y) const {
    const Index C = x.columns(), half = head_width / 2;
    parallel_ranges(x.rows(), kRowBlock, [&](Index first, Index last) {
      for (Index r = first; r < last; ++r) {
        const T *in = x.row(r), *c = cosine + place[static_cast<std::size_t>(r)] * half,
                *s = sine + place[static_cast<std::size_t>(r)] * half;
        T* out = y + r * C;
        const auto put = [&](Index j, T value) { out[j] = beta == T{0} ? value : out[j] + value; };
        for (Index h = 0; h < columns; h += head_width)
          for (Index j = 0; j < half; ++j) {
            const T a = in[h + j], b = in[h + half + j], turned = direction * s[j];
            put(h + j, a * c[j] - b * turned);
            put(h + half + j, a * turned + b * c[j]);
          }
        for (Index j = columns; j < C; ++j) put(j, in[j]);
      }
    });
  }
};

template <class T>
Rotation<T> rotation(Arena& arena, std::span<const TokenId> place, Index columns, Index head_width) {
  const Index half = head_width / 2, places = Index{std::ranges::max(place)} + 1;
  T *cosine = arena.allocate<T>(places * half), *sine = arena.allocate<T>(places * half);
  for (Index j = 0; j < half; ++j) {
    const double frequency = std::pow(10000.0, -static_cast<double>(j) / static_cast<double>(half));
    for (Index p = 0; p < places; ++p) {
      cosine[p * half + j] = static_cast<T>(std::cos(static_cast<double>(p) * frequency));
      sine[p * half + j] = static_cast<T>(std::sin(static_cast<double>(p) * frequency));
    }
  }
  return {place, columns, head_width, cosine, sine};
}

}  // namespace

template <class T>
Var rotary(Tape<T>& tape, Var x, std::span<const TokenId> place, Index columns, Index head_width) {
  const Tensor<T> X = tape.value(x);
  if (head_width <= 0 || head_width % 2 != 0 || columns % head_width != 0 || columns > X.columns() ||
      std::ssize(place) != X.rows())
    throw Error(concat("[rotary] x is ", to_string(X.shape), ", turned are ", columns,
                       " columns in heads of ", head_width, " at ", place.size(),
                       " places, wanted heads of an even width that divides the columns, and a place a row"));
  const Rotation<T> turn = rotation<T>(tape.arena(), place, columns, head_width);
  const Tensor<T> y = tape.allocate(X.shape);
  turn.turn(X, T{1}, T{0}, y.data);
  return tape.record("rotary", y, {x}, [=](Tape<T>& t, Tensor<const T> dy) {
    const GradientSlot<T> dx = t.gradient_slot(x);
    turn.turn(dy, T{-1}, dx.beta, dx.data);
  });
}

template Var rotary(Tape<float>&, Var, std::span<const TokenId>, Index, Index);
template Var rotary(Tape<double>&, Var, std::span<const TokenId>, Index, Index);

Operation describe_rotary() {
  static constexpr TokenId kPlace[] = {0, 1, 5, 2};
  const auto turned = [](Index columns) {
    return [=](Tape<double>& t, std::span<const Var> x) { return rotary(t, x[0], kPlace, columns, 4); };
  };
  return {"rotary",
          "(y_j, y_k) = (x_j cos a - x_k sin a, x_j sin a + x_k cos a), k = j + d/2, a = place 10000^(-2j/d)",
          "x, y (R, C), place (R)",
          {{"every column", {{4, 8}}, turned(8)}, {"the first columns", {{4, 8}}, turned(4)}}};
}

}  // namespace slalom
