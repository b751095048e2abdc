#include "slalom/base/json.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom {

namespace {

// --- reading ---------------------------------------------------------------------------------------------

/// Walks a text and tells how far the parser has read, which the parser itself says only in its own errors.
class TrackedText {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  TrackedText(const char* at, const char** reached) : at_(at), reached_(reached) {}
  reference operator*() const { return *at_; }
  TrackedText& operator++() {
    *reached_ = ++at_;
    return *this;
  }
  bool operator==(const TrackedText& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  const char** reached_;
};

std::string shortened(const std::string& message) {
  constexpr std::size_t kMost = 120;
  if (message.size() <= kMost) return message;
  std::size_t end = kMost;
  while ((message[end] & 0xC0) == 0x80) --end;  // not inside a UTF-8 character
  return message.substr(0, end) + "...";
}

/// Builds the tree from the parser's events. Fields are appended to their object without ordered_json's
/// search through all of them, which would make a vocabulary of 50,000 entries take seconds.
class TreeBuilder {
 public:
  TreeBuilder(std::string_view text, const std::string& where, const char* const& reached)
      : text_(text), where_(where), reached_(reached) {}
  Json& root() { return root_; }

  bool null() { return put(nullptr); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(Json::number_integer_t value) { return put(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return put(value); }
  bool number_float(Json::number_float_t value, const std::string&) { return put(value); }
  bool string(std::string& value) { return put(std::move(value)); }
  bool binary(Json::binary_t&) { return false; }  // only formats other than JSON have it
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name);
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) {
    const std::string_view what = error.what(), reason = what.substr(0, what.find("; last read"));
    const bool too_large = dynamic_cast<const Json::out_of_range*>(&error) != nullptr,
               ill_formed = reason.find("ill-formed UTF-8") != reason.npos;
    fail(position, concat("found ", found(position), ", wanted ",
                          too_large    ? "a number that a double can hold"
                          : ill_formed ? "UTF-8"
                                       : wanted()));
  }

 private:
  struct Level {
    Json* value;
    std::unordered_set<std::string> keys;
  };

  bool put(Json value) {
    add(std::move(value));
    return true;
  }
  bool open(Json empty);
  bool close() {
    understood_ = position();
    levels_.pop_back();
    return true;
  }
  Json& add(Json value);
  std::string found(std::size_t position) const;
  const char* wanted() const;
  [[noreturn]] void fail(std::size_t position, const std::string& reason) const {
    throw Error(concat(where_, ": byte ", position, ": ", reason));
  }
  std::size_t position() const { return static_cast<std::size_t>(reached_ - text_.data()); }

