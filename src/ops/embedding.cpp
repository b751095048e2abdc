#include "slalom/ops/embedding.hpp"

#include <algorithm>
#include <array>

#include "slalom/base/parallel.hpp"

namespace slalom {

namespace {

constexpr std::size_t kMostTables = 3;
constexpr Index kColumnBlock = 128;

template <class T>
void check(const Tape<T>& tape, std::initializer_list<Gather> gathers) {
  if (gathers.size() == 0 || gathers.size() > kMostTables)
    throw Error(concat("[embedding] ", gathers.size(), " tables, wanted 1 to ", kMostTables));
  for (const Gather& g : gathers) {
    const Tensor<T>& table = tape.value(g.table);
    if (g.rows.size() != gathers.begin()->rows.size() ||
        table.columns() != tape.value(gathers.begin()->table).columns())
      throw Error(concat("[embedding] table ", to_string(table.shape), " with ", g.rows.size(),
                         " rows asked for, the first one is ",
                         to_string(tape.value(gathers.begin()->table).shape), " with ",
                         gathers.begin()->rows.size()));
    for (std::size_t n = 0; n < g.rows.size(); ++n)
      if (g.rows[n] < 0 || g.rows[n] >= table.rows())
        throw Error(
            concat("[embedding] row ", n, " asks for entry ", g.rows[n], " of a table of ", table.rows()));
  }
}

// dtable[v] += Σ dy[n] over the n that took row v. Sorting (v, n) brings equal v together with n in order.
template <class T>
void scatter(Tape<T>& tape, const Gather& g, Tensor<const T> dy) {
  const ArenaScope scope(tape.arena());
  const Index N = dy.rows(), D = dy.columns();
  const std::span<Index> order = tape.arena().template array<Index>(N);
  for (Index n = 0; n < N; ++n) order[static_cast<std::size_t>(n)] = n;
  const auto row = [&](Index n) { return g.rows[static_cast<std::size_t>(n)]; };
  std::ranges::sort(order, [&](Index a, Index b) { return row(a) != row(b) ? row(a) < row(b) : a < b; });
  const std::span<GradientSlot<T>> slots = tape.arena().template array<GradientSlot<T>>(N);
  for (Index i = 0; i < N; ++i) {
    const Index n = order[static_cast<std::size_t>(i)];
    const bool repeated = i > 0 && row(order[static_cast<std::size_t>(i - 1)]) == row(n);
    GradientSlot<T>& slot = slots[static_cast<std::size_t>(i)];
    slot = repeated ? GradientSlot<T>{slots[static_cast<std::size_t>(i - 1)].data, T{1}}
                    : tape.gradient_row_slot(g.table, row(n));
  }
  parallel_ranges(D, kColumnBlock, [&](Index first, Index last) {
    for (Index i = 0; i < N; ++i) {
      T* to = slots[static_cast<std::size_t>(i)].data;
      const T* from = dy.row(order[static_cast<std::size_t>(i)]);
      if (slots[static_cast<std::size_t>(i)].beta == T{0}) {
        std::copy(from + first, from + last, to + first);
      } else {
#pragma omp simd
        for (Index j = first; j < last; ++j) to[j] += from[j];
      }
    }
  });
}

}  // namespace

template <class T>
Var embedding(Tape<T>& tape, std::initializer_list<Gather> gathers) {
  check(tape, gathers);
  const Index N = static_cast<Index>(gathers.begin()->rows.size());
  const Index D = tape.value(gathers.begin()->table).columns();
  const Tensor<T> y = tape.allocate({N, D});
  std::array<Gather, kMostTables> used{};
  std::ranges::copy(gathers, used.begin());
  const std::size_t count = gathers.size();
  std::array<const T*, kMostTables> table{};
  for (std::size_t g = 0; g < count; ++g) table[g] = tape.value(used[g].table).data;

  parallel_ranges(N, 16, [&](Index first, Index last) {
    for (Index n = first; n < last; ++n) {
      T* out = y.row(n);
      std::copy_n(table[0] + used[0].rows[static_cast<std::size_t>(n)] * D, D, out);
      for (std::size_t g = 1; g < count; ++g) {
        const T* entry = table[g] + used[g].rows[static_cast<std::size_t>(n)] * D;
#pragma omp simd
        for (Index j = 0; j < D; ++j) out[j] += entry[j];
      }
    }
  });
  return tape.record("embedding", y, {used[0].table, used[1].table, used[2].table},
                     [used, count](Tape<T>& t, Tensor<const T> dy) {
                       for (std::size_t g = 0; g < count; ++g)
                         if (t.needs_gradient(used[g].table)) scatter(t, used[g], dy);
                     });
}

template Var embedding(Tape<float>&, std::initializer_list<Gather>);
template Var embedding(Tape<double>&, std::initializer_list<Gather>);

Operation describe_embedding() {
  static constexpr TokenId kTokens[] = {3, 0, 3, 1, 4}, kPositions[] = {0, 1, 2, 0, 1},
                           kTypes[] = {0, 0, 1, 0, 0};
  return {"embedding",
          "y[n] = token[ids[n]] + position[positions[n]] + type[types[n]]",
          "tables (V, D), (P, D), (2, D); rows (N); y (N, D)",
          {{"one table",
            {{5, 3}},
            [](Tape<double>& t, std::span<const Var> x) {
              return embedding(t, {{x[0], kTokens}});
            }},
           {"three tables",
            {{5, 3}, {4, 3}, {2, 3}},
            [](Tape<double>& t, std::span<const Var> x) {
              return embedding(t, {{x[0], kTokens}, {x[1], kPositions}, {x[2], kTypes}});
            }},
           {"the same table twice", {{5, 3}}, [](Tape<double>& t, std::span<const Var> x) {
              return embedding(t, {{x[0], kTokens}, {x[0], kPositions}});
            }}}};
}

}  // namespace slalom
