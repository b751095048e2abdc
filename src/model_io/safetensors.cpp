#include "slalom/model_io/safetensors.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <concepts>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <type_traits>

#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"
#include "slalom/model_io/pytorch_file.hpp"

namespace slalom {

static_assert(std::endian::native == std::endian::little, "the format is little-endian, and so is the code");

namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMostHeaderBytes = 100'000'000;  // as in the reference implementation
constexpr std::size_t kMostAxes = 8;
constexpr const char* kMetadataKey = "__metadata__";
constexpr std::size_t kPiece = 1 << 16;  // elements converted at a time

struct DTypeRow {
  std::string_view name;
  std::size_t bytes;
};
constexpr std::array<DTypeRow, 10> kDTypes = {{{"F64", 8},
                                               {"F32", 4},
                                               {"F16", 2},
                                               {"BF16", 2},
                                               {"I64", 8},
                                               {"I32", 4},
                                               {"I16", 2},
                                               {"I8", 1},
                                               {"U8", 1},
                                               {"BOOL", 1}}};

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
  return kDTypes[static_cast<std::size_t>(dtype)].name;
}

std::size_t dtype_bytes(DType dtype) {
  return kDTypes[static_cast<std::size_t>(dtype)].bytes;
}

bool is_floating(DType dtype) {
  return dtype <= DType::bf16;
}

std::size_t TensorEntry::elements() const {
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1},
                         [](std::size_t n, Index extent) { return n * static_cast<std::size_t>(extent); });
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

// --- header ----------------------------------------------------------------------------------------------

namespace {

/// The length of the header, which lies in the file and below the limit.
std::uint64_t header_length(std::string_view start, std::uint64_t file_bytes, const std::string& where) {
  if (file_bytes < kLengthBytes || start.size() < kLengthBytes)
    throw Error(concat(where, ": found ", file_bytes, " bytes, wanted a safetensors file of at least ",
                       kLengthBytes));
  std::uint64_t length = 0;
  std::memcpy(&length, start.data(), kLengthBytes);
  if (length > kMostHeaderBytes || length > file_bytes - kLengthBytes)
    throw Error(concat(where, ": found a header of ", length, " bytes, wanted at most ",
                       std::min(kMostHeaderBytes, file_bytes - kLengthBytes)));
  return length;
}

/// A non-negative integer that Index can hold.
Index natural(const Json& value, const std::string& where, const char* what) {
  constexpr std::uint64_t kMost = std::numeric_limits<Index>::max();
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMost)
    throw Error(concat(where, ": found ", value.is_number() ? value.dump() : value.type_name(), " in ", what,
                       ", wanted an integer from 0 to ", kMost));
  return value.get<Index>();
}

DType dtype_of(const std::string& name, const std::string& where) {
  for (std::size_t i = 0; i < kDTypes.size(); ++i)
    if (kDTypes[i].name == name) return static_cast<DType>(i);
  throw Error(concat(where, ": found dtype ", json_string(name), ", wanted one of ",
                     listed(kDTypes, [](const auto& type) { return type.name; })));
}

/// dtype times shape in bytes; an overflow is refused even if a later extent is 0.
std::uint64_t bytes_of(const TensorEntry& tensor, const std::string& where) {
  std::uint64_t bytes = dtype_bytes(tensor.dtype);
  for (Index extent : tensor.shape)
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes))
      throw Error(concat(where, ": the size of its shape is above 2^64 bytes"));
  return bytes;
}

TensorEntry parse_entry(const std::string& name, const Json& json, const std::string& file) {
  const std::string where = concat(file, ": tensor ", json_string(name));
  TensorEntry tensor;
  tensor.name = name;
  tensor.dtype = dtype_of(require_string(json, "dtype", where), where);
  const Json& shape = require_array(json, "shape", where);
  if (shape.size() > kMostAxes)
    throw Error(concat(where, ": found ", shape.size(), " axes, wanted at most ", kMostAxes));
  for (const Json& extent : shape) tensor.shape.push_back(natural(extent, where, "shape"));
  const Json& offsets = require_array(json, "data_offsets", where);
  if (offsets.size() != 2)
    throw Error(concat(where, ": found ", offsets.size(), " numbers in data_offsets, wanted 2"));
  tensor.begin = static_cast<std::uint64_t>(natural(offsets[0], where, "data_offsets"));
  tensor.end = static_cast<std::uint64_t>(natural(offsets[1], where, "data_offsets"));
  const std::uint64_t wanted = bytes_of(tensor, where);
  if (tensor.end < tensor.begin || tensor.end - tensor.begin != wanted)
    throw Error(concat(where, ": found data_offsets ", tensor.begin, " to ", tensor.end, ", wanted ", wanted,
                       " bytes as dtype and shape have"));
  return tensor;
}

