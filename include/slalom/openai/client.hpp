// Asks a language model about texts, in order, paying for each different text once: what is known is not
// asked, what may pass is tried again, and what would not is an error at once. The only user of libcurl.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "slalom/base/error.hpp"
#include "slalom/openai/answer_cache.hpp"
#include "slalom/openai/chat.hpp"

namespace slalom {

/// A reply that is longer than this many bytes is given up.
inline constexpr std::size_t kLongestReply = std::size_t{1} << 20;

/// Time as a client sees it.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Seconds from some moment on; never goes back.
  virtual double now() const;
  /// Waits for so long, a second at most, or until `descriptor` (−1: none) can be read.
  virtual void wait(double seconds, int descriptor);
};

struct ClientOptions {
  ChatForm form{};
  std::string key{};              // sent as "Authorization: Bearer …", never in a message; empty: not sent
  std::string key_variable{};     // where it is from, for hints
  int retries = 5;                // of one question
  double timeout = 60;            // seconds that a reply may take
  double rate = 0;                // requests a minute, 0: no bound
  Index parallel = 4;             // requests at a time
  std::optional<Index> budget{};  // requests, repeated ones included
};

struct ClientCounts {
  Index queries = 0, known = 0;    // known: equal to an earlier one, or in the cache
  Index asked = 0, retries = 0;    // requests are the sum of both
  Index bounds = 0, unlisted = 0;  // queries answered by a bound; and by nothing, neither label being listed
  Index usage_reports = 0;         // answers that told their tokens
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
};

/// Seconds before try number `failures` + 1 of a question: uniform on [½, 1) of min(60, 2^(failures − 1)), by
/// a stream of random numbers of its own for each question.
double back_off_seconds(Index question, int failures);

/// The text with "[key]" for what it has of the key: pieces of at least 8 bytes, or all of a shorter key. A
/// key of less than 4 bytes is no secret.
std::string without_key(std::string_view text, std::string_view key);

/// The address's host is localhost, 127.0.0.0/8 or ::1.
bool is_this_machine(const std::string& url);

/// Redirects are not followed, certificates are verified, and proxies are those of curl's environment
/// variables, but none for this machine's own addresses.
class Client {
 public:
  /// `cache` and `clock` must outlive the client. Throws Error if libcurl cannot be set up.
  Client(ClientOptions options, AnswerCache& cache, Clock& clock);
  ~Client();

  /// The next question. It is sent by work().
  void ask(std::string_view text);
  /// Questions whose answers next() has not given.
  Index outstanding() const { return std::ssize(order_); }
  /// The answer to the oldest of them; nullopt if it is not there yet.
  std::optional<LabelLogProbabilities> next();

  /// Sends what may be sent, then waits until something comes, `descriptor` (−1: none) can be read, or more
  /// may be sent; a second at most. Throws Error, once all replies that are under way have come and their
  /// answers are kept, if a question cannot be answered or the budget is used up. Texts in messages have the
  /// key taken out.
  void work(int descriptor = -1);

  const ClientCounts& counts() const { return counts_; }

 private:
  struct Request;
  struct Failure;
  struct Free {
    void operator()(void* handle) const;
  };

  bool may_send_more() const;
  double next_start() const;
  void send_due();
  void start(Request& request);
  void take_replies();
  std::optional<Failure> failure_of_transfer(const Request& request, int code) const;
  std::optional<Failure> failure_of_status(const Request& request) const;
  /// Keeps the answer where it is one.
  std::optional<Failure> failure_of_answer(const Request& request);
  void retry(std::unique_ptr<Request> request, const Failure& failure);
  void fail(const std::string& what, const std::string& hint);

  ClientOptions options_;
  AnswerCache& cache_;
  Clock& clock_;
  void *curl_, *headers_;                              // CURLM, curl_slist
  std::deque<std::string> order_;                      // keys of what next() has not answered
  std::unordered_set<std::string> pending_;            // keys that are waiting or running
  std::map<Index, std::unique_ptr<Request>> waiting_;  // by the question's number
  std::map<void*, std::unique_ptr<Request>> running_;  // by their handles
  double paused_until_, next_by_rate_;
  std::optional<Error> failure_;
  ClientCounts counts_;
};

}  // namespace slalom
