// A guided tour of one training step: every number is computed by the framework, and every identity that is
// claimed is checked; the exit status is 1 if one does not hold.
#include <algorithm>
#include <cmath>
#include <iostream>

#include "../support/experiment.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/inspect/enclosure.hpp"
#include "slalom/nn/predictor.hpp"
#include "step.hpp"

namespace {

using namespace slalom;
using namespace slalom::experiment;
using namespace slalom::tour;

void introduce(std::uint64_t seed, Page& page) {
  page.title("One training step, from words to weights");
  page.say(
      "A classifier of the DistilBERT family, with one block, reads two texts, says how likely each of them "
      "is positive, and learns from its errors. Every number on this page is computed as it is printed. "
      "Lines "
      "with ✓ were checked against formulas written as plainly as possible (✗ where a check failed). Weights "
      "are drawn from N(0, 0.5²); the usual 0.02 would make all attention uniform, with nothing to see.");
  page.lines(concat("\nB = 2 texts   N rows in all   S rows of a text   D = 8 width    C = 2 classes\n",
                    "H = 2 heads of width d = D / H = 4    F = 16 feed-forward width   seed ", seed, "\n"));
}

constexpr std::size_t kRepeats = 6;

/// Log-odds of the word repeated 0 or 1 … kRepeats times.
Vector repeat_curve(Step& step, TokenId word, std::size_t first, const SpecialTokens& special) {
  Predictor<double> predictor(step.model);
  Vector curve, logits;
  for (std::size_t n = first; n <= kRepeats; ++n) {
    predictor.logits(packed(wrap(std::vector<TokenId>(n, word), special)), logits);
    curve.push_back(log_odds(Span(logits), 1));
  }
  return curve;
}

void forget_positions(Step& step) {
  std::ranges::fill(step.model.parameters().value(step.model.embedding().position).span(), 0.0);
}

constexpr double kTimes = static_cast<double>(kRepeats);

struct ShortText {
  double repeats;
  Interval log_odds;  // in exact arithmetic
  double middle() const { return (log_odds.low + log_odds.high) / 2; }
};

/// No text, the word once, and kRepeats times.
std::vector<ShortText> enclosed_texts(const Step& step, TokenId word, const SpecialTokens& special) {
  Encloser encloser(step.model, 1);
  std::vector<ShortText> texts;
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, kRepeats})
    texts.push_back(
        {static_cast<double>(n), outward(encloser.log_odds(wrap(std::vector<TokenId>(n, word), special)))});
  return texts;
}

/// A proof that can be followed on paper: three texts, one inequality.
void show_certificate(const std::vector<ShortText>& texts, Span computed, Page& page) {
  const double none = texts[0].middle(), once = texts[1].middle(), often = texts[2].middle();
  const double sum = kTimes * once - often - (kTimes - 1) * none, sizes = 2 * kTimes;
  page.section("A proof to check by hand");
  page.say(
      concat("[CLS], [SEP] and positions blur this but do not make it a sum. For every additive model, "
             "g(n) = b + w n at n times \"perfect\","));
  page.lines(concat(kRepeats, " g(1) - g(", kRepeats, ") - ", kRepeats - 1, " g(0) = ", kRepeats,
                    " (b + w) - (b + ", kRepeats, " w) - ", kRepeats - 1, " b = 0,"));
  page.say("whatever b and w are. Of this model, in exact arithmetic with its weights as they are,");
  for (const ShortText& text : texts)
    page.lines(concat("F(", text.repeats, ") = ", number(text.middle(), 4), "   in an interval of ",
                      significant(text.log_odds.high - text.log_odds.low, 1)));
  page.lines(concat(kRepeats, " · ", number(once, 4), " - ", number(often, 4), " - ", kRepeats - 1, " · ",
                    number(none, 4), " = ", number(sum, 4)));
  page.say(concat("If no text were off by more than e, this could not be more than (", kRepeats, " + 1 + ",
                  kRepeats - 1, ") e. So every additive model is off by at least ", number(std::abs(sum), 4),
                  " / ", sizes, " = ", number(std::abs(sum) / sizes, 4), " nats at one of three texts."));
  bool inside = true;
  double worst = 0;
  const double miss = sum / sizes, w = (often - none) / kTimes, b = none + miss;
  for (const ShortText& text : texts) {
    const double forward = computed[static_cast<std::size_t>(text.repeats)];
    inside = inside && text.log_odds.low <= forward && forward <= text.log_odds.high;
    worst = std::max(worst, std::abs(text.middle() - (b + text.repeats * w)));
  }
  page.check("what the forward pass computes is in these intervals", inside);
  page.check("the best b and w miss by just that", std::abs(worst - std::abs(miss)));
}

