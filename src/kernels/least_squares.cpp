#include "slalom/kernels/least_squares.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "slalom/base/error.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/kernels/gemm.hpp"

// LAPACK as OpenBLAS exports it. Debian's package of OpenBLAS has no lapacke.h, so these are the Fortran
// prototypes: everything by address, column-major, and the length of each CHARACTER at the end.
extern "C" {
void dgeqrf_(const int* m, const int* n, double* a, const int* lda, double* tau, double* work,
             const int* lwork, int* info);
void dgesdd_(const char* job, const int* m, const int* n, double* a, const int* lda, double* s, double* u,
             const int* ldu, double* vt, const int* ldvt, double* work, const int* lwork, int* iwork,
             int* info, std::size_t);
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info, std::size_t);
void dpotrs_(const char* uplo, const int* n, const int* nrhs, const double* a, const int* lda, double* b,
             const int* ldb, int* info, std::size_t);
void dpotri_(const char* uplo, const int* n, double* a, const int* lda, int* info, std::size_t);
void dpstrf_(const char* uplo, const int* n, double* a, const int* lda, int* pivot, int* rank,
             const double* tol, double* work, int* info, std::size_t);
}

namespace slalom {

namespace {

// R (min(m, n), n) of the QR decomposition of a column-major (m, n), row-major with zeros below the diagonal.
std::vector<double> triangle_of_columns(Index m, Index n, std::vector<double>& a) {
  const int rows = static_cast<int>(m), columns = static_cast<int>(n), ask = -1;
  std::vector<double> tau(std::min(m, n));
  int info = 0;
  double best = 0;
  dgeqrf_(&rows, &columns, a.data(), &rows, tau.data(), &best, &ask, &info);
  const int room = static_cast<int>(best);
  std::vector<double> work(room);
  dgeqrf_(&rows, &columns, a.data(), &rows, tau.data(), work.data(), &room, &info);
  std::vector<double> r(std::min(m, n) * n);
  for (Index i = 0; i < std::min(m, n); ++i)
    for (Index j = i; j < n; ++j) r[i * n + j] = a[j * m + i];
  return r;
}

// The same for [A b], A (m, n) row-major and b (m) or null. A tall matrix is cut into panels of rows whose
// triangles are stacked and reduced again: panels stay in the cache, and the cut is a function of the shape.
std::vector<double> triangle(Index m, Index n, const double* a, const double* b) {
  const Index columns = n + (b != nullptr ? 1 : 0), panel = std::max<Index>(4 * columns, 256);
  if (m <= panel) {
    std::vector<double> copy(m * columns);
    for (Index i = 0; i < m; ++i) {
      for (Index j = 0; j < n; ++j) copy[j * m + i] = a[i * n + j];
      if (b != nullptr) copy[n * m + i] = b[i];
    }
    return triangle_of_columns(m, columns, copy);
  }
  std::vector<std::vector<double>> parts(ceil_div(m, panel));
  parallel_ranges(m, panel, [&](Index begin, Index end) {
    parts[begin / panel] = triangle(end - begin, n, a + begin * n, b == nullptr ? nullptr : b + begin);
  });
  std::vector<double> stacked;
  for (const std::vector<double>& part : parts) stacked.insert(stacked.end(), part.begin(), part.end());
  return triangle(static_cast<Index>(stacked.size()) / columns, columns, stacked.data(), nullptr);
}

// A = U diag(s) Vᵀ with r = min(m, n) singular values: u (m, r) and vt (r, n), both column-major.
struct Svd {
  std::vector<double> u, s, vt;
};

Svd decompose(Index m, Index n, std::vector<double>& column_major) {
  const Index r = std::min(m, n);
  Svd svd{std::vector<double>(m * r), std::vector<double>(r), std::vector<double>(r * n)};
  const int rows = static_cast<int>(m), columns = static_cast<int>(n), least = static_cast<int>(r), ask = -1;
  std::vector<int> integers(8 * r);
  double best = 0;
  int info = 0;
  const auto call = [&](double* work, const int* room) {
    dgesdd_("S", &rows, &columns, column_major.data(), &rows, svd.s.data(), svd.u.data(), &rows,
            svd.vt.data(), &least, work, room, integers.data(), &info, 1);
  };
  call(&best, &ask);
  const int room = static_cast<int>(best);
  std::vector<double> work(room);
  call(work.data(), &room);
  if (info != 0)
    throw Error(concat("[least squares] the singular value decomposition of a (", m, ", ", n,
                       ") matrix did not converge"));
  return svd;
}

void check_finite(const std::vector<double>& values, const char* what) {
  const auto bad = std::find_if_not(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
  if (bad != values.end())
    throw Error(concat("[least squares] number ", bad - values.begin(), " of ", what, " is ", *bad,
                       ", wanted finite numbers"));
}

// x = V S⁺ Uᵀ c, and the squared norms of the rows of V S⁺. A number is determined if no direction of the
// null space moves it: the rows of V over the rank then have norm 1. Null vectors are exact to about
// 1e-16 / relative, hence the tolerance on their squares.
LeastSquares solve(Index m, Index n, const Svd& svd, const double* c, Index c_stride, double relative) {
  constexpr double kUndetermined = 1e-8;
  LeastSquares result{std::vector<double>(n), std::vector<double>(n), 0, svd.s};
  const Index r = std::min(m, n);
  const double least = r == 0 ? 0 : relative * svd.s[0];
  std::vector<double> inside(n);
  for (Index k = 0; k < r && svd.s[k] > least; ++k, ++result.rank) {
    double along = 0;
    for (Index i = 0; i < m; ++i) along += svd.u[k * m + i] * c[i * c_stride];
    for (Index j = 0; j < n; ++j) {
      const double v = svd.vt[j * r + k], scaled = v / svd.s[k];
      result.solution[j] += scaled * along;
      result.variance[j] += scaled * scaled;
      inside[j] += v * v;
    }
  }
  for (Index j = 0; j < n; ++j)
    if (inside[j] < 1 - kUndetermined) result.variance[j] = std::numeric_limits<double>::quiet_NaN();
  return result;
}

}  // namespace

LeastSquares minimum_norm_least_squares(Index m, Index n, const std::vector<double>& a,
                                        const std::vector<double>& b, double relative) {
  if (std::ssize(a) != m * n || std::ssize(b) != m)
    throw Error(concat("[least squares] a holds ", a.size(), " numbers and b ", b.size(), ", wanted (", m,
                       ", ", n, ") and ", m));
  check_finite(a, "a");
  check_finite(b, "b");
  if (n == 0 || m == 0) return solve(m, n, Svd{{}, {}, {}}, nullptr, 1, relative);
  // ‖A x − b‖ = ‖R x − c‖ where [R c] is the triangle of [A b], its last row included.
  const std::vector<double> reduced = triangle(m, n, a.data(), b.data());
  const Index rows = std::min(m, n + 1);
  std::vector<double> r(rows * n);
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < n; ++j) r[j * rows + i] = reduced[i * (n + 1) + j];
  check_finite(r, "the triangular factor");
  return solve(rows, n, decompose(rows, n, r), reduced.data() + n, n + 1, relative);
}

// In panels of rows, so that they need no memory all at once.
std::vector<double> weighted_gram(std::span<const double> weight, Index n,
                                  const std::function<void(Index i, double* row)>& write) {
  constexpr Index kPanel = 1024;
  const Index rows = std::ssize(weight);
  std::vector<double> gram(n * n), panel(kPanel * n);
  for (Index first = 0; first < rows; first += kPanel) {
    const Index height = std::min(kPanel, rows - first);
    for (Index i = 0; i < height; ++i) {
      double* row = panel.data() + i * n;
      write(first + i, row);
      const double root = std::sqrt(weight[first + i]);
      for (Index j = 0; j < n; ++j) row[j] *= root;
    }
    gemm<double>(n, n, height, {panel.data(), n, Layout::transposed}, {panel.data(), n}, 1.0, gram.data(), n);
  }
  return gram;
}

// The lower triangle by rows is the upper triangle by columns: with "U" LAPACK finds UᵀU = L Lᵀ.
bool cholesky(Index n, double* a) {
  const int order = static_cast<int>(n), stride = std::max(order, 1);
  std::vector<double> diagonal(n);
  for (Index i = 0; i < n; ++i) diagonal[i] = a[i * n + i];
  int info = 0;
  dpotrf_("U", &order, a, &stride, &info, 1);
  if (info != 0) return false;
  const double rounding = static_cast<double>(n) * std::numeric_limits<double>::epsilon();
  for (Index i = 0; i < n; ++i) {
    const double pivot = a[i * n + i] * a[i * n + i];  // NaN fails the comparison
    if (!(pivot > rounding * diagonal[i] && std::isfinite(pivot))) return false;
  }
  return true;
}

std::vector<Index> independent_rows(Index n, double* a, double tolerance) {
  const int size = static_cast<int>(n), lda = std::max(1, size);
  std::vector<int> pivot(static_cast<std::size_t>(n));
  std::vector<double> work(static_cast<std::size_t>(2 * n));
  int rank = 0, info = 0;
  dpstrf_("U", &size, a, &lda, pivot.data(), &rank, &tolerance, work.data(), &info, 1);
  std::vector<Index> rows;
  for (int i = 0; i < rank; ++i) rows.push_back(pivot[i] - 1);
  std::ranges::sort(rows);
  return rows;
}

void cholesky_solve(Index n, const double* factor, double* x) {
  const int order = static_cast<int>(n), stride = std::max(order, 1), one = 1;
  int info = 0;
  dpotrs_("U", &order, &one, factor, &stride, x, &stride, &info, 1);
}

void cholesky_inverse(Index n, double* factor) {
  const int order = static_cast<int>(n), stride = std::max(order, 1);
  int info = 0;
  dpotri_("U", &order, factor, &stride, &info, 1);
  for (Index i = 0; i < n; ++i)
    for (Index j = i + 1; j < n; ++j) factor[i * n + j] = factor[j * n + i];
}

}  // namespace slalom
