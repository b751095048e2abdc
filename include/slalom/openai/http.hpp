// POST requests to one address, several at a time. The only user of libcurl.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "slalom/base/index.hpp"

namespace slalom {

/// A reply that is longer than this many bytes is given up.
inline constexpr std::size_t kLongestReply = std::size_t{1} << 20;

struct HttpReply {
  Index id = 0;     // of the request
  long status = 0;  // HTTP's; 0 if no complete reply came
  std::string body{};
  std::string problem{};                  // why none came: "Connection refused" …
  bool lasting = false;                   // and that it would be the same another time
  std::string retry_after{}, location{};  // header lines, or empty
};

struct HttpOptions {
  std::string url{};   // http:// or https://
  std::string key{};   // sent as "Authorization: Bearer …"; empty: not sent
  double timeout = 0;  // seconds that a reply may take
};

/// Redirects are not followed, certificates are verified, and proxies are those of curl's environment
/// variables, but none for this machine's own addresses.
class HttpClient {
 public:
  /// Throws Error if libcurl cannot be set up.
  explicit HttpClient(const HttpOptions& options);
  ~HttpClient();

  /// Starts a request with a body of JSON.
  void post(Index id, std::string body);
  Index in_flight() const;
  /// Waits until a reply is complete, `descriptor` (−1: none) can be read or `seconds` have gone by, a second
  /// at most; gives the replies that are complete.
  std::vector<HttpReply> wait(double seconds, int descriptor);

 private:
  class Connections;
  std::unique_ptr<Connections> connections_;
};

/// The value of Retry-After, seconds or an HTTP date, as seconds from `date` (seconds since 1970) on, at
/// least 0; nullopt if it is neither.
std::optional<double> seconds_to_wait(const std::string& retry_after, std::int64_t date);

/// The part of an address between "//" and the port or path; "[::1]" without its brackets.
std::string host_of(const std::string& url);
/// localhost, 127.0.0.0/8 or ::1.
bool is_this_machine(const std::string& host);

}  // namespace slalom
