#include "slalom/base/json.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "../support/error_of.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"

namespace slalom {

namespace {

Json parse(const std::string& text) {
  return parse_json(text, "x.json");
}

}  // namespace

TEST_CASE("parse_json: values, and fields in their order") {
  const Json json =
      parse(R"( {"z": [1, -2, 2.5, 1e-3], "a": {"t": true, "n": null}, "s": "\u00e9\ud83d\ude00"} )");
  CHECK(json.dump() == "{\"z\":[1,-2,2.5,0.001],\"a\":{\"t\":true,\"n\":null},\"s\":\"é😀\"}");
  CHECK(parse("7").get<int>() == 7);
  CHECK(parse("18446744073709551615").get<std::uint64_t>() == UINT64_MAX);
  CHECK(parse("{\"a\":{\"k\":1},\"b\":{\"k\":2}}")["b"]["k"] == 2);  // the same key in two objects
}

TEST_CASE("parse_json: errors name the file, the byte, what was found and what was wanted") {
  const auto fails = [](const std::string& json, const std::string& message) {
    CHECK(test::error_of([&] { parse(json); }) == "x.json: byte " + message);
  };
  fails("", "1: found the end of the text, wanted a value");
  fails("<html>", "1: found \"<\", wanted a value");
  fails("{} {}", "4: found \"{\", wanted the end of the text");
  fails("01", "2: found \"1\", wanted the end of the text");
  fails("tru", "4: found \"tru\" and the end of the text, wanted a value");
  fails("[NaN]", "2: found \"N\", wanted a value or ]");
  fails("[1,]", "4: found \",]\", wanted a comma and a value, or ]");
  fails("[\"a\" \"b\"]", "8: found \"\\\"b\\\"\", wanted a comma and a value, or ]");
  fails("[2.5", "5: found the end of the text, wanted a comma and a value, or ]");
  fails("{a", "2: found \"a\", wanted a key or }");
  fails("{\"a\" 1}", "6: found \"1\", wanted a colon and a value");
  fails("{\"a\": [], \"b\": tru}", "19: found \": tru}\", wanted a colon and a value");
  fails("{\"a\":1,}", "8: found \",}\", wanted a comma and a key, or }");
  fails("[\"a\n\"]", "4: found \"\\\"a\\n\", wanted a value or ]");
  fails("[\"ill-formed UTF-8\" 1]", "21: found \"1\", wanted a comma and a value, or ]");
  fails("[1e999]", "6: found \"1e999\", wanted a number that a double can hold");
  fails(R"({"a":1,"a":2})", "10: found the key \"a\" twice in one object");
  for (const char* bad : {"Infinity", "-Infinity", "nan", "\"\xff\"", "// c\n1", "'a'"})
    CHECK_THROWS_AS(parse(bad), Error);
}

TEST_CASE("parse_json: messages stay short and valid UTF-8 however long the text") {
  std::string json = "[\"";
  for (int i = 0; i < 50000; ++i) json += "é";
  // 40 bytes up to the fault: it, 19 characters, and half of one, which is left out
  std::string last = "\uFFFD";
  for (int i = 0; i < 19; ++i) last = "é" + last;
  CHECK(test::error_of([&] { parse(json + "\xff\"]"); }) ==
        "x.json: byte 100003: found ...\"" + last + "\", wanted UTF-8");
}

TEST_CASE("parse_json: nesting up to the limit and no deeper") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(parse(nested(64)).is_array());
  CHECK_THROWS_WITH_AS(parse(nested(65)), "x.json: byte 65: wanted at most 64 nested arrays and objects",
                       Error);
  CHECK_THROWS_AS(parse(std::string(1000000, '[')), Error);
}

TEST_CASE("parse_json: time is linear in the number of fields") {
  std::string json = "{\"k\":0";
  for (int i = 0; i < 100000; ++i) json += concat(",\"", i, "\":", i);
  const auto start = std::chrono::steady_clock::now();
  CHECK(parse(json + "}").size() == 100001);
  // A search through all fields for each of them makes 5e9 comparisons of strings.
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
}

TEST_CASE("typed fields: values and defaults") {
  const Json json = parse(R"({"i": 12, "n": 0.5, "b": true, "s": "x", "o": {}, "a": [1], "null": null})");
  CHECK(require_integer(json, "i", "c", 12, 12) == 12);
  CHECK(require_number(json, "n", "c") == 0.5);
  CHECK(require_number(json, "i", "c") == 12.0);
  CHECK(require_boolean(json, "b", "c"));
  CHECK(require_string(json, "s", "c") == "x");
  CHECK(require_object(json, "o", "c").empty());
  CHECK(require_array(json, "a", "c").size() == 1);
  CHECK(optional_integer(json, "i", "c", 3, 0, 20) == 12);
  CHECK(optional_integer(json, "none", "c", 3, 0, 20) == 3);
  CHECK(optional_number(json, "null", "c", 1e-12) == 1e-12);
  CHECK(optional_boolean(json, "none", "c", true));
  CHECK(optional_string(json, "none", "c", "gelu") == "gelu");
}

