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

Vocabulary make_vocabulary(const std::vector<SlalomWord>& words) {
  std::vector<std::string> tokens(std::begin(kSpecialTokens), std::end(kSpecialTokens));
  for (const SlalomWord& word : words) tokens.push_back(word.word);
  tokens.emplace_back("[unused0]");
  Vocabulary vocabulary(std::move(tokens));
  for (TokenId id = 0; id < vocabulary.size(); ++id)
    if (vocabulary.find(vocabulary.token(id)) != id)
      throw Error(concat("[synthetic] the word '", vocabulary.token(id), "' is there twice"));
  return vocabulary;
}

}  // namespace

// --- texts -----------------------------------------------------------------------------------------------

SyntheticSource::SyntheticSource(std::vector<SlalomWord> words, LengthDistribution law, std::uint64_t seed)
    : words_(std::move(words)), vocabulary_(make_vocabulary(words_)), law_(law), seed_(seed) {
  if (words_.empty()) throw Error("[synthetic] the table of words is empty");
  double total = 0;
  for (const SlalomWord& word : words_) {
    if (!std::isfinite(word.frequency) || word.frequency <= 0)
      throw Error(concat("[synthetic] frequency of '", word.word, "' is ", word.frequency,
                         ", wanted a positive number"));
    total += word.frequency;
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

const SlalomWord& SyntheticSource::word_of(TokenId token) const {
  const auto words = static_cast<TokenId>(words_.size());
  if (token < kFirstWord || token >= kFirstWord + words)
    throw Error(concat("[synthetic] token ", token, " is no word, wanted ", kFirstWord, " to ",
                       kFirstWord + words - 1));
  return words_[static_cast<std::size_t>(token - kFirstWord)];
}

double BagOfWordsSource::log_odds(std::span<const TokenId> tokens) const {
  double sum = 0;
  for (const TokenId token : tokens) sum += word_of(token).value;
  return sum;
}

double SlalomSource::log_odds(std::span<const TokenId> tokens) const {
  if (tokens.empty()) throw Error("[synthetic] a SLALOM truth has no log-odds for an empty text");
  double highest = -std::numeric_limits<double>::infinity();  // subtracted, so that exp cannot overflow
  for (const TokenId token : tokens) highest = std::max(highest, word_of(token).importance);
  double numerator = 0, denominator = 0;
  for (const TokenId token : tokens) {
    const SlalomWord& word = word_of(token);
    const double weight = std::exp(word.importance - highest);
    numerator += weight * word.value;
    denominator += weight;
  }
  return numerator / denominator;
}

// --- words -----------------------------------------------------------------------------------------------

std::vector<SlalomWord> default_bag_words() {
  return {{"the", .2, 0, 0},    {"we", .2, 0, 0},         {"movie", .2, 0, 0},   {"watch", .2, 0, 0},
          {"best", .06, 0, 1},  {"perfect", .06, 0, 1.5}, {"good", .08, 0, 0.7}, {"worst", .06, 0, -1.5},
          {"poor", .06, 0, -1}, {"ok", .08, 0, -0.7}};
}

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

double number_field(const std::string& found, const char* field, const std::string& where) {
  constexpr double kLargest = 1e9;  // sums of what a text has stay finite
  const std::optional<double> value = parse_number<double>(found);
  if (!value || !(std::abs(*value) <= kLargest))
    throw Error(
        concat(where, ": field \"", field, "\": found \"", found, "\", wanted a number from -1e9 to 1e9"));
  return *value;
}

SlalomWord parse_slalom_word(std::string_view line, const std::string& where) {
  const std::vector<std::string> fields = split(line, '\t');
  if (fields.size() != 4)
    throw Error(concat(where, ": found ", fields.size(), " fields, wanted word, p, importance, value"));
  const SlalomWord word{fields[0], number_field(fields[1], "p", where),
                        number_field(fields[2], "importance", where),
                        number_field(fields[3], "value", where)};
  if (word.word.empty()) throw Error(concat(where, ": field \"word\": found nothing, wanted a word"));
  if (word.frequency <= 0)
    throw Error(concat(where, ": field \"p\": found ", word.frequency, ", wanted a positive number"));
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

}  // namespace slalom