Metadata parse_metadata(const Json& json, const std::string& where) {
  const std::string metadata = concat(where, ": ", kMetadataKey);
  if (!json.is_object()) throw Error(concat(metadata, ": found ", json.type_name(), ", wanted an object"));
  Metadata all;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string())
      throw Error(
          concat(metadata, ": found ", value.type_name(), " at ", json_string(key), ", wanted a string"));
    all.emplace(key, value.get<std::string>());
  }
  return all;
}

/// Tensors in the order of their bytes must follow one another from 0 to `data_bytes`.
void check_layout(std::span<const TensorEntry> tensors, std::uint64_t data_bytes, const std::string& where) {
  std::uint64_t filled = 0;
  for (const TensorEntry& tensor : tensors) {
    if (tensor.begin != filled)
      throw Error(concat(where, ": tensor ", json_string(tensor.name), ": found data_offsets from ",
                         tensor.begin, ", wanted ", filled, ": ",
                         tensor.begin < filled ? "an overlap" : "a hole"));
    filled = tensor.end;
  }
  if (filled != data_bytes)
    throw Error(
        concat(where, ": found ", data_bytes, " bytes of data, wanted ", filled, " as the tensors have"));
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view start, std::uint64_t file_bytes,
                                           const std::string& where) {
  const std::uint64_t length = header_length(start, file_bytes, where);
  const std::string_view json_text = start.substr(kLengthBytes, length);
  if (json_text.size() != length || !json_text.starts_with('{'))
    throw Error(concat(where, ": found no JSON object of ", length, " bytes, wanted the header"));
  const Json json = parse_json(json_text, where + ": header");

  SafetensorsHeader header;
  header.data_begin = kLengthBytes + length;
  for (const auto& [name, value] : json.items()) {
    if (name == kMetadataKey)
      header.metadata = parse_metadata(value, where);
    else
      header.tensors.push_back(parse_entry(name, value, where));
  }
  std::stable_sort(header.tensors.begin(), header.tensors.end(), [](const auto& a, const auto& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);  // empty ones before their neighbour
  });
  check_layout(header.tensors, file_bytes - header.data_begin, where);
  return header;
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
  switch (dtype) {
    case DType::f64:
      return convert<double>(bytes, n, out, same);
    case DType::f32:
      return convert<float>(bytes, n, out, same);
    case DType::f16:
      return convert<std::uint16_t>(bytes, n, out, f16_to_float);
    case DType::bf16:
      return convert<std::uint16_t>(bytes, n, out, bf16_to_float);
    case DType::i64:
      return convert<std::int64_t>(bytes, n, out, same);
    case DType::i32:
      return convert<std::int32_t>(bytes, n, out, same);
    case DType::i16:
      return convert<std::int16_t>(bytes, n, out, same);
    case DType::i8:
      return convert<std::int8_t>(bytes, n, out, same);
    case DType::u8:
      return convert<std::uint8_t>(bytes, n, out, same);
    case DType::boolean:
      return convert<std::uint8_t>(bytes, n, out, [](auto x) { return x != 0 ? 1 : 0; });
  }
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
  std::string start(std::min<std::uint64_t>(kLegacyMagic.size(), file_bytes), '\0');
  read_bytes(start.data(), start.size(), 0, "the header");
  if (start == kLegacyMagic)
    throw Error(path_ + ": found the format that PyTorch had before version 1.6, wanted its zip archive",
                "torch.save(torch.load(FILE), FILE) with a later version writes one");
  if (start.starts_with(kZipMagic)) {
    const auto read = [this](void* out, std::size_t bytes, std::uint64_t offset) {
      read_bytes(out, bytes, offset, "the archive");
    };
    header_.tensors = read_pytorch_tensors(read, file_bytes, path_);
  } else {
    start.resize(kLengthBytes + header_length(start, file_bytes, path_));
    read_bytes(start.data(), start.size(), 0, "the header");
    header_ = parse_safetensors_header(start, file_bytes, path_);
  }
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
  const std::string what = concat("tensor ", json_string(tensor.name));
  if (out.size() != tensor.elements())
    throw Error(concat(path_, ": ", what, ": found ", tensor.elements(), " values, wanted ", out.size()));
  if (!tensor.stride.empty()) return read_strided(tensor, out);
  const std::uint64_t begin = header_.data_begin + tensor.begin;
  if (tensor.dtype == (std::is_same_v<T, float> ? DType::f32 : DType::f64))
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

