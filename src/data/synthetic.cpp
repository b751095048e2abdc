#include "slalom/data/synthetic.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <string_view>
#include <unordered_set>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom {

namespace {

constexpr const char* kSpecialTokens[] = {"[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"};
constexpr TokenId kFirstWord = static_cast<TokenId>(std::size(kSpecialTokens));

Vocabulary make_vocabulary(const std::vector<std::string>& words) {
  std::vector<std::string> tokens(std::begin(kSpecialTokens), std::end(kSpecialTokens));
  tokens.insert(tokens.end(), words.begin(), words.end());
  tokens.emplace_back("[unused0]");
  Vocabulary vocabulary(std::move(tokens));
  for (TokenId id = 0; id < vocabulary.size(); ++id)
    if (vocabulary.find(vocabulary.token(id)) != id)
      throw Error(concat("[synthetic] the word '", vocabulary.token(id), "' is there twice"));
  return vocabulary;
}

template <class Word, class Value>
std::vector<Value> column(const std::vector<Word>& words, Value Word::*field) {
  std::vector<Value> values;
  values.reserve(words.size());
  for (const Word& word : words) values.push_back(word.*field);
  return values;
}

}  // namespace

// --- texts -----------------------------------------------------------------------------------------------

SyntheticSource::SyntheticSource(const std::vector<std::string>& words, std::span<const double> frequencies,
                                 LengthDistribution law, std::uint64_t seed)
    : vocabulary_(make_vocabulary(words)), law_(law), seed_(seed) {
  if (words.empty()) throw Error("[synthetic] the table of words is empty");
  double total = 0;
  for (std::size_t k = 0; k < words.size(); ++k) {
    if (!std::isfinite(frequencies[k]) || frequencies[k] <= 0)
      throw Error(concat("[synthetic] frequency of '", words[k], "' is ", frequencies[k],
                         ", wanted a positive number"));
    total += frequencies[k];
    cumulative_.push_back(total);
  }
  for (double& c : cumulative_) c /= total;
}

void SyntheticSource::get(Index index, SyntheticText& out) const {
  Rng rng(seed_, Purpose::data, static_cast<std::uint64_t>(index));
  const Index length = draw_length(rng);
  out.tokens.clear();
  out.tokens.reserve(kLongestSyntheticText);
  for (Index k = 0; k < length; ++k) {
    const auto word = std::ranges::upper_bound(cumulative_, rng.uniform()) - cumulative_.begin();
    out.tokens.push_back(kFirstWord + static_cast<TokenId>(word));
  }
  out.log_odds = log_odds(out.tokens);
  out.label = rng.uniform() < 1 / (1 + std::exp(-out.log_odds)) ? 1 : 0;
}

Index SyntheticSource::draw_length(Rng& rng) const {
  switch (law_) {
    case LengthDistribution::binomial:  // the number of heads among 30 fair coins
      return std::max(1, std::popcount(rng.bits() >> 2));
    case LengthDistribution::fixed:
      return kLongestSyntheticText;
    case LengthDistribution::uniform:
      return 1 + static_cast<Index>(rng.below(static_cast<std::uint32_t>(kLongestSyntheticText)));
  }
  throw Error("[synthetic] unknown law of lengths");
}

std::size_t SyntheticSource::word_of(TokenId token) const {
  const TokenId words = static_cast<TokenId>(cumulative_.size());
  if (token < kFirstWord || token >= kFirstWord + words)
    throw Error(concat("[synthetic] token ", token, " is no word, wanted ", kFirstWord, " to ",
                       kFirstWord + words - 1));
  return static_cast<std::size_t>(token - kFirstWord);
}

// --- linear truth ----------------------------------------------------------------------------------------

std::vector<BagWord> default_bag_words() {
  return {{"the", .2, 0},    {"we", .2, 0},         {"movie", .2, 0},   {"watch", .2, 0},
          {"best", .06, 1},  {"perfect", .06, 1.5}, {"good", .08, 0.7}, {"worst", .06, -1.5},
          {"poor", .06, -1}, {"ok", .08, -0.7}};
}

BagOfWordsSource::BagOfWordsSource(std::uint64_t seed, LengthDistribution law,
                                   const std::vector<BagWord>& words)
    : SyntheticSource(column(words, &BagWord::word), column(words, &BagWord::frequency), law, seed),
      weights_(column(words, &BagWord::weight)) {}