// The claim of the paper on the model as it was drawn: repeating a word does not add its weight again.
void show_claim(std::uint64_t seed, Page& page) {
  Step step(seed);
  const TokenId word = step.source.vocabulary().find("perfect").value();
  const SpecialTokens special = usual_special_tokens(step.source.vocabulary());
  const Vector full = repeat_curve(step, word, 0, special);
  const std::vector<ShortText> enclosed = enclosed_texts(step, word, special);
  forget_positions(step);
  const Vector unplaced = repeat_curve(step, word, 0, special), bare = repeat_curve(step, word, 1, {});

  page.section("Why it matters: attention averages, the truth adds");
  page.say(
      "Leemann et al. (TMLR 2025) show that attention models cannot represent the sum that this one is asked "
      "to learn. F of \"perfect\" written n times, by the model before its step; the same without position "
      "embeddings; and without [CLS] and [SEP] as well:");
  page.ask("The truth rises by 1.5 a word. What will the last column do?");
  Table table({{"n", Table::Align::right},
               {"truth 1.5 n", Table::Align::right},
               {"F", Table::Align::right},
               {"F, no positions", Table::Align::right},
               {"F, no positions, bare text", Table::Align::right}});
  for (std::size_t n = 0; n <= kRepeats; ++n)
    table.add_row({std::to_string(n), number(step.source.log_odds(std::vector<TokenId>(n, word)), 1),
                   number(full[n]), number(unplaced[n]), n == 0 ? "" : number(bare[n - 1])});
  page.table(table);
  const auto [lowest, highest] = std::ranges::minmax(bare);
  page.say(
      "Column F is uneven, and may jump: another word puts \"perfect\" on a new position and moves [SEP] on "
      "by one, and the embeddings of positions are still random; the column beside it, without them, "
      "settles.");
  page.say(
      "Equal rows have equal values, and an average of equal values is that value: no training can make the "
      "last column anything but constant.");
  page.check("the last column is constant", highest - lowest);
  show_certificate(enclosed, full, page);
}

// With a pause what follows a question waits for a line of input.
void print(const Page& page, bool pause) {
  std::size_t at = 0;
  if (pause)
    for (const std::size_t question : page.questions()) {
      std::cout << page.text().substr(at, question - at) << std::flush;
      at = question;
      std::cerr << "    [Enter: the answer. Ctrl-C: end of the tour.] " << std::flush;
      std::string line;
      std::getline(std::cin, line);
    }
  std::cout << page.text().substr(at);
}

int run(const ParsedOptions& parsed) {
  const std::uint64_t seed = seed_option(parsed);
  Page page;
  introduce(seed, page);
  Step step(seed);
  show_forward(step, page);
  show_learning(step, page);
  show_claim(seed, page);
  page.end();
  if (const std::string& file = parsed["html"].word; !file.empty()) write_file(file, page.html());
  print(page, parsed.count("pause") > 0);
  return static_cast<int>(page.failures() == 0 ? ExitStatus::done : ExitStatus::check_failed);
}

}  // namespace

int main(int argc, char** argv) {
  return run_command(argc, argv,
                     {.name = "tour",
                      .summary = "One training step of a small classifier, explained as it happens.",
                      .options = {{"seed", "N", "0", "of the weights"},
                                  {"pause", "", "", "wait before each answer: Enter shows it, Ctrl-C ends"},
                                  {"html", "FILE", "", "write the page for a browser, too"},
                                  {"h,help", "", "", "print this"}},
                      .run = run,
                      .program = "",
                      .has_common = false});
}
