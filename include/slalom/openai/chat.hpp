// A text as a question in the form of OpenAI's chat completions, and how its answer becomes log-odds.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "slalom/base/json.hpp"

namespace slalom {

using LabelPair = std::array<std::string, 2>;

struct ChatForm {
  std::string url{};        // of the server's chat completions
  std::string model{};      // its name there
  std::string prompt{};     // holds {text}
  LabelPair labels{};       // F = log P(labels[1]) − log P(labels[0])
  Index top_logprobs = 20;  // tokens that the server lists with their log-probabilities
};

/// Asks for exactly one of the two labels.
std::string default_prompt(const LabelPair& labels);
/// The JSON that is posted: one user message (the prompt, the text in the place of each {text}), temperature
/// 0, one token with log-probabilities.
std::string request_body(const ChatForm& form, std::string_view text);
/// What an answer is kept under: SHA-256 of address, labels and body as 64 hexadecimal digits.
std::string request_key(const ChatForm& form, std::string_view body);

/// A token that the answer might have begun with, and its log-probability (nats).
struct ListedToken {
  std::string token;
  double log_probability = 0;
};

struct LabelLogProbabilities {
  std::array<double, 2> value{};   // nats
  std::array<bool, 2> is_bound{};  // the label is not listed: `value` is not its own but an upper bound

  double log_odds() const { return value[1] - value[0]; }
  /// Log-odds are at most ("upper") or at least ("lower") log_odds(); "both": neither label is listed, and
  /// log_odds() is 0; "" if they are what they are.
  std::string bound() const;
};

/// Which label a token begins, if it is clear: white space around the token is dropped and case ignored; then
/// a token that is a label counts for it, else a non-empty beginning of one label that is no beginning of the
/// other counts for that one ("pos" for "positive", but no "p" for "positive" and "poor").
std::optional<std::size_t> label_begun(std::string_view token, const LabelPair& labels);

/// A label's probability is the sum over its tokens. A label without tokens gets the smallest listed
/// log-probability: no token of it is more probable. Log-probabilities of −9999 and less, which servers write
/// for "very unlikely", count as not listed. Throws Error if nothing is listed.
LabelLogProbabilities label_log_probabilities(std::span<const ListedToken> listed, const LabelPair& labels);

struct ChatAnswer {
  std::vector<ListedToken> listed;
  std::optional<std::int64_t> prompt_tokens, completion_tokens;  // as far as the server reports its usage
};
/// choices[0].logprobs.content[0].top_logprobs of a reply, and its usage. Throws Error saying which of these
/// the server lacks, or what it says instead of an answer.
ChatAnswer read_answer(const Json& reply);

/// What the server says went wrong: "error", "error.message", "message" or "detail" of a JSON reply, else the
/// reply's first bytes; quoted as by quoted_beginning().
std::string server_message(std::string_view body);
/// `bytes` quoted, no more than some 300 of them.
std::string quoted_beginning(std::string_view bytes);

}  // namespace slalom
