// Options that commands share.
#pragma once

#include <cxxopts.hpp>
#include <optional>
#include <string>

#include "slalom/base/files.hpp"
#include "slalom/base/progress.hpp"
#include "slalom/data/rows.hpp"
#include "slalom/nn/config.hpp"

namespace slalom {

enum class Precision { f32, f64 };

/// What every command understands; see common_options().
struct CommonOptions {
  std::string model, input, output;
  std::uint64_t seed = 0;
  Precision precision = Precision::f32;
  bool json = false, quiet = false;
  ProgressMode progress = ProgressMode::automatic;

  int digits() const;  // significant digits of the precision: 9 or 17
};

/// An 80-column option list with the common options.
cxxopts::Options common_options(const std::string& command, const std::string& summary);

/// Parses argv and applies --threads where there is such an option. nullopt after --help, which is printed to
/// stdout. Throws UsageError naming it for an option that is unknown, lacks its value or has one of the wrong
/// type, and for stray arguments beyond `positional`.
std::optional<cxxopts::ParseResult> parse_options(cxxopts::Options& options, int argc, char** argv);

/// Throws UsageError for a --precision or --progress that does not exist.
CommonOptions read_common(const cxxopts::ParseResult& parsed);

/// --seed, of 64 bits; throws UsageError naming it.
std::uint64_t seed_option(const cxxopts::ParseResult& parsed);

/// A number option within [low, high]; throws UsageError naming it.
std::int64_t integer_option(const cxxopts::ParseResult& parsed, const std::string& name, std::int64_t low,
                            std::int64_t high);

/// A finite number; throws UsageError naming the option for anything else. The option itself is a string:
/// cxxopts would read "0,3" as 0.
double number_option(const cxxopts::ParseResult& parsed, const std::string& name);

/// Throws UsageError if the option was not given.
std::string required_option(const cxxopts::ParseResult& parsed, const std::string& name);

/// Whether an option that takes one of two words was given `yes` or `no`; nullopt if neither.
std::optional<bool> choice_option(const cxxopts::ParseResult& parsed, const std::string& name,
                                  const std::string& no, const std::string& yes);

/// Throws UsageError if one of the options was given: an option that would change nothing is a mistake of
/// whoever gave it. `because` follows "has no effect".
void refuse_options(const cxxopts::ParseResult& parsed, std::initializer_list<const char*> names,
                    const std::string& because);

/// The same for all options but these.
void refuse_other_options(const cxxopts::ParseResult& parsed, const std::vector<std::string>& allowed,
                          const std::string& because);

/// "a,b,c" as its parts; empty ones are left out.
std::vector<std::string> split_list(const std::string& list);

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
