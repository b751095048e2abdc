#include "slalom/model_io/safetensors.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"

namespace slalom {

namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMostHeaderBytes = 100'000'000;  // as in the reference implementation
constexpr std::size_t kMostAxes = 8;
constexpr const char* kMetadataKey = "__metadata__";

// --- header ----------------------------------------------------------------------------------------------

/// A non-negative integer that Index can hold.
Index natural(const Json& value, const std::string& where, const char* what) {
  constexpr std::uint64_t kMost = std::numeric_limits<Index>::max();
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMost)
    throw Error(concat(where, ": found ", value.is_number() ? value.dump() : value.type_name(), " in ", what,
                       ", wanted an integer from 0 to ", kMost));
  return value.get<Index>();
}

DType dtype_of(const std::string& name, const std::string& where) {
  std::vector<std::string_view> names;
  for (int i = 0; i < kDTypes; ++i) {
    names.push_back(dtype_name(static_cast<DType>(i)));
    if (names.back() == name) return static_cast<DType>(i);
  }
  throw Error(concat(where, ": found dtype ", json_string(name), ", wanted one of ", listed(names)));
}

TensorEntry parse_entry(const std::string& name, const Json& json, const std::string& file) {
  const std::string where = concat(file, ": tensor ", json_string(name));
  TensorEntry tensor;
  tensor.name = name;
  tensor.dtype = dtype_of(require_string(json, "dtype", where), where);
  const Json& shape = require_array(json, "shape", where);
  if (shape.size() > kMostAxes)
    throw Error(concat(where, ": found ", shape.size(), " axes, wanted at most ", kMostAxes));
  std::uint64_t bytes = dtype_bytes(tensor.dtype);
  for (const Json& extent : shape) {
    tensor.shape.push_back(natural(extent, where, "shape"));
    // An overflow is refused even if a later extent is 0.
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(tensor.shape.back()), &bytes))
      throw Error(concat(where, ": the size of its shape is above 2^64 bytes"));
  }
  const Json& offsets = require_array(json, "data_offsets", where);
  if (offsets.size() != 2)
    throw Error(concat(where, ": found ", offsets.size(), " numbers in data_offsets, wanted 2"));
  tensor.begin = static_cast<std::uint64_t>(natural(offsets[0], where, "data_offsets"));
  tensor.end = static_cast<std::uint64_t>(natural(offsets[1], where, "data_offsets"));
  if (tensor.end < tensor.begin || tensor.end - tensor.begin != bytes)
    throw Error(concat(where, ": found data_offsets ", tensor.begin, " to ", tensor.end, ", wanted ", bytes,
                       " bytes as dtype and shape have"));
  return tensor;
}

Metadata parse_metadata(const Json& header, const std::string& where) {
  Metadata all;
  for (const auto& [key, value] : require_object(header, kMetadataKey, where).items()) {
    if (!value.is_string())
      throw Error(concat(where, ": ", kMetadataKey, ": found ", value.type_name(), " at ", json_string(key),
                         ", wanted a string"));
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

TensorHeader parse_header(std::string_view json_text, std::uint64_t data_bytes, const std::string& where) {
  if (!json_text.starts_with('{'))
    throw Error(concat(where, ": found no JSON object of ", json_text.size(), " bytes, wanted the header"));
  const Json json = parse_json(json_text, where + ": header");
  TensorHeader header{.tensors = {}, .data_begin = kLengthBytes + json_text.size()};
  for (const auto& [name, value] : json.items()) {
    if (name == kMetadataKey)
      header.metadata = parse_metadata(json, where);
    else
      header.tensors.push_back(parse_entry(name, value, where));
  }
  std::ranges::stable_sort(header.tensors, {}, [](const TensorEntry& t) {
    return std::pair(t.begin, t.end);  // empty ones before their neighbour
  });
  check_layout(header.tensors, data_bytes, where);
  return header;
}

}  // namespace

TensorHeader read_safetensors_header(const ReadBytes& read, std::uint64_t file_bytes,
                                     const std::string& where) {
  if (file_bytes < kLengthBytes)
    throw Error(concat(where, ": found ", file_bytes, " bytes, wanted a safetensors file of at least ",
                       kLengthBytes));
  std::uint64_t length = 0;
  read(&length, kLengthBytes, 0);
  const std::uint64_t most = std::min(kMostHeaderBytes, file_bytes - kLengthBytes);
  if (length > most)
    throw Error(concat(where, ": found a header of ", length, " bytes, wanted at most ", most));
  std::string json(length, '\0');
  read(json.data(), json.size(), kLengthBytes);
  return parse_header(json, file_bytes - kLengthBytes - length, where);
}

// --- writing ---------------------------------------------------------------------------------------------

namespace {

std::size_t bytes_of(const TensorToWrite& tensor) {
  return std::visit([](const auto& values) { return values.size(); }, tensor.values) *
         dtype_bytes(tensor.dtype);
}

/// Padded with spaces to a multiple of eight bytes.
std::string header_json(std::span<const TensorToWrite* const> tensors, const Metadata& metadata) {
  JsonRow row;
  if (!metadata.empty()) {
    JsonRow pairs;
    for (const auto& [key, value] : metadata) pairs.field(key, value);
    row.raw(kMetadataKey, pairs.str());
  }
  std::int64_t begin = 0;
  for (const TensorToWrite* tensor : tensors) {
    const std::array<std::int64_t, 2> offsets = {begin, begin + static_cast<std::int64_t>(bytes_of(*tensor))};
    row.raw(tensor->name, JsonRow()
                              .field("dtype", dtype_name(tensor->dtype))
                              .field("shape", std::span<const Index>(tensor->shape))
                              .field("data_offsets", offsets)
                              .str());
    begin = offsets[1];
  }
  std::string json = row.str();
  json.resize((json.size() + 7) / 8 * 8, ' ');
  return json;
}

/// Writes the values as Stored, a piece at a time.
template <class Stored, class T, class Convert>
void write_as(OutputFile& file, std::span<const T> values, const Convert& stored_of) {
  constexpr std::size_t kPiece = 1 << 16;
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
  if (dtype == DType::f64) write_as<double>(file, values, same);
  if (dtype == DType::f32) write_as<float>(file, values, same);
  if (dtype == DType::f16) write_as<std::uint16_t>(file, values, to_f16);
  if (dtype == DType::bf16) write_as<std::uint16_t>(file, values, to_bf16);
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
    data_bytes += bytes_of(tensor);
  }
  std::ranges::stable_sort(order, std::greater<>(),
                           [](const TensorToWrite* t) { return dtype_bytes(t->dtype); });
  const std::string json = header_json(order, metadata);
  parse_header(json, data_bytes, path);  // the reader's rules are the writer's

  OutputFile file(path);
  const std::uint64_t length = json.size();
  file.write(&length, kLengthBytes);
  file.write(json);
  for (const TensorToWrite* tensor : order)
    std::visit([&](const auto& values) { write_values(file, tensor->dtype, values); }, tensor->values);
  file.commit();
}

}  // namespace slalom