template void TensorFile::read(const TensorEntry&, std::span<float>) const;
template void TensorFile::read(const TensorEntry&, std::span<double>) const;

// --- writing ---------------------------------------------------------------------------------------------

namespace {

std::size_t values_of(const TensorToWrite& tensor) {
  return std::visit([](const auto& values) { return values.size(); }, tensor.values);
}

/// The header with its length in front, padded with spaces to a multiple of eight bytes.
std::string header_bytes(std::span<const TensorToWrite* const> tensors, const Metadata& metadata) {
  JsonRow row;
  if (!metadata.empty()) {
    JsonRow pairs;
    for (const auto& [key, value] : metadata) pairs.field(key, value);
    row.raw(kMetadataKey, pairs.str());
  }
  std::int64_t begin = 0;
  for (const TensorToWrite* tensor : tensors) {
    const auto end = begin + static_cast<std::int64_t>(values_of(*tensor) * dtype_bytes(tensor->dtype));
    const std::array<std::int64_t, 2> offsets = {begin, end};
    row.raw(tensor->name, JsonRow()
                              .field("dtype", dtype_name(tensor->dtype))
                              .field("shape", std::span<const Index>(tensor->shape))
                              .field("data_offsets", offsets)
                              .str());
    begin = end;
  }
  std::string json = row.str();
  json.resize((json.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = json.size();
  return std::string(reinterpret_cast<const char*>(&length), kLengthBytes) + json;
}

/// Writes the values as Stored, a piece at a time.
template <class Stored, class T, class Convert>
void write_as(OutputFile& file, std::span<const T> values, const Convert& stored_of) {
  std::vector<Stored> piece;
  for (std::size_t i = 0; i < values.size(); i += kPiece) {
    piece.clear();
    for (T x : values.subspan(i, std::min(kPiece, values.size() - i)))
      piece.push_back(static_cast<Stored>(stored_of(x)));
    file.write(piece.data(), piece.size() * sizeof(Stored));
  }
}

void write_values(OutputFile& file, DType, std::span<const std::int64_t> values) {
  file.write(values.data(), values.size_bytes());
}

template <std::floating_point T>
void write_values(OutputFile& file, DType dtype, std::span<const T> values) {
  const auto same = [](T x) { return x; };
  if (dtype == DType::f64)
    write_as<double>(file, values, same);
  else if (dtype == DType::f32)
    write_as<float>(file, values, same);
  else if (dtype == DType::f16)
    write_as<std::uint16_t>(file, values, to_f16);
  else
    write_as<std::uint16_t>(file, values, to_bf16);
}

void check_types(const TensorToWrite& tensor, const std::string& path) {
  const bool integers = std::holds_alternative<std::span<const std::int64_t>>(tensor.values);
  const bool known = tensor.dtype <= DType::i64;  // the integer types that are not written come after it
  if (!known || integers != (tensor.dtype == DType::i64))
    throw Error(concat(path, ": tensor ", json_string(tensor.name), ": cannot write ",
                       integers ? "integers" : "floating-point numbers", " as ", dtype_name(tensor.dtype)));
}

}  // namespace

void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                       const Metadata& metadata) {
  std::vector<const TensorToWrite*> order;
  std::uint64_t data_bytes = 0;
  for (const TensorToWrite& tensor : tensors) {
    check_types(tensor, path);
    order.push_back(&tensor);
    data_bytes += values_of(tensor) * dtype_bytes(tensor.dtype);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return dtype_bytes(a->dtype) > dtype_bytes(b->dtype);
  });
  const std::string header = header_bytes(order, metadata);
  parse_safetensors_header(header, header.size() + data_bytes, path);  // the reader's rules are the writer's

  OutputFile file(path);
  file.write(header);
  for (const TensorToWrite* tensor : order)
    std::visit([&](const auto& values) { write_values(file, tensor->dtype, values); }, tensor->values);
  file.commit();
}

}  // namespace slalom
