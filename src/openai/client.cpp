#include "slalom/openai/client.hpp"

#include <curl/curl.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <regex>

#include "slalom/base/interrupt.hpp"
#include "slalom/base/random.hpp"

namespace slalom {

namespace {

constexpr double kLongestBackOff = 60, kLongestWait = 600;  // seconds
constexpr int kMalformedRetries = 2;
constexpr std::size_t kRedactedPiece = 8, kShortestSecret = 4;  // bytes

int milliseconds(double seconds) {
  return static_cast<int>(std::ceil(std::clamp(seconds, 0.0, 1.0) * 1000));
}

void check(bool done, const char* what) {
  if (!done) throw Error(concat("[openai] libcurl ", what));
}

std::size_t take_body(const char* bytes, std::size_t, std::size_t count, void* to) {
  std::string& body = *static_cast<std::string*>(to);
  if (body.size() + count > kLongestReply) return 0;  // ends the transfer with CURLE_WRITE_ERROR
  body.append(bytes, count);
  return count;
}

}  // namespace

double Clock::now() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Clock::wait(double seconds, int descriptor) {
  pollfd input{descriptor, POLLIN, 0};  // poll() ignores −1
  ::poll(&input, 1, milliseconds(seconds));
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

bool is_this_machine(const std::string& url) {
  static const std::regex kOwn(R"(https?://(localhost|127(\.\d{1,3}){3}|\[::1\])([:/].*)?)");
  return std::regex_match(url, kOwn);
}

struct Client::Request {
  Index question;
  std::string key, body;
  int failures = 0;
  double due = 0;  // not to be sent before
  std::unique_ptr<void, Free> easy{};
  std::string reply{};
  char problem[CURL_ERROR_SIZE] = "";
};

struct Client::Failure {
  std::string what, hint{};
  bool lasting = true;    // it would be the same another time
  bool everyone = false;  // all requests are to wait
  double wait = 0;        // seconds that the server asks for; 0: it does not
  int most_retries = 1000;
};

void Client::Free::operator()(void* handle) const {
  curl_easy_cleanup(handle);
}

Client::Client(ClientOptions options, AnswerCache& cache, Clock& clock)
    : options_(std::move(options)),
      cache_(cache),
      clock_(clock),
      curl_(curl_multi_init()),
      headers_(nullptr),
      paused_until_(clock.now()),
      next_by_rate_(paused_until_) {
  check(curl_ != nullptr, "cannot be set up");
  std::vector<std::string> lines = {"Content-Type: application/json", "Accept: application/json", "Expect:"};
  if (!options_.key.empty()) lines.push_back("Authorization: Bearer " + options_.key);
  for (const std::string& line : lines)
    headers_ = curl_slist_append(static_cast<curl_slist*>(headers_), line.c_str());
}

Client::~Client() {
  for (const auto& [easy, request] : running_) curl_multi_remove_handle(curl_, easy);
  running_.clear();
  curl_multi_cleanup(curl_);
  curl_slist_free_all(static_cast<curl_slist*>(headers_));
}

void Client::ask(std::string_view text) {
  std::string body = request_body(options_.form, text);
  const std::string key = request_key(options_.form, body);
  const Index question = counts_.queries++;
  order_.push_back(key);
  if (cache_.find(key) != nullptr || !pending_.insert(key).second)
    ++counts_.known;
  else
    waiting_.emplace(question, new Request{.question = question, .key = key, .body = std::move(body)});
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
  const std::size_t before = running_.size();
  take_replies();
  if (running_.size() < before) return;
  curl_waitfd input{.fd = descriptor, .events = CURL_WAIT_POLLIN, .revents = 0};
  check(curl_multi_poll(curl_, &input, descriptor < 0 ? 0 : 1, milliseconds(patience), nullptr) == CURLM_OK,
        "cannot wait for replies");
  take_replies();
}

bool Client::may_send_more() const {
  return !failure_ && !waiting_.empty() && std::ssize(running_) < options_.parallel;
}

double Client::next_start() const {
  double due = std::numeric_limits<double>::infinity();
  for (const auto& [question, request] : waiting_) due = std::min(due, request->due);
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
        std::ranges::find_if(waiting_, [&](const auto& item) { return item.second->due <= now; });
    ++(first->second->failures == 0 ? counts_.asked : counts_.retries);
    if (options_.rate > 0) next_by_rate_ = std::max(next_by_rate_, now) + 60 / options_.rate;
    start(*first->second);
    void* easy = first->second->easy.get();
    running_.emplace(easy, std::move(waiting_.extract(first).mapped()));
  }
}

void Client::start(Request& r) {
  r.easy.reset(curl_easy_init());
  r.reply.clear();
  const auto set = [&](CURLoption option, auto value) {
    check(curl_easy_setopt(r.easy.get(), option, value) == CURLE_OK, "refuses an option");
  };
  set(CURLOPT_URL, options_.form.url.c_str());
  set(CURLOPT_HTTPHEADER, static_cast<curl_slist*>(headers_));
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(r.body.size()));
  set(CURLOPT_POSTFIELDS, r.body.data());
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::ceil(options_.timeout * 1000)));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "slalom/" SLALOM_VERSION);
  if (is_this_machine(options_.form.url)) set(CURLOPT_PROXY, "");
  set(CURLOPT_WRITEFUNCTION, take_body);
  set(CURLOPT_WRITEDATA, &r.reply);
  set(CURLOPT_ERRORBUFFER, r.problem);
  check(curl_multi_add_handle(curl_, r.easy.get()) == CURLM_OK, "cannot start a request");
}

