// JSON in: a strict parser and typed access to fields, with errors that say what was found and wanted.
// JSON out: one line at a time, without a tree.
#pragma once

#include <concepts>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "slalom/base/index.hpp"

namespace slalom {

/// Objects keep the order of their fields. Users of its members include <nlohmann/json.hpp>.
using Json = nlohmann::ordered_json;

inline constexpr int kJsonDepth = 64;

/// The value of `text`, which must be UTF-8 and RFC 8259. Throws Error("WHERE: byte N: …") for anything else,
/// for an object with a key twice, for numbers beyond double and for nesting deeper than kJsonDepth.
/// Time and memory are linear in the text.
Json parse_json(std::string_view text, const std::string& where);
/// That of a file, which errors name. Throws as read_file() does, too.
Json read_json(const std::string& path);

/// Typed access to a field of `object`. Throw Error('WHERE: field "F": found "three" (string), wanted …') if
/// it is missing or of another type, or if `object` is no object. A number written with a point is no
/// integer.
std::int64_t require_integer(const Json& object, std::string_view field, const std::string& where,
                             std::int64_t min, std::int64_t max);
double require_number(const Json& object, std::string_view field, const std::string& where);
bool require_boolean(const Json& object, std::string_view field, const std::string& where);
std::string require_string(const Json& object, std::string_view field, const std::string& where);
const Json& require_object(const Json& object, std::string_view field, const std::string& where);
const Json& require_array(const Json& object, std::string_view field, const std::string& where);

/// The same, and `fallback` if the field is missing or null.
std::int64_t optional_integer(const Json& object, std::string_view field, const std::string& where,
                              std::int64_t fallback, std::int64_t min, std::int64_t max);
double optional_number(const Json& object, std::string_view field, const std::string& where, double fallback);
bool optional_boolean(const Json& object, std::string_view field, const std::string& where, bool fallback);
std::string optional_string(const Json& object, std::string_view field, const std::string& where,
                            std::string_view fallback);

/// `bytes` as a JSON string, quotes included; what is not UTF-8 becomes U+FFFD, and all characters that
/// control a terminal or the direction of text are escaped.
std::string json_string(std::string_view bytes);

/// One object on one line, written field by field: JsonRow().field("id", 3).field("ok", true).str() is
/// {"id":3,"ok":true}. NaN and infinities become null, which is all that JSON has for them.
class JsonRow {
 public:
  /// Significant digits of floating-point numbers from here on; without it 17 for double and 9 for float.
  JsonRow& digits(int significant);

  JsonRow& field(std::string_view name, std::string_view value);
  JsonRow& field(std::string_view name, double value);
  JsonRow& field(std::string_view name, float value);
  template <std::integral Integer>
  JsonRow& field(std::string_view name, Integer value) {
    if constexpr (std::same_as<Integer, bool>)
      return raw(name, value ? "true" : "false");
    else
      return raw(name, std::to_string(value));
  }
  /// An array.
  JsonRow& field(std::string_view name, std::span<const double> values) { return array(name, values); }
  JsonRow& field(std::string_view name, std::span<const float> values) { return array(name, values); }
  JsonRow& field(std::string_view name, std::span<const std::int32_t> values) { return array(name, values); }
  JsonRow& field(std::string_view name, std::span<const std::int64_t> values) { return array(name, values); }
  JsonRow& field(std::string_view name, std::span<const std::string> values);
  /// Row-major values, double or float, as arrays nested by `shape` (rank 0 to 4; rank 0 is the number
  /// itself). Throws Error if the shape does not hold as many values.
  template <class T>
  JsonRow& field(std::string_view name, std::span<const T> values, std::span<const Index> shape);
  /// `json` as it is: the caller vouches for it.
  JsonRow& raw(std::string_view name, std::string_view json);
  /// An array of such.
  JsonRow& raw_array(std::string_view name, std::span<const std::string> json);

  /// The line, without its end.
  std::string str() const { return line_ + '}'; }

 private:
  template <class T>
  JsonRow& array(std::string_view name, std::span<const T> values) {
    const Index extent = std::ssize(values);
    return field(name, values, std::span(&extent, 1));
  }

  std::string line_ = "{";
  int digits_ = 0;  // 0: what the type needs
};

}  // namespace slalom
