#include "slalom/model_io/safetensors.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

namespace fs = std::filesystem;

/// A file below the system's temporary folder that is gone at the end.
struct TemporaryFile {
  std::string path = (fs::temp_directory_path() / concat("slalom-", getpid(), ".safetensors")).string();
  ~TemporaryFile() { fs::remove(path); }
};

template <class T>
std::vector<T> read_all(const TensorFile& file, std::string_view name) {
  const TensorEntry* tensor = file.find(name);
  REQUIRE(tensor != nullptr);
  std::vector<T> values(tensor->elements());
  file.read(*tensor, std::span(values));
  return values;
}

/// A file of one tensor with the given bytes.
void put_tensor(const std::string& path, const std::string& dtype, std::size_t extent,
                const std::string& bytes) {
  const std::string json = concat("{\"x\":{\"dtype\":\"", dtype, "\",\"shape\":[", extent,
                                  "],\"data_offsets\":[0,", bytes.size(), "]}}");
  const std::uint64_t length = json.size();
  std::string start(sizeof length, '\0');
  std::memcpy(start.data(), &length, sizeof length);
  std::ofstream(path, std::ios::binary) << start << json << bytes;
}

/// Writes `values` as one tensor of the dtype and reads them back as T.
template <class T, class U>
std::vector<T> round_trip(DType dtype, const std::vector<U>& values) {
  const TemporaryFile file;
  const TensorToWrite tensor{"x", dtype, {std::ssize(values)}, std::span<const U>(values)};
  write_safetensors(file.path, {&tensor, 1}, {});
  return read_all<T>(TensorFile(file.path), "x");
}

}  // namespace

TEST_CASE("F16: known numbers in both directions") {
  struct Known {
    std::uint16_t bits;
    float value;
  };
  // Largest: (2 − 2^-10)·2^15 = 65504. Smallest normal: 2^-14. Subnormals: mantissa·2^-24.
  for (const auto& [bits, value] :
       {Known{0x3C00, 1}, Known{0xC000, -2}, Known{0x0001, 0x1p-24F}, Known{0x03FF, 1023 * 0x1p-24F},
        Known{0x0400, 0x1p-14F}, Known{0x7BFF, 65504}, Known{0x7C00, INFINITY}, Known{0xFC00, -INFINITY},
        Known{0x0000, 0}, Known{0x3555, 0.333251953125F}}) {
    CHECK(f16_to_float(bits) == value);
    CHECK(to_f16(value) == bits);
  }
  CHECK(std::signbit(f16_to_float(0x8000)));
  CHECK(to_f16(-0.0) == 0x8000);
}

TEST_CASE("BF16: known numbers in both directions") {
  CHECK(bf16_to_float(0x3F80) == 1);
  CHECK(bf16_to_float(0x0001) == 0x1p-133F);  // 2^-126 · 2^-7
  CHECK(to_bf16(1) == 0x3F80);
  CHECK(to_bf16(0x1p-133) == 0x0001);
  CHECK(to_bf16(-0.0) == 0x8000);
  CHECK(to_bf16(3.0e38) == 0x7F62);  // 3e38 / 2^127 = 1.7633 = 1 + 97.7/128, 0x62 = 98
}

TEST_CASE("16-bit formats: every number is kept, between two the nearest is taken, ties go to even") {
  const auto walk = [](auto to_float, auto to_bits, std::uint16_t infinity) {
    int wrong = 0;
    for (std::uint16_t h = 0; h + 1 < infinity; ++h) {
      const auto next = static_cast<std::uint16_t>(h + 1);
      const double low = to_float(h), high = to_float(next), middle = (low + high) / 2;  // exact in double
      wrong += to_bits(low) != h;
      wrong += to_bits(-low) != (h | 0x8000);
      wrong += to_bits(middle) != (h % 2 == 0 ? h : next);
      wrong += to_bits(std::nextafter(middle, 0)) != h;
      wrong += to_bits(std::nextafter(middle, INFINITY)) != next;
    }
    CHECK(wrong == 0);
  };
  walk(f16_to_float, to_f16, 0x7C00);
  walk(bf16_to_float, to_bf16, 0x7F80);
}

TEST_CASE("16-bit formats: overflow, underflow, NaN") {
  CHECK(to_f16(65519.99) == 0x7BFF);  // 65520 is the middle of 65504 and 2^16
  CHECK(to_f16(65520) == 0x7C00);
  CHECK(to_f16(-1e300) == 0xFC00);
  CHECK(to_f16(0x1p-25) == 0x0000);  // the middle of 0 and 2^-24
  CHECK(to_f16(5e-324) == 0x0000);
  CHECK(to_bf16(std::numeric_limits<double>::max()) == 0x7F80);
  CHECK(to_bf16(-std::numeric_limits<double>::infinity()) == 0xFF80);
  CHECK(std::isnan(f16_to_float(to_f16(std::nan("")))));
  CHECK(std::isnan(bf16_to_float(to_bf16(std::nan("")))));
  CHECK(std::isnan(f16_to_float(0x7C01)));
  // 1 + 2^-11 + 2^-40 is above the middle of 1 and 1 + 2^-10; as a float it would be the middle and go to 1
  CHECK(to_f16(1 + 0x1p-11 + 0x1p-40) == 0x3C01);
}