  std::string_view text_;
  const std::string& where_;
  const char* const& reached_;
  std::size_t understood_ = 0;  // bytes up to the end of the last key, value or bracket
  Json root_;
  std::vector<Level> levels_;
  std::optional<std::string> key_;  // whose value comes next
};

bool TreeBuilder::key(std::string& name) {
  if (!levels_.back().keys.insert(name).second)
    fail(position(), concat("found the key ", shortened(json_string(name)), " twice in one object"));
  key_ = std::move(name);
  understood_ = position();
  return true;
}

bool TreeBuilder::open(Json empty) {
  if (levels_.size() == kJsonDepth)
    fail(position(), concat("wanted at most ", kJsonDepth, " nested arrays and objects"));
  levels_.push_back({&add(std::move(empty)), {}});
  return true;
}

/// Puts `value` where the parser is. References to open levels stay good: only the innermost one grows.
Json& TreeBuilder::add(Json value) {
  understood_ = position();
  // where a number ends the parser knows only from the byte after it
  if (value.is_number() && std::isdigit(static_cast<unsigned char>(text_[understood_ - 1])) == 0)
    --understood_;
  if (levels_.empty()) return root_ = std::move(value);
  Json& parent = *levels_.back().value;
  if (parent.is_array()) return parent.get_ref<Json::array_t&>().emplace_back(std::move(value));
  auto& fields = static_cast<Json::object_t::Container&>(parent.get_ref<Json::object_t&>());
  return fields.emplace_back(*std::exchange(key_, std::nullopt), std::move(value)).second;
}

/// What follows all that was understood, up to the byte at fault, which is counted from 1.
std::string TreeBuilder::found(std::size_t position) const {
  constexpr std::size_t kMost = 40;
  const std::size_t begin = std::min(understood_, position - 1);
  std::string_view rest = text_.substr(begin, position - begin);
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
  const bool cut = rest.size() > kMost;
  if (cut) rest.remove_prefix(rest.size() - kMost);
  while (cut && !rest.empty() && (rest.front() & 0xC0) == 0x80)
    rest.remove_prefix(1);  // not inside a UTF-8 character
  if (rest.empty()) return "the end of the text";
  return concat(cut ? "..." : "", json_string(rest),
                position > text_.size() ? " and the end of the text" : "");
}

const char* TreeBuilder::wanted() const {
  if (understood_ == 0) return "a value";
  if (levels_.empty()) return "the end of the text";
  const Json& inner = *levels_.back().value;
  if (inner.is_array()) return inner.empty() ? "a value or ]" : "a comma and a value, or ]";
  if (key_) return "a colon and a value";
  return inner.empty() ? "a key or }" : "a comma and a key, or }";
}

// --- fields ----------------------------------------------------------------------------------------------

/// "three" (string); the content of arrays and objects is left out.
std::string described(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  if (value.is_null()) return "null";
  return concat(shortened(value.dump()), " (", value.type_name(), ")");
}

/// The field, or nullptr if it is missing.
const Json* find(const Json& object, std::string_view field, const std::string& where) {
  if (!object.is_object())
    throw Error(
        concat(where, ": found ", described(object), ", wanted an object with a field ", json_string(field)));
  const auto found = object.find(field);
  return found == object.end() ? nullptr : &*found;
}

[[noreturn]] void refuse(const Json* found, std::string_view field, const std::string& where,
                         const std::string& wanted) {
  const std::string is = found == nullptr ? "missing" : "found " + described(*found);
  throw Error(concat(where, ": field ", json_string(field), ": ", is, ", wanted ", wanted));
}

/// The field if it is as the predicate demands.
const Json& require(const Json& object, std::string_view field, const std::string& where,
                    bool (Json::*is)() const noexcept, const char* wanted) {
  const Json* value = find(object, field, where);
  if (value == nullptr || !(value->*is)()) refuse(value, field, where, wanted);
  return *value;
}

bool absent(const Json& object, std::string_view field, const std::string& where) {
  const Json* value = find(object, field, where);
  return value == nullptr || value->is_null();
}

}  // namespace

Json parse_json(std::string_view text, const std::string& where) {
  // nlohmann's lexer takes a zero byte for the end of the text and would ignore what follows
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos)
    throw Error(slalom::concat(where, ": byte ", zero + 1, ": found a zero byte, wanted UTF-8 text"));
  const char* const end = text.data() + text.size();
  const char* reached = text.data();
  TreeBuilder builder(text, where, reached);
  Json::sax_parse(TrackedText(text.data(), &reached), TrackedText(end, &reached), &builder);
  return std::move(builder.root());
}

Json read_json(const std::string& path) {
  return parse_json(read_file(path), path);
}

std::int64_t require_integer(const Json& object, std::string_view field, const std::string& where,
                             std::int64_t min, std::int64_t max) {
  const Json* value = find(object, field, where);
  const bool fits = value != nullptr && value->is_number_integer() &&
                    !(value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX);
  const std::int64_t number = fits ? value->get<std::int64_t>() : 0;
  if (!fits || number < min || number > max)
    refuse(value, field, where, concat("an integer from ", min, " to ", max));
  return number;
}

double require_number(const Json& object, std::string_view field, const std::string& where) {
  return require(object, field, where, &Json::is_number, "a number").get<double>();
}

bool require_boolean(const Json& object, std::string_view field, const std::string& where) {
  return require(object, field, where, &Json::is_boolean, "true or false").get<bool>();
}

std::string require_string(const Json& object, std::string_view field, const std::string& where) {
  return require(object, field, where, &Json::is_string, "a string").get<std::string>();
}

const Json& require_object(const Json& object, std::string_view field, const std::string& where) {
  return require(object, field, where, &Json::is_object, "an object");
}

const Json& require_array(const Json& object, std::string_view field, const std::string& where) {
  return require(object, field, where, &Json::is_array, "an array");
}

std::int64_t optional_integer(const Json& object, std::string_view field, const std::string& where,
                              std::int64_t fallback, std::int64_t min, std::int64_t max) {
  return absent(object, field, where) ? fallback : require_integer(object, field, where, min, max);
}

double optional_number(const Json& object, std::string_view field, const std::string& where,
                       double fallback) {
  return absent(object, field, where) ? fallback : require_number(object, field, where);
}