// --- replies ---------------------------------------------------------------------------------------------

namespace {

template <class T>
T info(CURL* easy, CURLINFO what) {
  T value{};
  curl_easy_getinfo(easy, what, &value);
  return value;
}

// What may be wrong where the server refuses a request for good.
std::string hint_of_status(long status, const ClientOptions& options) {
  const std::string& variable = options.key_variable;
  const std::string key = !options.key.empty() ? "the key is from the environment variable " + variable
                          : variable.empty()   ? "no key was sent: name its variable with --key-variable"
                                               : "no key was sent: " + variable + " is not set";
  if (status == 400)
    return concat("the model may not support log-probabilities, or fewer than --top-logprobs ",
                  options.form.top_logprobs);
  if (status == 401) return key;
  if (status == 403) return key + "; it may not be allowed to use --llm " + options.form.model;
  if (status == 404)
    return "check --url (what comes before /chat/completions) and --llm " + options.form.model;
  return "";
}

}  // namespace

void Client::take_replies() {
  int left = 0;
  check(curl_multi_perform(curl_, &left) == CURLM_OK, "cannot go on with its requests");
  while (const CURLMsg* message = curl_multi_info_read(curl_, &left)) {
    const CURLcode code = message->data.result;  // removing the handle ends the message
    auto node = running_.extract(message->easy_handle);
    curl_multi_remove_handle(curl_, node.key());
    std::optional<Failure> failure = failure_of_transfer(*node.mapped(), code);
    if (!failure) failure = failure_of_status(*node.mapped());
    if (!failure) failure = failure_of_answer(*node.mapped());
    if (failure) retry(std::move(node.mapped()), *failure);
  }
}

std::optional<Client::Failure> Client::failure_of_transfer(const Request& r, int code) const {
  if (code == CURLE_OK) return std::nullopt;
  // What would be the same another time; everything else may pass.
  constexpr int kLasting[] = {CURLE_WRITE_ERROR, CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL,
                              CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE};
  const std::string problem = code == CURLE_WRITE_ERROR
                                  ? concat("the reply is longer than ", kLongestReply, " bytes")
                              : *r.problem != '\0' ? r.problem
                                                   : curl_easy_strerror(static_cast<CURLcode>(code));
  return Failure{.what = concat("cannot get an answer from ", options_.form.url, ": ", problem),
                 .hint = "check the address and the network; a slow server needs a longer --timeout",
                 .lasting = std::ranges::count(kLasting, code) > 0};
}

