// The safetensors format (https://github.com/huggingface/safetensors): eight bytes with the length of the
// header, little-endian; a JSON object with name, dtype, shape and place of each tensor; the bytes of the
// tensors, row-major, without gaps. Files are not trusted: everything is checked before it is used.
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "slalom/model_io/tensor_file.hpp"

namespace slalom {

/// The tensors in the order of their bytes. Throws Error("WHERE: …") unless header and size describe a file
/// in which the tensors fill the data exactly: known dtypes, at most 8 axes, sizes equal to dtype times
/// shape, no name twice, no overlap, no hole, nothing behind the last tensor.
TensorHeader read_safetensors_header(const ReadBytes& read, std::uint64_t file_bytes,
                                     const std::string& where);

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