TEST_CASE("write and read back: each dtype from and to float and double") {
  const std::vector<double> exact = {0, 1, -2.5, 0x1p-14, INFINITY, -96};  // in all four formats
  const std::vector<float> exact_float(exact.begin(), exact.end());
  for (DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16}) {
    CAPTURE(dtype_name(dtype));
    CHECK(round_trip<double>(dtype, exact) == exact);
    CHECK(round_trip<double>(dtype, exact_float) == exact);
    CHECK(round_trip<float>(dtype, exact) == exact_float);
    CHECK(round_trip<float>(dtype, exact_float) == exact_float);
    CHECK(std::isnan(round_trip<float>(dtype, std::vector<double>{std::nan("")})[0]));
  }
  const std::vector<std::int64_t> integers = {0, -7, 1 << 30};
  CHECK(round_trip<double>(DType::i64, integers) == std::vector<double>{0, -7, 1073741824});

  const std::vector<double> third = {1.0 / 3};
  CHECK(round_trip<double>(DType::f64, third) == third);
  CHECK(round_trip<double>(DType::f32, third)[0] == static_cast<double>(1.0F / 3));
  CHECK(round_trip<float>(DType::f64, third)[0] == 1.0F / 3);
  CHECK(round_trip<double>(DType::f16, third)[0] == 1365 * 0x1p-12);  // 1/3 · 2^12 = 1365.33
  CHECK(round_trip<double>(DType::bf16, third)[0] == 171 * 0x1p-9);   // 1/3 · 2^9 = 170.67
}

TEST_CASE("write and read back: tensors longer than one piece, and empty ones") {
  std::vector<float> values(200001);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 2048);  // exact in F16
  CHECK(round_trip<float>(DType::f16, values) == values);
  CHECK(round_trip<float>(DType::f64, values) == values);
  CHECK(round_trip<float>(DType::f32, std::vector<float>{}).empty());
}

