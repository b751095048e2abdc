#include "slalom/model_io/tensor_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <numeric>

#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"
#include "slalom/model_io/pytorch_file.hpp"
#include "slalom/model_io/safetensors.hpp"

namespace slalom {

static_assert(std::endian::native == std::endian::little,
              "the formats are little-endian, and so is the code");

// --- types of numbers ------------------------------------------------------------------------------------

namespace {

constexpr std::pair<std::string_view, std::size_t> kNamesAndBytes[kDTypes] = {
    {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8},
    {"I32", 4}, {"I16", 2}, {"I8", 1},  {"U8", 1},   {"BOOL", 1}};

/// Bits of the number of a 16-bit format nearest to x, from |x| = m · 2^q with an integer m of at most
/// kMantissa + 1 bits. Bits (q − smallest q) · 2^kMantissa + m are right for normal and subnormal numbers
/// alike, and when rounding carries m into the next power of two.
template <int kExponent, int kMantissa>
std::uint16_t encode(double x) {
  constexpr int kInfinity = ((1 << kExponent) - 1) << kMantissa;
  constexpr int kSmallest = 2 - (1 << (kExponent - 1));  // exponent of the smallest normal number
  const int sign = std::signbit(x) ? 0x8000 : 0;
  int bits = kInfinity;
  if (std::isnan(x)) {
    bits |= 1 << (kMantissa - 1);
  } else if (std::isfinite(x)) {
    const int exponent = x == 0 ? kSmallest : std::max(std::ilogb(x), kSmallest);
    const auto m = static_cast<int>(std::nearbyint(std::ldexp(std::abs(x), kMantissa - exponent)));
    bits = std::min(((exponent - kSmallest) << kMantissa) + m, kInfinity);
  }
  return static_cast<std::uint16_t>(sign | bits);
}

}  // namespace

std::string_view dtype_name(DType dtype) {
  return kNamesAndBytes[static_cast<int>(dtype)].first;
}

std::size_t dtype_bytes(DType dtype) {
  return kNamesAndBytes[static_cast<int>(dtype)].second;
}

bool is_floating(DType dtype) {
  return dtype <= DType::bf16;
}

// F16: 1 sign, 5 exponent (bias 15) and 10 mantissa bits; float: 1, 8 (bias 127) and 23.
float f16_to_float(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16, exponent = bits >> 10 & 31U, mantissa = bits & 1023U;
  if (exponent == 0) return std::copysign(static_cast<float>(mantissa) * 0x1p-24F, sign != 0 ? -1.0F : 1.0F);
  const std::uint32_t widened = exponent == 31 ? 255 : exponent + (127 - 15);
  return std::bit_cast<float>(sign | widened << 23 | mantissa << 13);
}

float bf16_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

std::uint16_t to_f16(double x) {
  return encode<5, 10>(x);
}

std::uint16_t to_bf16(double x) {
  return encode<8, 7>(x);
}

std::vector<Index> extents(const Shape& shape) {
  return {shape.extent.begin(), shape.extent.begin() + shape.rank};
}

std::size_t TensorEntry::elements() const {
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1},
                         [](std::size_t n, Index extent) { return n * static_cast<std::size_t>(extent); });
}

// --- reading ---------------------------------------------------------------------------------------------

namespace {

/// Converts `n` elements of type Stored at `bytes`.
template <class Stored, class T, class Convert>
void convert(const char* bytes, std::size_t n, T* out, const Convert& value_of) {
  for (std::size_t i = 0; i < n; ++i) {
    Stored stored;
    std::memcpy(&stored, bytes + i * sizeof(Stored), sizeof(Stored));
    out[i] = static_cast<T>(value_of(stored));
  }
}

template <class T>
void decode(DType dtype, const char* bytes, std::size_t n, T* out) {
  const auto same = [](auto x) { return x; };
  if (dtype == DType::f64) convert<double>(bytes, n, out, same);
  if (dtype == DType::f32) convert<float>(bytes, n, out, same);
  if (dtype == DType::f16) convert<std::uint16_t>(bytes, n, out, f16_to_float);
  if (dtype == DType::bf16) convert<std::uint16_t>(bytes, n, out, bf16_to_float);
  if (dtype == DType::i64) convert<std::int64_t>(bytes, n, out, same);
}

}  // namespace

