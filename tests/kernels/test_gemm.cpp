#include "slalom/kernels/gemm.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>

#include "../support/compare.hpp"
#include "../support/random_values.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/kernels/small_gemm.hpp"

using namespace slalom;
using test::random_values;

namespace {

template <class T>
constexpr double kTolerance = sizeof(T) == 4 ? 1e-5 : 1e-13;

// A matrix as stored, with a few unused numbers behind each row.
template <class T>
struct Stored {
  Index rows, columns, stride;
  std::vector<T> values;

  Stored(Index r, Index c, std::uint64_t seed)
      : rows(r), columns(c), stride(c + 3), values(random_values<T>(r * stride, seed)) {}
  T& operator()(Index r, Index c) { return values[static_cast<std::size_t>(r * stride + c)]; }
  T operator()(Index r, Index c) const { return values[static_cast<std::size_t>(r * stride + c)]; }
};

// op(A) (rows, columns), as stored in either layout.
template <class T>
struct Operand {
  Layout layout;
  Stored<T> matrix;

  Operand(Index rows, Index columns, Layout l, std::uint64_t seed)
      : layout(l), matrix(l == Layout::plain ? rows : columns, l == Layout::plain ? columns : rows, seed) {}
  double operator()(Index r, Index c) const {
    return static_cast<double>(layout == Layout::plain ? matrix(r, c) : matrix(c, r));
  }
  Factor<T> factor() const { return {matrix.values.data(), matrix.stride, layout}; }
};

// beta · C + scale · A B as three loops in double; what lies outside columns [first, last) stays.
template <class T>
std::vector<double> naive(const Operand<T>& a, const Operand<T>& b, Index k, double scale, double beta,
                          const Stored<T>& c, Index first, Index last) {
  std::vector<double> y(c.values.begin(), c.values.end());
  for (Index i = 0; i < c.rows; ++i)
    for (Index j = first; j < last; ++j) {
      double sum = 0;
      for (Index l = 0; l < k; ++l) sum += a(i, l) * b(l, j);
      double& to = y[static_cast<std::size_t>(i * c.stride + j)];
      to = (beta == 0 ? 0 : beta * to) + scale * sum;
    }
  return y;
}

template <class T>
void fill_with_nan(Stored<T>& c, Index first, Index last) {
  for (Index i = 0; i < c.rows; ++i)
    for (Index j = first; j < last; ++j) c(i, j) = std::numeric_limits<T>::quiet_NaN();
}

template <class T>
void check_product(Index m, Index n, Index k) {
  for (const Layout la : {Layout::plain, Layout::transposed})
    for (const Layout lb : {Layout::plain, Layout::transposed})
      for (const T beta : {T{0}, T{1}}) {
        const Operand<T> a(m, k, la, 1), b(k, n, lb, 2);
        Stored<T> c(m, n, 3);
        if (beta == T{0}) fill_with_nan(c, 0, n);
        const std::vector<double> want = naive(a, b, k, 1, static_cast<double>(beta), c, 0, n);
        gemm<T>(m, n, k, a.factor(), b.factor(), beta, c.values.data(), c.stride);
        CAPTURE(m);
        CAPTURE(n);
        CAPTURE(k);
        REQUIRE(test::relative_error(c.values, want) < kTolerance<T>);
      }
}

}  // namespace

TEST_CASE("gemm: all layouts, odd shapes, beta 0 over NaN and beta 1") {
  for (const Index m : {1, 3, 20, 65, 200})
    for (const Index n : {1, 7, 64, 129})
      for (const Index k : {1, 5, 33, 200}) {
        check_product<float>(m, n, k);
        check_product<double>(m, n, k);
      }
  check_product<float>(21, 801, 17);                                // the wider blocks
  check_product<float>(4100, 3, 5);                                 // more than one block of rows
  for (Index m = 1; m <= 15; ++m) check_product<float>(m, 32, 33);  // every height of a tile
  for (const Index k : {448, 449, 895, 1000}) check_product<float>(30, 224, k);  // sums in parts, two panels
  check_product<double>(200, 200, 200);
}

