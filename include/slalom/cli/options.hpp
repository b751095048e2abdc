// What a command can be told, as a table of options. The parser, --help, the man page, completion, the
// reference in src/cli/README.md and the errors about options without effect are made from it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "slalom/base/files.hpp"
#include "slalom/base/index.hpp"
#include "slalom/base/progress.hpp"

namespace slalom {

struct Option {
  std::string name;  ///< "model", or with a letter "q,quiet"
  /// What follows it: "" nothing, "N" a whole number, "f32|f64" one of these words (any text if one of them
  /// is in capitals), "[=true|false]" one of these words or nothing, which means true; anything else a text.
  std::string value;
  std::string fallback;  ///< the default; "" if there is none, or if it depends on something
  std::string meaning;
  /// Where it has an effect: one condition of `needs` holds, and none of `excludes`. Conditions have spaces
  /// between them: see ParsedOptions::holds().
  std::string needs = {}, excludes = {};
  std::string group = {};  ///< "": those that matter first
  bool operator==(const Option&) const = default;
};
using OptionTable = std::vector<Option>;

/// The tables one after the other.
OptionTable joined(std::initializer_list<OptionTable> tables);
/// The table as a group; none of it has an effect where one of the conditions `excludes` holds.
OptionTable grouped(const std::string& group, OptionTable options, const std::string& excludes = {});

/// The options of a command line, or their defaults.
class ParsedOptions {
 public:
  struct Value {
    std::string word;
    std::size_t count = 0;               // how often it was given
    bool usual = false;                  // the default, given or not
    std::vector<std::string> more = {};  // what came after it, where the command takes a list
  };

  /// Throws std::out_of_range for an option that the command does not have.
  const Value& operator[](const std::string& name) const { return values_.at(name); }
  /// 0 for an option that the command does not have.
  std::size_t count(const std::string& name) const;
  /// "text" holds where --text was given a value other than its default, "data=slalom" where slalom is the
  /// value of --data, or one of its list (up to a colon), and "data=slalom!length" where --length was not
  /// given beside it.
  bool holds(const std::string& condition) const;

 private:
  friend std::optional<ParsedOptions> parse_options(const struct Command& command, int argc, char** argv);
  std::map<std::string, Value> values_;
};

struct Command {
  std::string name, summary;
  OptionTable options = {};                            ///< its own, see all_options()
  std::vector<std::string> positional = {};            ///< options that are given without their names
  bool takes_list = false;                             ///< the last of them may be given again and again
  std::map<std::string, std::string> unused = {};      ///< options without effect, and why
  std::vector<std::string> examples = {};              ///< arguments of the program
  int (*run)(const ParsedOptions& options) = nullptr;  ///< returns an exit status
  std::string program = "slalom";                      ///< "": the command is a program of its own
  bool has_common = true;

  std::string title() const { return program.empty() ? name : program + " " + name; }
};

/// --model, --input and --output, the command's own options, and the other common ones, --help the last. An
/// option of the command takes the place of a common one of the same name. Without those that are unused.
OptionTable all_options(const Command& command);

std::string long_name(const Option& option);
/// Whether it may stand without a value.
bool is_flag(const Option& option);
/// The words that may follow the option; empty if any may.
std::vector<std::string> words_of(const Option& option);

/// Parses argv and applies --threads where there is such an option. nullopt after --help, which is printed to
/// stdout. Throws UsageError naming it for an option that is unknown, lacks its value, has one of the wrong
/// type or has no effect, and for stray arguments.
std::optional<ParsedOptions> parse_options(const Command& command, int argc, char** argv);

// --- values of options

enum class Precision { f32, f64, bf16 };

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

/// "a,b,c" as its parts; empty ones are left out.
std::vector<std::string> split_list(const std::string& list, char separator = ',');

/// The token ids of such a list. Throws UsageError naming the option for anything else.
std::vector<TokenId> id_list(const std::string& option, const std::string& list);

/// A file of rows, for messages: "-" is "stdin".
std::string input_name(const std::string& path);

/// Calls body.template operator()<float or double>().
template <class Body>
int with_precision(Precision precision, const Body& body) {
  return precision == Precision::f64 ? body.template operator()<double>() : body.template operator()<float>();
}

}  // namespace slalom
