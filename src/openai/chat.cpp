#include "slalom/openai/chat.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/sha256.hpp"
#include "slalom/text/normalizer.hpp"

namespace slalom {

namespace {

constexpr double kVeryUnlikely = -9999;  // what servers write in place of a log-probability
constexpr double kRounding = 1e-3;       // by which a log-probability may exceed 0
constexpr std::size_t kMostQuoted = 300;

// Without white space around it, in lower case.
std::string plain(std::string_view token) {
  static const NormalizerStep kSteps[] = {normalizer::strip_left, normalizer::strip_right,
                                          normalizer::lower_case};
  return normalize(token, 0, kSteps).bytes;
}

std::string filled(std::string_view prompt, std::string_view text) {
  constexpr std::string_view kPlace = "{text}";
  std::string out(prompt);
  for (std::size_t at = 0; (at = out.find(kPlace, at)) != std::string::npos; at += text.size())
    out.replace(at, kPlace.size(), text);
  return out;
}

}  // namespace

std::string default_prompt(const LabelPair& labels) {
  const std::string choice = labels[1] + " or " + labels[0];
  return "Is the sentiment of the following text " + choice + "? Answer with exactly one word, " + choice +
         ".\n\nText: {text}";
}

std::string request_body(const ChatForm& form, std::string_view text) {
  const Json message = {{"role", "user"}, {"content", filled(form.prompt, text)}};
  return JsonRow()
      .field("model", form.model)
      .raw("messages", "[" + message.dump() + "]")
      .field("max_tokens", 1)
      .field("temperature", 0)
      .field("logprobs", true)
      .field("top_logprobs", form.top_logprobs)
      .str();
}

std::string request_key(const ChatForm& form, std::string_view body) {
  return sha256_of(JsonRow().field("url", form.url).field("labels", form.labels).raw("body", body).str());
}

std::string LabelLogProbabilities::bound() const {
  if (is_bound[0] && is_bound[1]) return "both";
  return is_bound[0] ? "lower" : is_bound[1] ? "upper" : "";
}

std::optional<std::size_t> label_begun(std::string_view token, const LabelPair& labels) {
  const std::string found = plain(token);
  if (found.empty()) return std::nullopt;
  const LabelPair wanted = {plain(labels[0]), plain(labels[1])};
  for (const std::size_t c : {0, 1})
    if (found == wanted[c]) return c;
  const bool first = wanted[0].starts_with(found), second = wanted[1].starts_with(found);
  if (first == second) return std::nullopt;
  return second ? 1 : 0;
}

LabelLogProbabilities label_log_probabilities(std::span<const ListedToken> listed, const LabelPair& labels) {
  double smallest = INFINITY;
  std::array<std::vector<double>, 2> of_label;
  for (const auto& [token, log_probability] : listed) {
    if (log_probability <= kVeryUnlikely) continue;
    smallest = std::min(smallest, log_probability);
    if (const auto label = label_begun(token, labels)) of_label[*label].push_back(log_probability);
  }
  if (smallest == INFINITY) throw Error("the server's answer lists no token with its log-probability");
  LabelLogProbabilities out;
  for (const std::size_t c : {0, 1}) {
    out.is_bound[c] = of_label[c].empty();
    out.value[c] = smallest;
    if (out.is_bound[c]) continue;
    // log Σ exp, the largest taken out so that nothing underflows
    const double largest = std::ranges::max(of_label[c]);
    double sum = 0;
    for (const double x : of_label[c]) sum += std::exp(x - largest);
    out.value[c] = largest + std::log(sum);
  }
  return out;
}

namespace {

const Json& first_of(const Json& object, const char* field, const std::string& where) {
  const Json& array = require_array(object, field, where);
  if (array.empty()) throw Error(concat(where, ": field \"", field, "\": found an empty array"));
  return array.front();
}

std::vector<ListedToken> listed_tokens(const Json& reply, const std::string& where) {
  const Json& choice = first_of(reply, "choices", where);
  const Json& logprobs = require_object(choice, "logprobs", where + ": choices[0]");
  const Json& first = first_of(logprobs, "content", where + ": choices[0].logprobs");
  const std::string place = where + ": choices[0].logprobs.content[0]";
  std::vector<ListedToken> listed;
  first_of(first, "top_logprobs", place);
  for (const Json& item : first["top_logprobs"]) {
    const std::string at = concat(place, ".top_logprobs[", listed.size(), "]");
    listed.push_back({require_string(item, "token", at), require_number(item, "logprob", at)});
    if (const double x = listed.back().log_probability; x > kRounding)
      throw Error(concat(at, ": field \"logprob\": found ", x, ", wanted at most 0"));
  }
  return listed;
}

}  // namespace

ChatAnswer read_answer(const Json& reply) {
  if (reply.is_object() && reply.contains("error") && !reply["error"].is_null() && !reply.contains("choices"))
    throw Error("the server says " + server_message(reply.dump()));
  ChatAnswer answer;
  try {
    answer.listed = listed_tokens(reply, "the server's answer");
  } catch (const Error& e) {
    throw Error(e.what(), "log-odds need a model and server that support \"logprobs\" and \"top_logprobs\"");
  }
  const auto used = [&](const char* field) -> std::optional<std::int64_t> {
    const Json usage = reply.value("usage", Json());
    if (!usage.is_object() || !usage.contains(field) || !usage[field].is_number_integer()) return {};
    return usage[field].get<std::int64_t>();
  };
  answer.prompt_tokens = used("prompt_tokens");
  answer.completion_tokens = used("completion_tokens");
  return answer;
}

std::string quoted_beginning(std::string_view bytes) {
  return json_string(bytes.substr(0, kMostQuoted)) + (bytes.size() > kMostQuoted ? "..." : "");
}

std::string server_message(std::string_view body) {
  try {
    Json said = parse_json(body, "");
    if (said.is_object() && said.contains("error")) said = Json(said["error"]);
    if (said.is_string()) return quoted_beginning(said.get<std::string>());
    for (const char* field : {"message", "detail"})
      if (said.is_object() && said.contains(field) && said[field].is_string())
        return quoted_beginning(said[field].get<std::string>());
  } catch (const Error&) {  // not JSON: its first bytes say what it is
  }
  return body.empty() ? "nothing" : quoted_beginning(body);
}

}  // namespace slalom