bool optional_boolean(const Json& object, std::string_view field, const std::string& where, bool fallback) {
  return absent(object, field, where) ? fallback : require_boolean(object, field, where);
}

std::string optional_string(const Json& object, std::string_view field, const std::string& where,
                            std::string_view fallback) {
  return absent(object, field, where) ? std::string(fallback) : require_string(object, field, where);
}

// --- writing ---------------------------------------------------------------------------------------------

namespace {

// What JSON allows as it is, but controls a terminal or changes the direction of what follows.
bool is_disguised(unsigned c) {
  return (c >= 0x7F && c <= 0x9F) || c == 0x61C || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

std::string json_string(std::string_view bytes) {
  const std::string json = Json(bytes).dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string out;
  for (std::size_t at = 0; at < json.size();) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(json[at + i]); };
    // Only these lead to such a character.
    const std::size_t length = byte(0) == 0xE2 ? 3 : byte(0) == 0xC2 || byte(0) == 0xD8 ? 2 : 1;
    const unsigned c = length == 1   ? byte(0) < 0x80 ? byte(0) : 0u
                       : length == 2 ? (byte(0) & 0x1Fu) << 6 | (byte(1) & 0x3Fu)
                                     : 0x2000u | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    if (is_disguised(c)) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", c);
      out += escape;
    } else {
      out.append(json, at, length);
    }
    at += length;
  }
  return out;
}

namespace {

template <class T>
std::string printed(T value, int digits) {
  if constexpr (std::integral<T>)
    return std::to_string(value);
  else if (!std::isfinite(value))
    return "null";
  else
    return significant(value, digits > 0 ? digits : std::same_as<T, float> ? kFloatDigits : kDoubleDigits);
}

/// Adds the values from `next` on, nested by `shape`, and moves `next` behind them.
template <class T>
void append_nested(std::string& line, const T*& next, std::span<const Index> shape, int digits) {
  if (shape.empty()) {
    line += printed(*next++, digits);
    return;
  }
  line += '[';
  for (Index i = 0; i < shape.front(); ++i) {
    if (i > 0) line += ',';
    append_nested(line, next, shape.subspan(1), digits);
  }
  line += ']';
}

}  // namespace

JsonRow& JsonRow::digits(int significant) {
  digits_ = significant;
  return *this;
}

JsonRow& JsonRow::raw(std::string_view name, std::string_view json) {
  if (line_.size() > 1) line_ += ',';
  line_ += json_string(name);
  line_ += ':';
  line_ += json;
  return *this;
}

JsonRow& JsonRow::raw_array(std::string_view name, std::span<const std::string> json) {
  std::string array = "[";
  for (const std::string& item : json) {
    if (array.size() > 1) array += ',';
    array += item;
  }
  return raw(name, array + ']');
}

JsonRow& JsonRow::field(std::string_view name, std::span<const std::string> values) {
  std::vector<std::string> quoted;
  for (const std::string& value : values) quoted.push_back(json_string(value));
  return raw_array(name, quoted);
}

JsonRow& JsonRow::field(std::string_view name, std::string_view value) {
  return raw(name, json_string(value));
}

JsonRow& JsonRow::field(std::string_view name, double value) {
  return raw(name, printed(value, digits_));
}

JsonRow& JsonRow::field(std::string_view name, float value) {
  return raw(name, printed(value, digits_));
}

template <class T>
JsonRow& JsonRow::field(std::string_view name, std::span<const T> values, std::span<const Index> shape) {
  const Index size = std::accumulate(shape.begin(), shape.end(), Index{1}, std::multiplies<>());
  if (shape.size() > 4 || size != std::ssize(values))
    throw Error(concat("[json] field ", json_string(name), ": found ", values.size(), " values and ",
                       shape.size(), " axes, wanted ", size, " values in at most 4 axes"));
  raw(name, "");
  const T* next = values.data();
  append_nested(line_, next, shape, digits_);
  return *this;
}

template JsonRow& JsonRow::field(std::string_view, std::span<const double>, std::span<const Index>);
template JsonRow& JsonRow::field(std::string_view, std::span<const float>, std::span<const Index>);
template JsonRow& JsonRow::field(std::string_view, std::span<const std::int32_t>, std::span<const Index>);
template JsonRow& JsonRow::field(std::string_view, std::span<const std::int64_t>, std::span<const Index>);

}  // namespace slalom