std::optional<Client::Failure> Client::failure_of_status(const Request& r) const {
  const long status = info<long>(r.easy.get(), CURLINFO_RESPONSE_CODE);
  if (status >= 200 && status <= 299) return std::nullopt;
  const std::string what = concat(options_.form.url, ": status ", status, ": ");
  if (const char* elsewhere = info<const char*>(r.easy.get(), CURLINFO_REDIRECT_URL))
    return Failure{.what = concat(what, "redirected to ", quoted_beginning(elsewhere)),
                   .hint = "redirects are not followed: give that address with --url if you trust it"};
  Failure failure{.what = what + server_message(r.reply)};
  constexpr long kPassing[] = {408, 429, 500, 502, 503, 504};
  if (!std::ranges::count(kPassing, status)) {
    failure.hint = hint_of_status(status, options_);
    return failure;
  }
  failure.wait = static_cast<double>(info<curl_off_t>(r.easy.get(), CURLINFO_RETRY_AFTER));
  failure.everyone = status == 429;
  failure.lasting = status == 429 && r.reply.find("insufficient_quota") != std::string::npos;
  failure.hint = status == 429 ? "--rate N sends at most N requests a minute, --parallel 1 one at a time"
                               : "the server fails or is busy: try later, or --retries N";
  return failure;
}

std::optional<Client::Failure> Client::failure_of_answer(const Request& r) {
  Json reply;
  try {
    reply = parse_json(r.reply, "the server's answer");
  } catch (const Error& e) {
    return Failure{.what = concat(e.what(), "; it begins with ", quoted_beginning(r.reply)),
                   .hint = "wanted a server of chat completions at " + options_.form.url,
                   .lasting = false,
                   .most_retries = kMalformedRetries};
  }
  try {
    const ChatAnswer answer = read_answer(reply);
    if (answer.prompt_tokens || answer.completion_tokens) ++counts_.usage_reports;
    counts_.prompt_tokens += answer.prompt_tokens.value_or(0);
    counts_.completion_tokens += answer.completion_tokens.value_or(0);
    const LabelPair& labels = options_.form.labels;
    const LabelLogProbabilities found = label_log_probabilities(answer.listed, labels);
    if (r.question == 0 && found.bound() == "both")
      throw Error(
          concat("the first answer begins with neither ", json_string(labels[0]), " nor ",
                 json_string(labels[1]), ", but with ",
                 json_string(std::ranges::max(answer.listed, {}, &ListedToken::log_probability).token)),
          "--prompt must ask for exactly one of the two --labels");
    cache_.add(r.key, found);
    pending_.erase(r.key);
    return std::nullopt;
  } catch (const Error& e) {
    return Failure{.what = e.what(), .hint = e.hint()};
  }
}

void Client::retry(std::unique_ptr<Request> request, const Failure& failure) {
  const int tries = request->failures + 1;
  const std::string after = tries > 1 ? concat(" (after ", tries, " tries)") : "";
  if (failure.lasting || request->failures >= std::min(options_.retries, failure.most_retries))
    return fail(failure.what + after, failure.hint);
  ++request->failures;
  const double wait =
      failure.wait > 0 ? failure.wait : back_off_seconds(request->question, request->failures);
  if (wait > kLongestWait)
    return fail(
        concat(failure.what, "; the server asks to wait for ", wait, " s, longer than ", kLongestWait),
        "answers in --cache FILE are not asked for again");
  request->due = clock_.now() + wait;
  if (failure.everyone) paused_until_ = std::max(paused_until_, request->due);
  waiting_.emplace(request->question, std::move(request));
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
