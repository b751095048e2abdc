#include "lessons.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <ranges>
#include <sstream>

#include "../playground/playground.cpp"
#include "../support/models.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/inspect/compiled_slalom.hpp"

namespace slalom::lessons {

namespace {

using Words = std::vector<std::string>;
using Problems = std::vector<std::string>;

Words words_of(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

// --- classifiers -----------------------------------------------------------------------------------------

// F of a text of words that it knows.
struct Classifier {
  Words known;
  std::function<double(const std::vector<int>&)> log_odds;

  double operator()(const Words& text) const {
    std::vector<int> numbers;
    for (const std::string& word : text) {
      const auto found = std::ranges::find(known, word);
      if (found == known.end())
        throw UsageError(concat("\"", word, "\" is none of its words: ", listed(known)));
      numbers.push_back(static_cast<int>(found - known.begin()));
    }
    return log_odds(numbers);
  }
};

// A transformer that is the SLALOM of the words.
Classifier compiled(const std::vector<SlalomWord>& words) {
  const auto made = std::make_shared<CompiledSlalom>(compile_slalom(words, Architecture::distilbert));
  Classifier f;
  for (const SlalomWord& word : words) f.known.push_back(word.word);
  f.log_odds = [made, known = f.known](const std::vector<int>& text) {
    if (text.empty()) throw UsageError("the empty text has no log-odds here");
    experiment::Text ids;
    for (const int word : text) ids.push_back(*made->vocabulary.find(known[static_cast<std::size_t>(word)]));
    return experiment::log_odds_of(*made->model, made->special)({ids}).front();
  };
  return f;
}

Classifier toy() {
  return compiled(toy_slalom_words());
}

// A classifier that sees more than the words: a background of value 0.
Classifier three_words() {
  const SlalomModel model{{2, 1, -2}, {0.5, 0, 1}, Background{0, 0}};
  return {{"good", "fine", "bad"}, [model](const std::vector<int>& text) { return model.predict(text); }};
}

Classifier riddle() {
  return compiled({{"plain", 1, 0, 0.5}, {"riddle", 1, 1.7, -1.3}});
}

Classifier popcorn() {
  return compiled({{"plot", 1, 0, 0.2},
                   {"acting", 1, 0, 0.3},
                   {"music", 1, -0.5, 0.1},
                   {"scene", 1, -0.5, 0},
                   {"great", 1, 1, 1.6},
                   {"dull", 1, 1, -1.6},
                   {"popcorn", 1, 2, 4},
                   {"ticket", 1, -0.5, -0.1}});
}

struct Switches {
  AttentionKind attention = AttentionKind::softmax;
  Norm norm = Norm::layer;
  bool feed_forward = true, hidden_head = true;
};

// A DistilBERT of one layer without positions, trained on bags of words.
std::shared_ptr<PlaygroundModel> trained(const Switches& s) {
  constexpr int kLayers = 1, kHeads = 2, kWidth = 16, kSpecialTokens = 1, kSteps = 1250;
  std::shared_ptr<PlaygroundModel> model(
      playground_create(static_cast<int>(Architecture::distilbert), static_cast<int>(s.attention),
                        static_cast<int>(s.norm), static_cast<int>(Positions::none), kLayers, kHeads, kWidth,
                        s.feed_forward, kSpecialTokens, s.hidden_head, 1),
      playground_destroy);
  playground_train(model.get(), kSteps);
  return model;
}

Classifier distilbert() {
  const auto model = trained({});
  Classifier f;
  for (const SlalomWord& word : default_bag_words()) f.known.push_back(word.word);
  f.log_odds = [model](const std::vector<int>& text) {
    if (std::ssize(text) > kMostRepeats) throw UsageError(concat("more than ", kMostRepeats, " words"));
    std::ranges::copy(text, playground_text(model.get()));
    return playground_log_odds(model.get(), static_cast<int>(text.size()));
  };
  return f;
}

std::vector<double> leave_one_out(const Classifier& f, const Words& text) {
  std::vector<double> changes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    Words rest = text;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
    changes.push_back(f(text) - f(rest));
  }
  return changes;
}

// --- answers ---------------------------------------------------------------------------------------------

class Answers {
 public:
  explicit Answers(const std::string& file) : file_(file) {
    LineReader lines(file);
    for (std::string line; lines.next(line);)
      if (const std::size_t colon = line.find(": "); colon != std::string::npos && !line.starts_with("#"))
        fields_[line.substr(0, colon)] = {lines.where(), line.substr(colon + 2)};
  }

