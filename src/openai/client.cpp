#include "slalom/openai/client.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "slalom/base/interrupt.hpp"
#include "slalom/base/random.hpp"

namespace slalom {

namespace {

constexpr double kLongestBackOff = 60, kLongestWait = 600;  // seconds
constexpr int kMalformedRetries = 2;
constexpr std::size_t kRedactedPiece = 8, kShortestSecret = 4;  // bytes

}  // namespace

double Clock::now() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::int64_t Clock::date() const {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void Clock::wait(double seconds, int descriptor) {
  pollfd input{descriptor, POLLIN, 0};  // poll() ignores −1
  ::poll(&input, 1, static_cast<int>(std::ceil(std::clamp(seconds, 0.0, 1.0) * 1000)));
}

double back_off_seconds(Index question, int failures) {
  const double full = std::min(std::ldexp(1.0, failures - 1), kLongestBackOff);
  Rng random(static_cast<std::uint64_t>(question), Purpose::back_off, static_cast<std::uint64_t>(failures));
  return full * (0.5 + 0.5 * random.uniform());
}

std::string without_key(std::string_view text, std::string_view key) {
  if (key.size() < kShortestSecret) return std::string(text);
  const std::size_t least = std::min(kRedactedPiece, key.size());
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = least;
    if (text.size() - at < least || key.find(text.substr(at, length)) == key.npos) {
      out += text[at++];
      continue;
    }
    while (at + length < text.size() && key.find(text.substr(at, length + 1)) != key.npos) ++length;
    out += "[key]";
    at += length;
  }
  return out;
}

Client::Client(ClientOptions options, AnswerCache& cache, Clock& clock)
    : options_(std::move(options)),
      cache_(cache),
      clock_(clock),
      http_({.url = options_.form.url, .key = options_.key, .timeout = options_.timeout}),
      paused_until_(clock.now()),
      next_by_rate_(paused_until_) {}

void Client::ask(std::string_view text) {
  std::string body = request_body(options_.form, text);
  const std::string key = request_key(options_.form, body);
  const Index question = counts_.queries++;
  order_.push_back(key);
  if (cache_.find(key) != nullptr || !pending_.insert(key).second)
    ++counts_.known;
  else
    waiting_.emplace(question, Request{.key = key, .body = std::move(body)});
}

std::optional<LabelLogProbabilities> Client::next() {
  const LabelLogProbabilities* answer = order_.empty() ? nullptr : cache_.find(order_.front());
  if (answer == nullptr) return std::nullopt;
  order_.pop_front();
  if (const std::string bound = answer->bound(); !bound.empty())
    ++(bound == "both" ? counts_.unlisted : counts_.bounds);
  return *answer;
}

// --- sending ---------------------------------------------------------------------------------------------

void Client::work(int descriptor) {
  check_interrupt();
  send_due();
  if (failure_ && running_.empty()) throw *failure_;
  const double patience = may_send_more() ? next_start() - clock_.now() : 1;
  if (running_.empty()) return clock_.wait(patience, descriptor);
  for (const HttpReply& reply : http_.wait(patience, descriptor)) take_reply(reply);
}

bool Client::may_send_more() const {
  return !failure_ && !waiting_.empty() && std::ssize(running_) < options_.parallel;
}

double Client::next_start() const {
  double due = std::numeric_limits<double>::infinity();
  for (const auto& [question, request] : waiting_) due = std::min(due, request.due);
  return std::max({due, paused_until_, next_by_rate_});
}

void Client::send_due() {
  while (may_send_more() && next_start() <= clock_.now()) {
    if (options_.budget && counts_.asked + counts_.retries >= *options_.budget)
      return fail(concat("--budget-queries ", *options_.budget, ": used up, ", waiting_.size(),
                         " questions that were read are not answered"),
                  "answers in --cache FILE are not asked for again");
    const double now = clock_.now();
    const auto first =
        std::ranges::find_if(waiting_, [&](const auto& item) { return item.second.due <= now; });
    ++(first->second.failures == 0 ? counts_.asked : counts_.retries);
    if (options_.rate > 0) next_by_rate_ = std::max(next_by_rate_, now) + 60 / options_.rate;
    http_.post(first->first, first->second.body);
    running_.insert(waiting_.extract(first));
  }
}

// --- replies ---------------------------------------------------------------------------------------------

void Client::take_reply(const HttpReply& reply) {
  const auto node = running_.extract(reply.id);
  if (const std::optional<Failure> failure = failure_in(reply, reply.id, node.mapped()))
    retry(reply.id, std::move(node.mapped()), *failure);
}

std::optional<Client::Failure> Client::failure_in(const HttpReply& reply, Index question,
                                                  const Request& request) {
  if (!reply.problem.empty())
    return Failure{.what = concat("cannot get an answer from ", options_.form.url, ": ", reply.problem),
                   .hint = "check the address and the network; a slow server needs a longer --timeout",
                   .lasting = reply.lasting};
  if (reply.status < 200 || reply.status > 299) return failure_of_status(reply);
  Json json;
  try {
    json = parse_json(reply.body, "the server's answer");
  } catch (const Error& e) {
    return Failure{.what = concat(e.what(), "; it begins with ", quoted_beginning(reply.body)),
                   .hint = "wanted a server of chat completions at " + options_.form.url,
                   .lasting = false,
                   .most_retries = kMalformedRetries};
  }
  return failure_in_answer(json, question, request);
}

std::optional<Client::Failure> Client::failure_in_answer(const Json& reply, Index question,
                                                         const Request& request) {
  try {
    const ChatAnswer answer = read_answer(reply);
    if (answer.prompt_tokens || answer.completion_tokens) ++counts_.usage_reports;
    counts_.prompt_tokens += answer.prompt_tokens.value_or(0);
    counts_.completion_tokens += answer.completion_tokens.value_or(0);
    const auto& labels = options_.form.labels;
    const LabelLogProbabilities found = label_log_probabilities(answer.listed, labels);
    if (question == 0 && found.bound() == "both")
      return Failure{
          .what =
              concat("the first answer begins with neither ", json_string(labels[0]), " nor ",
                     json_string(labels[1]), ", but with ",
                     json_string(std::ranges::max(answer.listed, {}, &ListedToken::log_probability).token)),
          .hint = "--prompt must ask for exactly one of the two --labels"};
    cache_.add(request.key, found);
    pending_.erase(request.key);
    return std::nullopt;
  } catch (const Error& e) {
    return Failure{.what = e.what(), .hint = e.hint()};
  }
}

namespace {

// What may be wrong where the server refuses a request for good.
std::string hint_of_status(long status, const ClientOptions& options) {
  std::string key =
      options.key.empty()
          ? concat("no key was sent: ", options.key_variable.empty() ? "name its variable with --key-variable"
                                                                     : options.key_variable + " is not set")
          : "the key is from the environment variable " + options.key_variable;
  switch (status) {
    case 400:
      return concat("the model may not support log-probabilities, or fewer than --top-logprobs ",
                    options.form.top_logprobs);
    case 401:
      return key;
    case 403:
      return key + "; it may not be allowed to use --llm " + options.form.model;
    case 404:
      return "check --url (what comes before /chat/completions) and --llm " + options.form.model;
    default:
      return "";
  }
}

}  // namespace

Client::Failure Client::failure_of_status(const HttpReply& reply) const {
  const std::string what =
      concat(options_.form.url, ": status ", reply.status, ": ", server_message(reply.body));
  if (reply.status >= 300 && reply.status < 400)
    return {.what = concat(options_.form.url, ": status ", reply.status, ": redirected to ",
                           quoted_beginning(reply.location)),
            .hint = "redirects are not followed: give that address with --url if you trust it"};
  constexpr long kPassing[] = {408, 429, 500, 502, 503, 504};
  if (std::ranges::find(kPassing, reply.status) == std::end(kPassing))
    return {.what = what, .hint = hint_of_status(reply.status, options_)};
  if (reply.status != 429)
    return {.what = what,
            .hint = "the server fails or is busy: try later, or --retries N",
            .lasting = false,
            .wait = seconds_to_wait(reply.retry_after, clock_.date())};
  return {.what = what,
          .hint = "--rate N sends at most N requests a minute, --parallel 1 one at a time",
          .lasting = reply.body.find("insufficient_quota") != std::string::npos,
          .wait = seconds_to_wait(reply.retry_after, clock_.date()),
          .everyone = true};
}

void Client::retry(Index question, Request request, const Failure& failure) {
  const int tries = request.failures + 1;
  const std::string after = tries > 1 ? concat(" (after ", tries, " tries", ")") : "";
  if (failure.lasting || request.failures >= std::min(options_.retries, failure.most_retries))
    return fail(failure.what + after, failure.hint);
  ++request.failures;
  const double wait = failure.wait.value_or(back_off_seconds(question, request.failures));
  if (wait > kLongestWait)
    return fail(
        concat(failure.what, "; the server asks to wait for ", wait, " s, longer than ", kLongestWait),
        "answers in --cache FILE are not asked for again");
  request.due = clock_.now() + wait;
  if (failure.everyone) paused_until_ = std::max(paused_until_, request.due);
  waiting_.emplace(question, std::move(request));
}

void Client::fail(const std::string& what, const std::string& hint) {
  if (failure_) return;
  // Messages quote what servers say as JSON strings.
  const std::string quoted = json_string(options_.key);
  const auto clean = [&](const std::string& message) {
    return without_key(without_key(message, options_.key), quoted.substr(1, quoted.size() - 2));
  };
  failure_ = Error(clean(what), clean(hint));
}

}  // namespace slalom
