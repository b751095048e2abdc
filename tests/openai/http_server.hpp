// A server on 127.0.0.1 whose replies the test writes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "slalom/base/files.hpp"

namespace slalom::test {

struct HttpRequest {
  int number = 0;  // from 0, in the order of arrival
  std::string head, body;
  /// What the prompt has behind "Text: ".
  std::string text() const;
};

/// All bytes of a reply; an empty string closes the connection without one.
std::string http_reply(int status, const std::string& body, const std::string& headers = "");
/// A chat completion whose first token has these alternatives, as JSON: [{"token","logprob"}, …].
std::string chat_reply(const std::string& top_logprobs);
/// The same with "negative" at log(1 − p) and "positive" at log(p).
std::string answer_of(double p);

class HttpServer {
 public:
  /// Called by one thread for each connection, perhaps at the same time.
  using Handler = std::function<std::string(const HttpRequest&)>;

  /// Listens on a port that the system chooses.
  explicit HttpServer(Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// "http://127.0.0.1:PORT/v1".
  std::string url() const;
  int requests() const { return requests_; }
  /// Holds a handler until ready() or until the server ends; ready() is asked after every reply.
  void hold_until(const std::function<bool()>& ready);
  int replies() const { return replies_; }

 private:
  void accept_all();
  void serve(int connection);
  bool read_request(int connection, std::string& unread, HttpRequest& request);

  Handler handler_;
  int port_ = 0;
  FileDescriptor listening_;
  std::atomic<int> requests_{0}, replies_{0};
  std::atomic<bool> ending_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> open_;
  std::list<std::thread> threads_;
  std::thread accepting_;
};

/// An address on this machine where nobody listens.
std::string closed_url();

}  // namespace slalom::test