TEST_CASE("typed fields: errors say what was found and what was wanted") {
  const Json json = parse(
      R"({"n_layer": "three", "big": 18446744073709551615, "f": 2.0, "l": [], "o": {}, "u": null, "i": 0})");
  const auto integer = [&](const char* field) { require_integer(json, field, "config.json", 1, 1000); };
  CHECK_THROWS_WITH_AS(
      integer("n_layer"),
      "config.json: field \"n_layer\": found \"three\" (string), wanted an integer from 1 to 1000", Error);
  CHECK_THROWS_WITH_AS(
      integer("big"),
      "config.json: field \"big\": found 18446744073709551615 (number), wanted an integer from 1 to 1000",
      Error);
  CHECK_THROWS_WITH_AS(
      integer("f"), "config.json: field \"f\": found 2.0 (number), wanted an integer from 1 to 1000", Error);
  CHECK_THROWS_WITH_AS(integer("i"),
                       "config.json: field \"i\": found 0 (number), wanted an integer from 1 to 1000", Error);
  CHECK_THROWS_WITH_AS(integer("none"),
                       "config.json: field \"none\": missing, wanted an integer from 1 to 1000", Error);
  CHECK_THROWS_WITH_AS(require_string(json, "l", "c"), "c: field \"l\": found an array, wanted a string",
                       Error);
  CHECK_THROWS_WITH_AS(require_number(json, "u", "c"), "c: field \"u\": found null, wanted a number", Error);
  CHECK_THROWS_WITH_AS(require_array(json, "o", "c"), "c: field \"o\": found an object, wanted an array",
                       Error);
  CHECK_THROWS_WITH_AS(optional_boolean(json, "i", "c", true),
                       "c: field \"i\": found 0 (number), wanted true or false", Error);
  CHECK_THROWS_WITH_AS(require_string(json["l"], "k", "c"),
                       "c: found an array, wanted an object with a field \"k\"", Error);
}

TEST_CASE("json_string: escapes, and U+FFFD for what is not UTF-8") {
  CHECK(json_string("a\"\\\n\x01é") == "\"a\\\"\\\\\\n\\u0001é\"");
  CHECK(json_string("a\xff") == "\"a\xEF\xBF\xBD\"");
  CHECK(json_string("\x1b\x7f\u0080\u009f\u061c\u200e\u200f\u2028\u202e\u2066\u2069") ==
        R"("\u001b\u007f\u0080\u009f\u061c\u200e\u200f\u2028\u202e\u2066\u2069")");
  const std::string harmless =
      "~\u00a0\u00bf\u0600\u061b\u200d\u2010\u202f\u2065\u206a\u20ac\u4e2d\U0001f600";
  CHECK(json_string(harmless) == '"' + harmless + '"');
}

TEST_CASE("JsonRow: fields of every type on one line") {
  const std::vector<std::int64_t> ids = {101, -1};
  CHECK(JsonRow().str() == "{}");
  CHECK(JsonRow()
            .field("id", std::string("r\"1"))
            .field("n", 3)
            .field("big", UINT64_MAX)
            .field("ok", true)
            .field("ids", ids)
            .raw("o", "{}")
            .str() == R"({"id":"r\"1","n":3,"big":18446744073709551615,"ok":true,"ids":[101,-1],"o":{}})");
}

TEST_CASE("JsonRow: digits of numbers, and null for what JSON cannot say") {
  // 0.1 as a double is 0.1 + 5.55e-18, as a float 0.1 + 1.49e-9
  CHECK(JsonRow().field("d", 0.1).field("f", 0.1F).digits(3).field("s", 2.0 / 3).str() ==
        R"({"d":0.10000000000000001,"f":0.100000001,"s":0.667})");
  const std::vector<double> odd = {std::nan(""), INFINITY, -0.5};
  CHECK(JsonRow().field("v", odd).field("x", -INFINITY).str() == R"({"v":[null,null,-0.5],"x":null})");
}

TEST_CASE("JsonRow: arrays nested by shape") {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const auto row = [&](std::vector<Index> shape) {
    return JsonRow().field("v", std::span(values).first(shape.empty() ? 1 : 6), shape).str();
  };
  CHECK(row({}) == R"({"v":1})");
  CHECK(row({2, 3}) == R"({"v":[[1,2,3],[4,5,6]]})");
  CHECK(row({3, 1, 2, 1}) == R"({"v":[[[[1],[2]]],[[[3],[4]]],[[[5],[6]]]]})");
  CHECK(JsonRow().field("v", std::span(values).first(0), std::vector<Index>{2, 0}).str() ==
        R"({"v":[[],[]]})");
  CHECK_THROWS_WITH_AS(
      row({2, 2}), "[json] field \"v\": found 6 values and 2 axes, wanted 4 values in at most 4 axes", Error);
  CHECK_THROWS_AS(row({6, 1, 1, 1, 1}), Error);
}

TEST_CASE("corpus: every bad JSON text is an error that names its file") {
  int bad = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/corpus/json")) {
    const std::string path = entry.path().string();
    CAPTURE(path);
    if (entry.path().filename().string().starts_with("good")) {
      CHECK_NOTHROW(parse_json(read_file(path), path));
      continue;
    }
    ++bad;
    CHECK(test::error_of([&] { parse_json(read_file(path), path); }).starts_with(path + ": byte "));
  }
  CHECK(bad >= 20);
}

}  // namespace slalom
