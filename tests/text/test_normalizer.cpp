#include "slalom/text/normalizer.hpp"

#include <doctest/doctest.h>

using namespace slalom;

namespace {

using Steps = std::vector<NormalizerStep>;
const Steps kUncased = bert_steps({});
const Steps kNfc = {normalizer::decompose, normalizer::compose};
const Steps kNfkc = {normalizer::decompose_compatible, normalizer::compose};

std::string bytes_of(std::string_view text, const Steps& steps) {
  return normalize(text, 0, steps).bytes;
}

/// "0-2 2-3": the source of each byte.
std::string sources(const NormalizedText& text) {
  std::string out;
  for (const auto& [begin, end] : text.source)
    out += (out.empty() ? "" : " ") + std::to_string(begin) + "-" + std::to_string(end);
  return out;
}

}  // namespace

TEST_CASE("normaliser: without steps every byte stands for itself") {
  const NormalizedText text = normalize("aé", 5, {});
  CHECK(text.bytes == "aé");
  CHECK(sources(text) == "5-6 6-7 7-8");
}

TEST_CASE("normaliser: BERT's accents go, composed or not, and stay part of their letter's place") {
  // É is C3 89; a decomposed one is E and CC 81
  const NormalizedText composed = normalize("Éa", 0, kUncased);
  CHECK(composed.bytes == "ea");
  CHECK(sources(composed) == "0-2 2-3");
  const NormalizedText decomposed = normalize("E\u0301a", 10, kUncased);
  CHECK(decomposed.bytes == "ea");
  CHECK(sources(decomposed) == "10-13 13-14");
  CHECK(bytes_of("\u0301a", kUncased) == "a");  // nothing to belong to
}

TEST_CASE("normaliser: cleaning removes control characters and makes every white space a space") {
  CHECK(bytes_of({"a\0b\u00ADc\u200Dd\uFFFD", 13}, {normalizer::clean}) == "abcd");
  CHECK(bytes_of("a\tb\u00A0c\u3000d\u2028e", {normalizer::clean}) == "a b c d e");
}

TEST_CASE("normaliser: ideographs get spaces that stand for nothing") {
  const NormalizedText text = normalize("a中", 0, Steps{normalizer::space_ideographs});
  CHECK(text.bytes == "a 中 ");
  CHECK(sources(text) == "0-1 1-1 1-4 1-4 1-4 4-4");
}

TEST_CASE("normaliser: lower case by the character") {
  const Steps lower = {normalizer::lower_case};
  CHECK(bytes_of("AzÀΣẞ中", lower) == "azàσß中");
  CHECK(bytes_of("ΑΣ", lower) == "ασ");                     // no final sigma
  const NormalizedText dotted = normalize("İI", 0, lower);  // the one that becomes two characters
  CHECK(dotted.bytes == "i\u0307i");
  CHECK(sources(dotted) == "0-2 0-2 0-2 2-3");
}

TEST_CASE("normaliser: decomposition orders marks by class, keeping the order within one") {
  // dot below is of class 220, acute and diaeresis are of class 230
  CHECK(bytes_of("e\u0301\u0323\u0308", {normalizer::decompose}) == "e\u0323\u0301\u0308");
  CHECK(bytes_of("\u1E69", {normalizer::decompose}) == "s\u0323\u0307");
  CHECK(bytes_of("각", {normalizer::decompose}) == "\u1100\u1161\u11A8");
  CHECK(bytes_of("ﬁ", {normalizer::decompose}) == "ﬁ");
  CHECK(bytes_of("ﬁ²", {normalizer::decompose_compatible}) == "fi2");
}

TEST_CASE("normaliser: composition") {
  CHECK(bytes_of("e\u0301", kNfc) == "é");
  CHECK(sources(normalize("ae\u0301", 0, kNfc)) == "0-1 1-4 1-4");
  CHECK(bytes_of("s\u0307\u0323", kNfc) == "\u1E69");   // over two steps, reordered first
  CHECK(bytes_of("\u1100\u1161\u11A8", kNfc) == "각");  // L + V, LV + T
  CHECK(bytes_of("a\u0315\u0300", kNfc) == "à\u0315");  // another mark of a higher class in between
  CHECK(bytes_of("a\u0300\u0301", kNfc) == "à\u0301");  // à with an acute is no character
  CHECK(bytes_of("\u212B", kNfc) == "Å");               // the Ångström sign itself never comes back
  CHECK(bytes_of("\u0958", kNfc) == "\u0915\u093C");    // excluded from composition
  CHECK(bytes_of("\u0301e", kNfc) == "\u0301e");        // nothing to join
  CHECK(bytes_of("ﬁ", kNfkc) == "fi");
}

TEST_CASE("normaliser: marks alone, of all kinds, can go") {
  CHECK(bytes_of("e\u0301\u0903\u20DD", {normalizer::strip_marks}) == "e");
  CHECK(bytes_of("e\u0301\u0903\u20DD", {normalizer::strip_nonspacing_marks}) == "e\u0903\u20DD");
  CHECK(bytes_of("é", {normalizer::strip_marks}) == "é");
}

TEST_CASE("normaliser: what a map drops from the beginning is part of the first character that stays") {
  // One path, of the byte 5, from unit 0 over unit 13 to the empty text that unit 2 has.
  std::vector<std::uint32_t> units(16);
  units[0] = 8 << 10;
  units[13] = 5 | 1 << 8 | 15 << 10;
  units[2] = 1U << 31;
  std::string map = {64, 0, 0, 0};
  map.append(reinterpret_cast<const char*>(units.data()), 64);
  map += '\0';
  const NormalizedText text =
      normalize("\x05\x05\x61\x62\x05", 0, std::vector{normalizer::map_characters(map, "map")});
  CHECK(text.bytes == "ab");
  CHECK(sources(text) == "0-3 3-4");
}