  /// Throws Error for a field that is missing, empty or still a "?".
  const std::string& text(const std::string& field) const {
    const auto found = fields_.find(field);
    if (found == fields_.end() || words_of(found->second.text).empty() || found->second.text == "?")
      throw Error(concat(file_, ": field \"", field, "\": nothing is filled in"));
    return found->second.text;
  }
  double number(const std::string& field) const {
    const std::optional<double> found = parse_number<double>(text(field));
    if (!found) refuse(field, text(field), "a number");
    return *found;
  }
  template <class Known>
  std::string one_of(const std::string& field, const Known& known) const {
    require(field, text(field), known);
    return text(field);
  }
  template <std::size_t N>
  int choice(const std::string& field, const char* const (&known)[N]) const {
    return static_cast<int>(std::ranges::find(known, one_of(field, known)) - known);
  }
  Words words(const std::string& field, const Words& known) const {
    Words words = words_of(text(field));
    for (const std::string& word : words) require(field, word, known);
    return words;
  }

 private:
  struct Field {
    std::string where, text;
  };

  template <class Known>
  void require(const std::string& field, const std::string& word, const Known& known) const {
    if (std::ranges::find(known, word) == std::ranges::end(known))
      refuse(field, word, "one of " + listed(known));
  }
  [[noreturn]] void refuse(const std::string& field, const std::string& found,
                           const std::string& wanted) const {
    throw Error(
        concat(fields_.at(field).where, ": field \"", field, "\": found \"", found, "\", wanted ", wanted));
  }

