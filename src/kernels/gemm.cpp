#include "slalom/kernels/gemm.hpp"

#include <cblas.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "slalom/base/error.hpp"
#include "slalom/kernels/panel_gemm.hpp"

namespace slalom {

namespace {

// OpenBLAS 0.3.21 maps one for each thread that multiplies.
constexpr std::size_t kBlasBuffer = std::size_t{128} << 20;
constexpr std::size_t kStack = std::size_t{16} << 20;  // of a thread, and what its heap begins with

std::size_t bytes_of_threads(int count) {
  const auto n = static_cast<std::size_t>(count);
  return n * kBlasBuffer + (n - 1) * kStack;
}

bool is_granted(std::size_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return false;
  munmap(p, bytes);
  return true;
}

const bool one_blas_thread = [] {
  openblas_set_num_threads(1);
  return true;
}();

CBLAS_TRANSPOSE transpose(Layout layout) {
  return layout == Layout::transposed ? CblasTrans : CblasNoTrans;
}

void call_blas(Layout ta, Layout tb, int m, int n, int k, const float* a, int lda, const float* b, int ldb,
               float beta, float* c, int ldc) {
  cblas_sgemm(CblasRowMajor, transpose(ta), transpose(tb), m, n, k, 1.0f, a, lda, b, ldb, beta, c, ldc);
}
void call_blas(Layout ta, Layout tb, int m, int n, int k, const double* a, int lda, const double* b, int ldb,
               double beta, double* c, int ldc) {
  cblas_dgemm(CblasRowMajor, transpose(ta), transpose(tb), m, n, k, 1.0, a, lda, b, ldb, beta, c, ldc);
}

}  // namespace

int threads_with_memory(int wanted) {
  while (wanted > 0 && !is_granted(bytes_of_threads(wanted))) --wanted;
  return wanted;
}

void check_memory_of_threads(int count) {
  if (threads_with_memory(count) < count)
    throw Error(concat("matrix products on ", count, count == 1 ? " thread" : " threads", " need ",
                       bytes_of_threads(count) >> 20, " MiB of address space, which the system refuses"),
                "a higher limit (ulimit -v), or fewer --threads");
}

void check_memory_of_products() {
  [[maybe_unused]] static const bool checked = (check_memory_of_threads(threads()), true);
}

template <class T>
void gemm_block(const GemmBlock& block, Index k, Factor<T> a, Factor<T> b, T beta, T* c, Index c_stride) {
  if (k == 0) {  // BLAS may leave c as it is
    for (Index row = block.first_row; row < block.last_row; ++row)
      for (T* x = c + row * c_stride + block.first_column; x < c + row * c_stride + block.last_column; ++x)
        *x = beta == 0 ? 0 : beta * *x;
    return;
  }
  const T* rows_of_a = a.data + (a.layout == Layout::plain ? block.first_row * a.stride : block.first_row);
  const T* columns_of_b =
      b.data + (b.layout == Layout::plain ? block.first_column : block.first_column * b.stride);
  const Index m = block.rows(), n = block.last_column - block.first_column;
  T* out = c + block.first_row * c_stride + block.first_column;
  if constexpr (std::is_same_v<T, float>)
    if (const bool transposed = b.layout == Layout::transposed; panel_gemm_pays(m, n, k, transposed)) {
      const bool plain = a.layout == Layout::plain;
      return panel_gemm(m, n, k, {rows_of_a, plain ? a.stride : 1, plain ? 1 : a.stride}, columns_of_b,
                        b.stride, transposed, beta, out, c_stride);
    }
  call_blas(a.layout, b.layout, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), rows_of_a,
            static_cast<int>(a.stride), columns_of_b, static_cast<int>(b.stride), beta, out,
            static_cast<int>(c_stride));
}

template void gemm_block(const GemmBlock&, Index, Factor<float>, Factor<float>, float, float*, Index);
template void gemm_block(const GemmBlock&, Index, Factor<double>, Factor<double>, double, double*, Index);

std::string blas_core() {
  return openblas_get_corename();
}

namespace {

// The kernels that OpenBLAS should run, or nullptr if its own choice stands.
const char* wanted_blas_core() {
  const char* wish = std::getenv("SLALOM_BLAS_CORE");
  if (wish != nullptr) return std::strcmp(wish, "keep") == 0 ? nullptr : wish;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const std::string chosen = blas_core();
  if (!avx512 || chosen == "SkylakeX" || chosen == "Cooperlake" || chosen == "SapphireRapids") return nullptr;
  return "SkylakeX";
}

// True if the environment had to be changed.
bool set_environment(const char* name, const char* value) {
  const char* now = std::getenv(name);
  if (now != nullptr && std::strcmp(now, value) == 0) return false;
  setenv(name, value, 1);
  return true;
}

}  // namespace

void configure_runtime(char** argv) {
  bool changed = false;
  if (const char* core = wanted_blas_core(); core != nullptr)
    changed = set_environment("OPENBLAS_CORETYPE", core);
  // Its own threads would do nothing but take memory, and wait for it without end where it is limited.
  changed = set_environment("OPENBLAS_NUM_THREADS", "1") || changed;
  // Waiting threads give their core away after a tenth of a millisecond: on a machine that others use too,
  // libgomp's default of milliseconds makes a step many times slower, since the thread that is waited for
  // cannot run.
  if (std::getenv("GOMP_SPINCOUNT") == nullptr && std::getenv("OMP_WAIT_POLICY") == nullptr)
    changed = set_environment("GOMP_SPINCOUNT", "10000") || changed;
  if (!changed) return;
  char path[4096] = {};  // the program's own name rather than /proc/self/exe, for `ps` and `killall`
  if (readlink("/proc/self/exe", path, sizeof(path) - 1) > 0)
    execv(path, argv);  // returns only if it failed: the program then goes on as it is
}

double measure_gemm_rate(double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr Index m = 340, n = 768, k = 768;
  const std::vector<float> a(m * k, 0.5f), b(n * k, 0.25f);
  std::vector<float> c(m * n);
  double best = 1e30, spent = 0;
  while (spent < seconds) {
    const auto start = Clock::now();
    for_each_gemm_block(m, n, [&](const GemmBlock& block) {
      call_blas(Layout::plain, Layout::transposed, static_cast<int>(m),
                static_cast<int>(block.last_column - block.first_column), k, a.data(), k,
                b.data() + block.first_column * k, k, 0.0f, c.data() + block.first_column, n);
    });
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, took);
    spent += took;
  }
  return 2e-9 * m * n * k / best;
}

}  // namespace slalom
