// Options that commands share.
#pragma once

#include <charconv>
#include <optional>
#include <string>

#include "slalom/base/files.hpp"
#include "slalom/base/progress.hpp"
#include "slalom/cli/command.hpp"
#include "slalom/data/rows.hpp"
#include "slalom/nn/config.hpp"

namespace slalom {

enum class Precision { f32, f64 };

/// What every command understands.
struct CommonOptions {
  std::string model, input, output;
  std::uint64_t seed = 0;
  Precision precision = Precision::f32;
  bool json = false, quiet = false;
  ProgressMode progress = ProgressMode::automatic;

  int digits() const;  // significant digits of the precision: 9 or 17
};

/// Throws UsageError for an --output that cannot be written.
CommonOptions read_common(const ParsedOptions& parsed);

/// --seed, of 64 bits; throws UsageError naming it.
std::uint64_t seed_option(const ParsedOptions& parsed);

/// A number option within [low, high]; throws UsageError naming it.
std::int64_t integer_option(const ParsedOptions& parsed, const std::string& name, std::int64_t low,
                            std::int64_t high);

/// A finite number; throws UsageError naming the option for anything else.
double number_option(const ParsedOptions& parsed, const std::string& name);

/// Throws UsageError if the option was not given.
std::string required_option(const ParsedOptions& parsed, const std::string& name);

/// Whether the word was given for the option; nullopt if there is no word.
std::optional<bool> choice_option(const ParsedOptions& parsed, const std::string& name,
                                  const std::string& yes);

/// The number that is all of the word.
template <class Integer>
std::optional<Integer> whole_number(const std::string& word) {
  Integer number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size() ? std::optional(number) : std::nullopt;
}

/// "a,b,c" as its parts; empty ones are left out.
std::vector<std::string> split_list(const std::string& list, char separator = ',');

/// The token ids of such a list. Throws UsageError naming the option for anything else.
std::vector<TokenId> id_list(const std::string& option, const std::string& list);

/// A file of rows, for messages: "-" is "stdin".
std::string input_name(const std::string& path);

/// What rows for a model must keep to.
RowLimits row_limits(const ClassifierConfig& config);

/// Calls body.template operator()<float or double>().
template <class Body>
int with_precision(Precision precision, const Body& body) {
  return precision == Precision::f64 ? body.template operator()<double>() : body.template operator()<float>();
}

}  // namespace slalom
