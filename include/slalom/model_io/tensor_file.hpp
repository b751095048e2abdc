// A file of tensors, safetensors or pytorch_model.bin, and the types of numbers that such files hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "slalom/autograd/tensor.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/index.hpp"

namespace slalom {

enum class DType { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

/// "F64", …, "BOOL": the names that files use.
std::string_view dtype_name(DType dtype);
std::size_t dtype_bytes(DType dtype);
bool is_floating(DType dtype);
inline constexpr int kDTypes = 10;

/// The numbers of the two 16-bit formats; every one of them is a float, NaN and subnormals included.
float f16_to_float(std::uint16_t bits);
float bf16_to_float(std::uint16_t bits);
/// The nearest number of the format, ties to even, without an intermediate rounding to float. Beyond the
/// largest number they give infinity; NaN stays NaN.
std::uint16_t to_f16(double x);
std::uint16_t to_bf16(double x);

/// Of a shape as files list it.
std::vector<Index> extents(const Shape& shape);

struct TensorEntry {
  std::string name;
  DType dtype = DType::f32;
  std::vector<Index> shape;          // at most 8 extents
  std::uint64_t begin = 0, end = 0;  // bytes that hold it, from the beginning of the data
  std::vector<Index> stride{};       // elements from one to the next along each axis; empty: row-major

  std::size_t elements() const;
};

using Metadata = std::map<std::string, std::string>;

struct TensorHeader {
  std::vector<TensorEntry> tensors;
  Metadata metadata{};
  std::uint64_t data_begin = 0;  // bytes, from the beginning of the file
};

/// Reads bytes [offset, offset + bytes) of a file, which has them.
using ReadBytes = std::function<void(void* out, std::size_t bytes, std::uint64_t offset)>;

/// An open file; tensors are read one by one, converted on the way.
class TensorFile {
 public:
  /// Reads the header. Throws Error as read_safetensors_header and read_pytorch_header do, and if the file
  /// cannot be read.
  explicit TensorFile(std::string path);

  const std::string& path() const { return path_; }
  const TensorHeader& header() const { return header_; }
  /// nullptr if there is none of this name.
  const TensorEntry* find(std::string_view name) const;

  /// The values of a tensor of floating-point numbers or I64, row-major, as float or double: exact where T
  /// can hold them, else the nearest T. Throws Error naming file and tensor for other types, if `out` has
  /// another size, or if a read fails.
  template <class T>
  void read(const TensorEntry& tensor, std::span<T> out) const;
  /// The same of a parameter. Throws Error also for I64, for another shape, and for NaN and Inf.
  template <class T>
  void read_parameter(const TensorEntry& tensor, const Shape& shape, std::span<T> out) const;

 private:
  void read_bytes(void* out, std::size_t bytes, std::uint64_t offset, std::string_view what) const;
  template <class T>
  void read_strided(const TensorEntry& tensor, std::span<T> out) const;

  std::string path_;
  FileDescriptor file_;
  TensorHeader header_;
  std::unordered_map<std::string_view, std::size_t> index_;  // views of the names in header_
};

}  // namespace slalom