double BagOfWordsSource::log_odds(std::span<const TokenId> tokens) const {
  double sum = 0;
  for (const TokenId token : tokens) sum += weights_[word_of(token)];
  return sum;
}

// --- SLALOM truth ----------------------------------------------------------------------------------------

std::vector<SlalomWord> toy_slalom_words() {
  return {{"best", .3, .6, 1.1}, {"the", .4, -1, .7}, {"worst", .3, .4, -1.6}};
}

std::vector<SlalomWord> redraw_slalom_words(std::uint64_t seed, Index count) {
  // Texts count upwards from 0; the table is drawn from the other end of their streams.
  Rng rng(seed, Purpose::data, std::numeric_limits<std::uint64_t>::max());
  std::vector<SlalomWord> words;
  for (Index k = 0; k < count; ++k) {
    const double importance = rng.normal(), value = rng.normal() / 2;
    words.push_back({concat("word", k), 1 / static_cast<double>(count), importance, value});
  }
  return words;
}

namespace {

constexpr std::string_view kSlalomHeader = "word\tp\timportance\tvalue";

/// Takes the field before the next tab, or the rest, off `line`.
std::string_view take_field(std::string_view& line) {
  const std::size_t tab = std::min(line.find('\t'), line.size());
  const std::string_view field = line.substr(0, tab);
  line.remove_prefix(std::min(tab + 1, line.size()));
  return field;
}

double number_field(std::string_view& line, const char* field, const std::string& where) {
  const std::string_view found = take_field(line);
  const std::optional<double> value = parse_number<double>(found);
  constexpr double kLargest = 1e9;  // sums of what a text has stay finite
  if (!value || !(std::abs(*value) <= kLargest))
    throw Error(
        concat(where, ": field \"", field, "\": found \"", found, "\", wanted a number from -1e9 to 1e9"));
  return *value;
}

SlalomWord parse_slalom_word(std::string_view line, const std::string& where) {
  const auto tabs = std::ranges::count(line, '\t');
  if (tabs != 3)
    throw Error(concat(where, ": found ", tabs + 1, " fields, wanted word, p, importance, value"));
  SlalomWord word;
  word.word = take_field(line);
  if (word.word.empty()) throw Error(concat(where, ": field \"word\": found nothing, wanted a word"));
  word.frequency = number_field(line, "p", where);
  if (word.frequency <= 0)
    throw Error(concat(where, ": field \"p\": found ", word.frequency, ", wanted a positive number"));
  word.importance = number_field(line, "importance", where);
  word.value = number_field(line, "value", where);
  return word;
}

}  // namespace

std::vector<SlalomWord> read_slalom_words(const std::string& path) {
  LineReader lines(path);
  std::string line;
  if (!lines.next(line))
    throw Error(concat(path, ": found an empty file, wanted the header \"", kSlalomHeader, "\""));
  if (line != kSlalomHeader)
    throw Error(concat(lines.where(), ": found \"", line, "\", wanted the header \"", kSlalomHeader, "\""));
  std::vector<SlalomWord> words;
  std::unordered_set<std::string> known;
  while (lines.next(line)) {
    words.push_back(parse_slalom_word(line, lines.where()));
    if (const std::string& word = words.back().word; !known.insert(word).second)
      throw Error(
          concat(lines.where(), ": field \"word\": found \"", word, "\" again, wanted distinct words"));
  }
  if (words.empty()) throw Error(concat(path, ": found no word, wanted one a line below the header"));
  return words;
}

SlalomSource::SlalomSource(std::uint64_t seed, const std::vector<SlalomWord>& words, LengthDistribution law)
    : SyntheticSource(column(words, &SlalomWord::word), column(words, &SlalomWord::frequency), law, seed),
      importances_(column(words, &SlalomWord::importance)),
      values_(column(words, &SlalomWord::value)) {}

double SlalomSource::log_odds(std::span<const TokenId> tokens) const {
  if (tokens.empty()) throw Error("[synthetic] a SLALOM truth has no log-odds for an empty text");
  double highest = -std::numeric_limits<double>::infinity();  // subtracted, so that exp cannot overflow
  for (const TokenId token : tokens) highest = std::max(highest, importances_[word_of(token)]);
  double numerator = 0, denominator = 0;
  for (const TokenId token : tokens) {
    const std::size_t word = word_of(token);
    const double weight = std::exp(importances_[word] - highest);
    numerator += weight * values_[word];
    denominator += weight;
  }
  return numerator / denominator;
}

}  // namespace slalom