TEST_CASE("read: integers of 64 bits, and no others") {
  const TemporaryFile file;
  put_tensor(file.path, "I64", 1, std::string("\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8));
  CHECK(read_all<double>(TensorFile(file.path), "x") == std::vector<double>{-2});
  put_tensor(file.path, "I32", 1, std::string(4, '\0'));
  CHECK_THROWS_WITH_AS(
      read_all<double>(TensorFile(file.path), "x"),
      (file.path + ": tensor \"x\": found I32, wanted floating-point numbers or I64").c_str(), Error);
}

TEST_CASE("write: layout that other readers accept") {
  const TemporaryFile file;
  const std::vector<float> a = {1, 2, 3};
  const std::vector<double> b = {4};
  const std::vector<TensorToWrite> tensors = {{"half", DType::f16, {3}, std::span<const float>(a)},
                                              {"wide", DType::f64, {1, 1}, std::span<const double>(b)}};
  write_safetensors(file.path, tensors, {{"format", "pt"}});
  const TensorFile read(file.path);
  CHECK(read.header().metadata == Metadata{{"format", "pt"}});
  CHECK(read.header().data_begin % 8 == 0);
  REQUIRE(read.header().tensors.size() == 2);
  const TensorEntry &first = read.header().tensors[0], &second = read.header().tensors[1];
  CHECK(first.name == "wide");  // 8-byte elements first: every tensor is aligned
  CHECK(first.shape == std::vector<Index>{1, 1});
  CHECK((first.begin == 0 && first.end == 8));
  CHECK(second.dtype == DType::f16);
  CHECK((second.begin == 8 && second.end == 14));
  CHECK(read.find("none") == nullptr);
}

TEST_CASE("write: what does not fit is refused, and the target stays") {
  const TemporaryFile file;
  const std::vector<float> values = {1, 2};
  const std::vector<std::int64_t> integers = {1, 2};
  const TensorToWrite good{"x", DType::f32, {2}, std::span<const float>(values)};
  write_safetensors(file.path, {&good, 1}, {});
  const auto error = [&](const std::vector<TensorToWrite>& tensors) -> std::string {
    try {
      write_safetensors(file.path, tensors, {});
    } catch (const Error& e) {
      const std::string message = e.what();
      CHECK(message.starts_with(file.path + ": "));
      return message.substr(file.path.size() + 2);
    }
    return {};
  };
  CHECK(error({{"x", DType::f32, {3}, std::span<const float>(values)}}) ==
        "tensor \"x\": found data_offsets 0 to 8, wanted 12 bytes as dtype and shape have");
  CHECK(error({{"x", DType::i64, {2}, std::span<const float>(values)}}) ==
        "tensor \"x\": cannot write floating-point numbers as I64");
  CHECK(error({{"x", DType::f32, {2}, std::span<const std::int64_t>(integers)}}) ==
        "tensor \"x\": cannot write integers as F32");
  CHECK(error({{"x", DType::i32, {2}, std::span<const std::int64_t>(integers)}}) ==
        "tensor \"x\": cannot write integers as I32");
  CHECK(error({good, good}).ends_with("found the key \"x\" twice in one object"));
  CHECK(read_all<float>(TensorFile(file.path), "x") == values);

  CHECK_THROWS_WITH_AS(write_safetensors("/dev/full", {&good, 1}, {}),
                       "/dev/full: cannot write: No space left on device", Error);
}

TEST_CASE("read: errors name the file and the tensor") {
  const TemporaryFile file;
  put_tensor(file.path, "F32", 2, std::string(8, 'x'));
  const TensorFile opened(file.path);
  std::vector<float> three(3), two(2);
  CHECK_THROWS_WITH_AS(opened.read(*opened.find("x"), std::span(three)),
                       (file.path + ": tensor \"x\": found 2 values, wanted 3").c_str(), Error);
  fs::resize_file(file.path, fs::file_size(file.path) - 1);
  CHECK_THROWS_WITH_AS(opened.read(*opened.find("x"), std::span(two)),
                       (file.path + ": cannot read tensor \"x\": the file became shorter").c_str(), Error);
  CHECK_THROWS_WITH_AS(TensorFile("none.safetensors"),
                       "none.safetensors: cannot open: No such file or directory", Error);
  CHECK_THROWS_AS(TensorFile(fs::temp_directory_path().string()), Error);
}

TEST_CASE("an open file can be moved") {
  const TemporaryFile file;
  put_tensor(file.path, "BF16", 1, std::string("\x80\x3F", 2));
  TensorFile opened(file.path);
  const TensorFile moved = std::move(opened);
  CHECK(read_all<float>(moved, "x") == std::vector<float>{1});
}

TEST_CASE("read_safetensors_header: messages say what was found and wanted") {
  const auto error = [](const std::string& json, std::size_t data) -> std::string {
    const std::uint64_t length = json.size();
    std::string file(sizeof length, '\0');
    std::memcpy(file.data(), &length, sizeof length);
    file += json;
    const auto read = [&](void* out, std::size_t bytes, std::uint64_t offset) {
      REQUIRE(file.copy(static_cast<char*>(out), bytes, offset) == bytes);
    };
    try {
      read_safetensors_header(read, file.size() + data, "m");
    } catch (const Error& e) {
      return e.what();
    }
    return {};
  };
  CHECK(error(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8).empty());
  CHECK(
      error(R"({"a":{"dtype":"F8","shape":[2],"data_offsets":[0,8]}})", 8) ==
      "m: tensor \"a\": found dtype \"F8\", wanted one of F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL");
  CHECK(error(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8) ==
        "m: tensor \"a\": found -2 in shape, wanted an integer from 0 to 9223372036854775807");
  CHECK(error(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12) ==
        "m: tensor \"a\": found data_offsets from 4, wanted 0: a hole");
  CHECK(error(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 9) ==
        "m: found 9 bytes of data, wanted 8 as the tensors have");
  CHECK_THROWS_WITH_AS(read_safetensors_header({}, 7, "m"),
                       "m: found 7 bytes, wanted a safetensors file of at least 8", Error);
}

TEST_CASE("corpus: every bad file is an error that names it") {
  int bad = 0;
  for (const auto& entry : fs::directory_iterator("tests/corpus/safetensors")) {
    const std::string path = entry.path().string();
    CAPTURE(path);
    if (entry.path().filename().string().starts_with("good")) {
      CHECK_NOTHROW(TensorFile{path});
      continue;
    }
    ++bad;
    try {
      const TensorFile file(path);
      FAIL_CHECK("not refused");
    } catch (const Error& error) {
      const std::string message = error.what();
      CHECK(message.starts_with(path + ": "));
      CHECK(message.size() > path.size() + 2);
    }
  }
  CHECK(bad >= 70);
}

TEST_CASE("corpus: the good file's numbers") {
  const TensorFile file("tests/corpus/safetensors/good-two-tensors.safetensors");
  CHECK(read_all<float>(file, "a") == std::vector<float>{1, -2.5});
  CHECK(read_all<double>(file, "b.weight") == std::vector<double>{1, 0x1p-24, INFINITY, -2});
}

}  // namespace slalom
