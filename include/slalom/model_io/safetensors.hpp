// The safetensors format (https://github.com/huggingface/safetensors): eight bytes with the length of the
// header, little-endian; a JSON object with name, dtype, shape and place of each tensor; the bytes of the
// tensors, row-major, without gaps. Files are not trusted: everything is checked before it is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "slalom/base/files.hpp"
#include "slalom/base/index.hpp"

namespace slalom {

enum class DType { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

/// "F64", …, "BOOL": the names that files use.
std::string_view dtype_name(DType dtype);
std::size_t dtype_bytes(DType dtype);
bool is_floating(DType dtype);

/// The numbers of the two 16-bit formats; every one of them is a float, NaN and subnormals included.
float f16_to_float(std::uint16_t bits);
float bf16_to_float(std::uint16_t bits);
/// The nearest number of the format, ties to even, without an intermediate rounding to float. Beyond the
/// largest number they give infinity; NaN stays NaN.
std::uint16_t to_f16(double x);
std::uint16_t to_bf16(double x);

using Metadata = std::map<std::string, std::string>;

struct TensorEntry {
  std::string name;
  DType dtype = DType::f32;
  std::vector<Index> shape;          // at most 8 extents
  std::uint64_t begin = 0, end = 0;  // bytes that hold it, from the beginning of the data
  std::vector<Index> stride{};       // elements from one to the next along each axis; empty: row-major

  std::size_t elements() const;
};

struct SafetensorsHeader {
  std::vector<TensorEntry> tensors;  // in the order of their bytes
  Metadata metadata;
  std::uint64_t data_begin = 0;  // bytes, from the beginning of the file
};

/// `start` is the file up to the end of its header at least, `file_bytes` its size. Throws Error("WHERE: …")
/// unless header and size describe a file in which the tensors fill the data exactly: known dtypes, at most 8
/// axes, sizes equal to dtype times shape, no name twice, no overlap, no hole, nothing behind the last
/// tensor.
SafetensorsHeader parse_safetensors_header(std::string_view start, std::uint64_t file_bytes,
                                           const std::string& where);

/// An open file, safetensors or pytorch_model.bin; tensors are read one by one, converted on the way.
class TensorFile {
 public:
  /// Reads the header. Throws Error as parse_safetensors_header and read_pytorch_tensors do, and if the file
  /// cannot be read.
  explicit TensorFile(std::string path);

  const std::string& path() const { return path_; }
  const SafetensorsHeader& header() const { return header_; }
  /// nullptr if there is none of this name.
  const TensorEntry* find(std::string_view name) const;

  /// The tensor's values, row-major, as float or double: exact where T can hold them, else the nearest T;
  /// booleans are 0 and 1. Throws Error naming file and tensor if `out` has another size or a read fails.
  template <class T>
  void read(const TensorEntry& tensor, std::span<T> out) const;

 private:
  void read_bytes(void* out, std::size_t bytes, std::uint64_t offset, std::string_view what) const;
  template <class T>
  void read_strided(const TensorEntry& tensor, std::span<T> out) const;

  std::string path_;
  FileDescriptor file_;
  SafetensorsHeader header_;
  std::unordered_map<std::string_view, std::size_t> index_;  // views of the names in header_
};

struct TensorToWrite {
  std::string name;
  DType dtype = DType::f32;  // f64, f32, f16 and bf16 from float or double; i64 from int64
  std::vector<Index> shape;
  std::variant<std::span<const float>, std::span<const double>, std::span<const std::int64_t>> values;
};

/// Writes a file that appears complete or not at all, converting piece by piece; 16-bit formats are rounded
/// as by to_f16 and to_bf16. Tensors of wider elements come first, which aligns all of them, else they keep
/// their order. Hugging Face wants the metadata {"format": "pt"}. Throws Error naming file and tensor if
/// sizes or types do not fit or a name is given twice, and if the system refuses the bytes.
void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                       const Metadata& metadata);

}  // namespace slalom