TensorFile::TensorFile(std::string path)
    : path_(std::move(path)),
      file_(open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {  // a pipe would wait for its writer
  struct stat status {};
  if (file_.get() < 0 || fstat(file_.get(), &status) != 0) throw_file_error(path_, "open", errno);
  if (!S_ISREG(status.st_mode))
    throw Error(concat(path_, ": found no regular file, wanted a safetensors file"));
  const auto file_bytes = static_cast<std::uint64_t>(status.st_size);
  const ReadBytes read = [this](void* out, std::size_t bytes, std::uint64_t offset) {
    read_bytes(out, bytes, offset, "the header");
  };
  std::string start(std::min<std::uint64_t>(kLegacyMagic.size(), file_bytes), '\0');
  read(start.data(), start.size(), 0);
  if (start == kLegacyMagic)
    throw Error(path_ + ": found the format that PyTorch had before version 1.6, wanted its zip archive",
                "torch.save(torch.load(FILE), FILE) with a later version writes one");
  header_ = start.starts_with(kZipMagic) ? read_pytorch_header(read, file_bytes, path_)
                                         : read_safetensors_header(read, file_bytes, path_);
  for (std::size_t i = 0; i < header_.tensors.size(); ++i) index_.emplace(header_.tensors[i].name, i);
}

const TensorEntry* TensorFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &header_.tensors[found->second];
}

void TensorFile::read_bytes(void* out, std::size_t bytes, std::uint64_t offset, std::string_view what) const {
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t got =
        pread(file_.get(), static_cast<char*>(out) + done, bytes - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_file_error(path_, concat("read ", what), errno);
    if (got == 0) throw Error(concat(path_, ": cannot read ", what, ": the file became shorter"));
    done += static_cast<std::size_t>(got);
  }
}

template <class T>
void TensorFile::read(const TensorEntry& tensor, std::span<T> out) const {
  constexpr std::size_t kPiece = 1 << 16;  // elements converted at a time
  const std::string what = concat("tensor ", json_string(tensor.name));
  if (out.size() != tensor.elements())
    throw Error(concat(path_, ": ", what, ": found ", tensor.elements(), " values, wanted ", out.size()));
  if (tensor.dtype > DType::i64)
    throw Error(concat(path_, ": ", what, ": found ", dtype_name(tensor.dtype),
                       ", wanted floating-point numbers or I64"));
  if (!tensor.stride.empty()) return read_strided(tensor, out);
  const std::uint64_t begin = header_.data_begin + tensor.begin;
  if (tensor.dtype == (sizeof(T) == 4 ? DType::f32 : DType::f64))
    return read_bytes(out.data(), out.size_bytes(), begin, what);
  const std::size_t width = dtype_bytes(tensor.dtype);
  std::vector<char> buffer(std::min(kPiece, out.size()) * width);
  for (std::size_t i = 0; i < out.size(); i += kPiece) {
    const std::size_t n = std::min(kPiece, out.size() - i);
    read_bytes(buffer.data(), n * width, begin + i * width, what);
    decode(tensor.dtype, buffer.data(), n, out.data() + i);
  }
}

template <class T>
void TensorFile::read_strided(const TensorEntry& tensor, std::span<T> out) const {
  const std::size_t stored = static_cast<std::size_t>(tensor.end - tensor.begin) / dtype_bytes(tensor.dtype);
  std::vector<T> values(stored);
  read({tensor.name, tensor.dtype, {static_cast<Index>(stored)}, tensor.begin, tensor.end},
       std::span<T>(values));
  std::vector<Index> at(tensor.shape.size(), 0);
  Index from = 0;
  for (T& value : out) {
    value = values[static_cast<std::size_t>(from)];
    for (std::size_t a = at.size(); a-- > 0;) {
      from += tensor.stride[a];
      if (++at[a] < tensor.shape[a]) break;
      from -= at[a] * tensor.stride[a];
      at[a] = 0;
    }
  }
}

template <class T>
void TensorFile::read_parameter(const TensorEntry& tensor, const Shape& shape, std::span<T> out) const {
  const std::string what = concat(path_, ": tensor ", json_string(tensor.name), ": found ");
  if (tensor.shape != extents(shape))
    throw Error(concat(what, "shape (", listed(tensor.shape, [](Index n) { return std::to_string(n); }),
                       "), wanted ", to_string(shape), " (config.json)"));
  if (!is_floating(tensor.dtype))
    throw Error(concat(what, dtype_name(tensor.dtype),
                       ", wanted F32, F64, F16 or BF16: quantized weights are not read"));
  read(tensor, out);
  if (!std::ranges::all_of(out, [](T x) { return std::isfinite(x); }))
    throw Error(what + "NaN or Inf, wanted finite numbers");
}

#define SLALOM_INSTANTIATE(T)                                             \
  template void TensorFile::read(const TensorEntry&, std::span<T>) const; \
  template void TensorFile::read_parameter(const TensorEntry&, const Shape&, std::span<T>) const;
SLALOM_INSTANTIATE(float)
SLALOM_INSTANTIATE(double)
#undef SLALOM_INSTANTIATE

}  // namespace slalom