  std::string file_;
  std::map<std::string, Field> fields_;
};

constexpr double kTwoDecimals = 0.0075;

// Nothing, or by which side a number is missed, and what to think of.
Problems compared(const std::string& field, double found, double wanted, double tolerance,
                  const std::string& thought) {
  if (std::abs(found - wanted) <= tolerance) return {};
  return {
      concat(field, ": ", significant(found, 4), " is too ", found < wanted ? "low" : "high", "; ", thought)};
}

void append(Problems& list, const Problems& more) {
  list.insert(list.end(), more.begin(), more.end());
}

Problems predict_repeats(const Answers& answers) {
  const Classifier f = toy();
  Problems problems;
  const auto ask = [&](const std::string& field, const Words& text, const char* thought) {
    append(problems, compared(field, answers.number(field), f(text), kTwoDecimals, thought));
  };
  ask("best", {"best"}, "a word alone has all of the weight");
  ask("best*30", Words(30, "best"), "thirty equal values have the mean of one");
  ask("best worst", {"best", "worst"}, "weights are e^s over their sum");
  ask("best best worst", {"best", "best", "worst"},
      "two copies have twice the weight of one, not twice the value");
  return problems;
}

Problems certificate(const Answers& answers) {
  const Classifier f = three_words();
  const auto distance = [&](const std::string& word) {
    return std::abs(f({word, word}) - 2 * f({word}) + f({})) / 4;
  };
  const std::string word = answers.one_of("word", f.known);
  Problems problems = compared("distance", answers.number("distance"), distance(word), kTwoDecimals,
                               "|F(a a) - 2 F(a) + F()| / 4");
  for (const std::string& other : f.known)
    if (distance(other) > distance(word))
      problems.push_back(concat("word: another word proves more than ", word));
  return problems;
}

Problems make_it_add(const Answers& answers) {
  constexpr const char* kYesNo[] = {"no", "yes"};
  constexpr double kWeight = 1.5;
  const auto model = trained({static_cast<AttentionKind>(answers.choice("attention", kAttentionWords)),
                              static_cast<Norm>(answers.choice("norm", kNormWords)),
                              answers.choice("feed-forward", kYesNo) == 1,
                              answers.choice("layer-before-output", kYesNo) == 1});
  const double* f = playground_curve(model.get(), 5);
  const double slope = (f[29] - f[0]) / 29, middle = f[0] + 14 * slope;
  Problems problems;
  if (std::abs(slope - kWeight) > 0.15 * kWeight)
    problems.push_back(
        concat("F rises by ", significant(slope, 3), " a word from 1 to 30, wanted 1.5 within 15 %"));
  if (std::abs(f[14] - middle) > 0.02 * std::abs(f[29]))
    problems.push_back(
        concat("F of 15 words is ", significant(f[14], 3), ", a line has ", significant(middle, 3)));
  return problems;
}

Problems planted(const Answers& answers) {
  Problems problems = compared("value", answers.number("value"), riddle()({"riddle"}), kTwoDecimals,
                               "what is F of the word alone?");
  const double v = riddle()({"riddle"}), r = riddle()({"plain"}), both = riddle()({"riddle", "plain"});
  append(problems,
         compared("importance", answers.number("importance"), std::log((both - r) / (v - both)),
                  2 * kTwoDecimals, "F of both words lies between their values, nearer to the heavier"));
  return problems;
}

// Predictions of F with two words deleted, by three explanations of the text.
struct Predictions {
  std::vector<Words> texts;
  std::vector<double> f;
  std::map<std::string, std::vector<double>> by;
};

Predictions deletions(const Classifier& f, const Words& text) {
  std::vector<int> numbers;
  for (const std::string& word : text)
    numbers.push_back(static_cast<int>(std::ranges::find(f.known, word) - f.known.begin()));
  const auto model = trained({});
  std::vector<int> distinct = numbers;
  std::ranges::sort(distinct);
  distinct.erase(std::ranges::unique(distinct).begin(), distinct.end());
  std::ranges::copy(distinct, playground_text(model.get()));
  const auto K = std::ssize(distinct);
  const double* found = playground_slalom(model.get(), static_cast<int>(K));
  const SlalomModel slalom{
      {found, found + K}, {found + K, found + 2 * K}, Background{found[2 * K], found[2 * K + 1]}};
  const std::vector<double> falls = leave_one_out(f, text);
  Predictions p;
  for (std::size_t i = 0; i < text.size(); ++i)
    for (std::size_t j = i + 1; j < text.size(); ++j) {
      Words rest;
      std::vector<Sample::Token> tokens;
      double singles = f({});
      for (std::size_t k = 0; k < text.size(); ++k) {
        if (k == i || k == j) continue;
        rest.push_back(text[k]);
        tokens.push_back(
            static_cast<Sample::Token>(std::ranges::find(distinct, numbers[k]) - distinct.begin()));
        singles += f({text[k]}) - f({});
      }
      p.texts.push_back(rest);
      p.f.push_back(f(rest));
      p.by["leave-one-out"].push_back(f(text) - falls[i] - falls[j]);
      p.by["single-words"].push_back(singles);
      p.by["slalom"].push_back(slalom.predict(tokens));
    }
  return p;
}

const Words kExplained = {"best", "movie", "perfect", "perfect", "worst"};

std::map<std::string, double> errors_of(const Predictions& p) {
  std::map<std::string, double> errors;
  for (const auto& [method, predicted] : p.by)
    for (std::size_t i = 0; i < predicted.size(); ++i)
      errors[method] +=
          (predicted[i] - p.f[i]) * (predicted[i] - p.f[i]) / static_cast<double>(predicted.size());
  return errors;
}

Problems most_faithful(const Answers& answers) {
  const std::map<std::string, double> errors = errors_of(deletions(distilbert(), kExplained));
  const auto best = std::ranges::min_element(errors, {}, [](const auto& entry) { return entry.second; });
  Problems problems;
  const std::string method = answers.one_of("method", std::views::keys(errors));
  if (method != best->first) problems.push_back(concat("method: another has a smaller error than ", method));
  append(problems, compared("error", answers.number("error"), errors.at(method), 0.2 * errors.at(method),
                            "the mean of (predicted - F)² over the lines of the table"));
  return problems;
}

Problems spurious(const Answers& answers) {
  const Classifier f = popcorn();
  const std::string word = answers.one_of("word", f.known);
  Words text = answers.words("text", f.known);
  Problems problems;
  if (word != "popcorn" && word != "ticket")
    problems.push_back(concat("word: \"", word, "\" says something of the film"));
  if (text.size() < 2 || std::ranges::count(text, word) > 0)
    problems.push_back("text: wanted two or more words, without the word itself");
  const double before = f(text);
  text.push_back(word);
  if (before * f(text) >= 0)
    problems.push_back(concat("text: F is ", significant(before, 3), " without ", word, " and ",
                              significant(f(text), 3), " with it: no change of sign"));
  return problems;
}

Problems misled(const Answers& answers) {
  const Classifier f = distilbert();
  const Words text = answers.words("text", f.known);
  if (text.size() > 10) return {concat("text: ", text.size(), " words, wanted ten at most")};
  Problems problems;
  if (!(f(text) > 2))
    problems.push_back(concat("text: F is ", significant(f(text), 3), ", wanted more than 2"));
  const std::vector<double> falls = leave_one_out(f, text);
  for (std::size_t i = 0; i < falls.size(); ++i)
    if (!(falls[i] < 0.3))
      problems.push_back(concat("text: without ", text[i], " (word ", i + 1, ") F falls by ",
                                significant(falls[i], 2), ", wanted less than 0.3"));
  return problems;
}

std::string table_of(const Predictions& p) {
  std::string table = "text\tF";
  for (const auto& [method, predicted] : p.by) table += "\t" + method;
  for (std::size_t i = 0; i < p.f.size(); ++i) {
    std::string words;
    for (const std::string& word : p.texts[i]) words += (words.empty() ? "" : " ") + word;
    table += "\n" + words + "\t" + fixed(p.f[i], 3);
    for (const auto& [method, predicted] : p.by) table += "\t" + fixed(predicted[i], 3);
  }
  return table + "\n";
}

}  // namespace

std::vector<std::string> problems_of(int lesson, const std::string& answer_file) {
  using Check = Problems (*)(const Answers&);
  constexpr Check kChecks[kLessons] = {predict_repeats, certificate,   nullptr,  make_it_add,
                                       planted,         most_faithful, spurious, misled};
  if (lesson == kCompiledLesson) throw UsageError("lesson 3 is compiled", "make lesson N=3");
  return kChecks[lesson - 1](Answers(answer_file));
}

std::string ask(int lesson, const std::string& text) {
  const Words words = words_of(text);
  const auto says = [&](const Classifier& f) { return concat("F = ", fixed(f(words), 4), "\n"); };
  switch (lesson) {
    case 2:
      return says(three_words());
    case 5:
      return says(riddle());
    case 6:
      return table_of(deletions(distilbert(), kExplained));
    case 7:
      return says(popcorn());
    case 8: {
      const Classifier f = distilbert();
      std::string lines = says(f);
      const std::vector<double> falls = leave_one_out(f, words);
      for (std::size_t i = 0; i < falls.size(); ++i) lines += words[i] + "\t" + fixed(falls[i], 3) + "\n";
      return lines;
    }
    default:
      throw UsageError(concat("lesson ", lesson, " has nothing to ask"));
  }
}

}  // namespace slalom::lessons