TEST_CASE("gemm_block: computes its block and leaves the rest") {
  for (const Layout lb : {Layout::plain, Layout::transposed}) {
    const Operand<double> a(9, 11, Layout::plain, 1), b(11, 30, lb, 2);
    Stored<double> c(9, 30, 3);
    fill_with_nan(c, 5, 23);
    const std::vector<double> want = naive(a, b, 11, 1, 0, c, 5, 23);
    gemm_block<double>({0, 9, 5, 23}, 11, a.factor(), b.factor(), 0.0, c.values.data(), c.stride);
    CHECK(test::relative_error(c.values, want) < 1e-13);
  }
}

TEST_CASE("gemm: empty products write what beta says") {
  std::vector<double> c = {1, 2, 3, 4};
  const double x = 5;
  gemm<double>(0, 2, 3, {&x, 3}, {&x, 2}, 0.0, c.data(), 2);
  gemm<double>(2, 0, 3, {&x, 3}, {&x, 2}, 0.0, c.data(), 2);
  CHECK(c == std::vector<double>{1, 2, 3, 4});
}

TEST_CASE("gemm: the same bits on one and two threads") {
  const int before = threads();
  const Operand<float> a(37, 129, Layout::plain, 1), b(129, 300, Layout::transposed, 2);
  std::vector<float> one(37 * 300), two(37 * 300);
  set_threads(1);
  gemm<float>(37, 300, 129, a.factor(), b.factor(), 0.0f, one.data(), 300);
  set_threads(2);
  gemm<float>(37, 300, 129, a.factor(), b.factor(), 0.0f, two.data(), 300);
  set_threads(before);
  CHECK(one == two);
}

TEST_CASE("gemm blocks: they cover the product once, and depend on its shape alone") {
  const auto cover = [](Index m, Index n) {
    std::vector<int> times(static_cast<std::size_t>(m * n));
    std::atomic<int> blocks{0};
    for_each_gemm_block(m, n, [&](const GemmBlock& block) {
      ++blocks;
      for (Index i = block.first_row; i < block.last_row; ++i)
        for (Index j = block.first_column; j < block.last_column; ++j)
          ++times[static_cast<std::size_t>(i * n + j)];
    });
    CHECK(std::ranges::all_of(times, [](int t) { return t == 1; }));
    return blocks.load();
  };
  CHECK(cover(340, 767) == 12);   // ceil(767 / 64)
  CHECK(cover(340, 768) == 2);    // 768 / 384
  CHECK(cover(20, 3072) == 4);    // 3072 / 768
  CHECK(cover(4097, 769) == 15);  // ceil(4097 / 1024) ceil(769 / 384)
  CHECK(cover(1, 1) == 1);
}

TEST_CASE("the kernels have a name and a rate") {
  CHECK(!blas_core().empty());
  CHECK(measure_gemm_rate(0.001) > 0.1);
}

namespace {

template <class T>
void check_small(Index m, Index n, Index k, Layout layout, T beta) {
  const Operand<T> a(m, k, layout, 1), b(k, n, Layout::plain, 2);
  Stored<T> c(m, n, 3);
  if (beta == T{0}) fill_with_nan(c, 0, n);
  const std::vector<double> want = naive(a, b, k, 0.375, static_cast<double>(beta), c, 0, n);
  const Strided<T> strided = layout == Layout::plain ? Strided<T>{a.matrix.values.data(), a.matrix.stride, 1}
                                                     : Strided<T>{a.matrix.values.data(), 1, a.matrix.stride};
  small_gemm<T>(m, n, k, T(0.375), strided, b.matrix.values.data(), b.matrix.stride, beta, c.values.data(),
                c.stride);
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(k);
  REQUIRE(test::relative_error(c.values, want) < kTolerance<T>);
}

}  // namespace

TEST_CASE("small_gemm: plain and transposed, every tail, beta 0 over NaN, 1 and between") {
  for (const Index m : {1, 3, 4, 6, 9})
    for (const Index n : {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 48, 63, 65, 100, 129})
      for (const Index k : {1, 2, 20, 70})
        for (const Layout layout : {Layout::plain, Layout::transposed})
          for (const double beta : {0.0, 1.0, 0.5}) {
            check_small<float>(m, n, k, layout, static_cast<float>(beta));
            check_small<double>(m, n, k, layout, beta);
          }
}
