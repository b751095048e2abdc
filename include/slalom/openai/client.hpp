// Asks a language model about texts, in order, paying for each different text once: what is known is not
// asked, what may pass is tried again, and what would not is an error at once.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "slalom/base/error.hpp"
#include "slalom/openai/answer_cache.hpp"
#include "slalom/openai/chat.hpp"
#include "slalom/openai/http.hpp"

namespace slalom {

/// Time as a client sees it.
class Clock {
 public:
  Clock() = default;
  virtual ~Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  /// Seconds from some moment on; never goes back.
  virtual double now() const;
  /// Seconds since 1970.
  virtual std::int64_t date() const;
  /// Waits for so long, a second at most, or until `descriptor` (−1: none) can be read.
  virtual void wait(double seconds, int descriptor);
};

struct ClientOptions {
  ChatForm form{};
  std::string key{};              // never in a message
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

class Client {
 public:
  /// `cache` and `clock` must outlive the client.
  Client(ClientOptions options, AnswerCache& cache, Clock& clock);

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
  struct Request {
    std::string key, body;
    int failures = 0;
    double due = 0;  // not to be sent before
  };
  struct Failure {
    std::string what, hint{};
    bool lasting = true;           // it would be the same another time
    std::optional<double> wait{};  // seconds that the server asks for
    bool everyone = false;         // all requests are to wait
    int most_retries = 1000;
  };

  void send_due();
  bool may_send_more() const;
  double next_start() const;
  void take_reply(const HttpReply& reply);
  std::optional<Failure> failure_in(const HttpReply& reply, Index question, const Request& request);
  std::optional<Failure> failure_in_answer(const Json& reply, Index question, const Request& request);
  Failure failure_of_status(const HttpReply& reply) const;
  void retry(Index question, Request request, const Failure& failure);
  void fail(const std::string& what, const std::string& hint);

  ClientOptions options_;
  AnswerCache& cache_;
  Clock& clock_;
  HttpClient http_;
  std::deque<std::string> order_;               // keys of the questions that next() has not answered
  std::unordered_set<std::string> pending_;     // keys that are waiting or running
  std::map<Index, Request> waiting_, running_;  // by the question's number
  double paused_until_, next_by_rate_;
  std::optional<Error> failure_;
  ClientCounts counts_;
};

}  // namespace slalom
