#include "slalom/openai/http.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom {

namespace {

[[noreturn]] void fail(const char* what) {
  throw Error(concat("[http] libcurl: ", what));
}

struct Global {
  Global() {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) fail("cannot be set up");
  }
  ~Global() { curl_global_cleanup(); }
  Global(const Global&) = delete;
  Global& operator=(const Global&) = delete;
};

struct Free {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, Free>;

Headers headers_for(const std::string& key) {
  Headers list;
  std::vector<std::string> lines = {"Content-Type: application/json", "Accept: application/json", "Expect:"};
  if (!key.empty()) lines.push_back("Authorization: Bearer " + key);
  for (const std::string& line : lines) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) fail("out of memory");
    static_cast<void>(list.release());  // it is a part of the longer one
    list.reset(longer);
  }
  return list;
}

struct Transfer {
  std::unique_ptr<CURL, Free> easy;
  std::string body;
  HttpReply reply;
  std::array<char, CURL_ERROR_SIZE> problem{};
};

std::size_t take_body(const char* bytes, std::size_t, std::size_t count, void* to) {
  std::string& body = static_cast<Transfer*>(to)->reply.body;
  if (body.size() + count > kLongestReply) return 0;  // ends the transfer with CURLE_WRITE_ERROR
  body.append(bytes, count);
  return count;
}

// The value of a header line of this name, in any case; nullopt for other lines.
std::optional<std::string> value_of(std::string_view line, std::string_view name) {
  const auto same = [](char a, char b) { return (a | 32) == (b | 32); };
  if (line.size() <= name.size() || line[name.size()] != ':' ||
      !std::equal(name.begin(), name.end(), line.begin(), same))
    return std::nullopt;
  constexpr std::string_view kSpace = " \t\r\n";
  line.remove_prefix(std::min(line.find_first_not_of(kSpace, name.size() + 1), line.size()));
  return std::string(line.substr(0, line.find_last_not_of(kSpace) + 1));
}

std::size_t take_header(const char* bytes, std::size_t, std::size_t count, void* to) {
  const std::string_view line(bytes, count);
  HttpReply& reply = static_cast<Transfer*>(to)->reply;
  if (auto value = value_of(line, "retry-after")) reply.retry_after = std::move(*value);
  if (auto value = value_of(line, "location")) reply.location = std::move(*value);
  return count;
}

// What a connection may do one time and not another.
bool may_pass(CURLcode code) {
  constexpr CURLcode kPassing[] = {CURLE_OPERATION_TIMEDOUT,   CURLE_COULDNT_CONNECT,
                                   CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY,
                                   CURLE_GOT_NOTHING,          CURLE_PARTIAL_FILE,
                                   CURLE_RECV_ERROR,           CURLE_SEND_ERROR,
                                   CURLE_SSL_CONNECT_ERROR,    CURLE_HTTP2,
                                   CURLE_HTTP2_STREAM,         CURLE_WEIRD_SERVER_REPLY};
  return std::ranges::find(kPassing, code) != std::end(kPassing);
}

}  // namespace

class HttpClient::Connections {
 public:
  explicit Connections(const HttpOptions& options)
      : options_(options),
        this_machine_(is_this_machine(host_of(options.url))),
        headers_(headers_for(options.key)),
        multi_(curl_multi_init()) {
    if (multi_ == nullptr) fail("out of memory");
  }
  ~Connections() {
    for (const auto& [easy, transfer] : transfers_) curl_multi_remove_handle(multi_, easy);
    transfers_.clear();
    curl_multi_cleanup(multi_);
  }
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  Index in_flight() const { return std::ssize(transfers_); }

  void post(Index id, std::string body) {
    auto transfer = std::make_unique<Transfer>();
    transfer->easy.reset(curl_easy_init());
    if (transfer->easy == nullptr) fail("out of memory");
    transfer->body = std::move(body);
    transfer->reply.id = id;
    prepare(*transfer);
    CURL* easy = transfer->easy.get();
    if (curl_multi_add_handle(multi_, easy) != CURLM_OK) fail("cannot start a request");
    transfers_.emplace(easy, std::move(transfer));
  }

  std::vector<HttpReply> wait(double seconds, int descriptor) {
    curl_waitfd input{.fd = descriptor, .events = CURL_WAIT_POLLIN, .revents = 0};
    const int milliseconds = static_cast<int>(std::ceil(std::clamp(seconds, 0.0, 1.0) * 1000));
    std::vector<HttpReply> replies = finished();
    if (!replies.empty()) return replies;
    if (curl_multi_poll(multi_, &input, descriptor < 0 ? 0 : 1, milliseconds, nullptr) != CURLM_OK)
      fail("cannot wait for replies");
    return finished();
  }

 private:
  void prepare(Transfer& t) const {
    CURL* easy = t.easy.get();
    const auto set = [&](CURLoption option, auto value) {
      if (curl_easy_setopt(easy, option, value) != CURLE_OK) fail("refuses an option");
    };
    set(CURLOPT_URL, options_.url.c_str());
    set(CURLOPT_HTTPHEADER, headers_.get());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(t.body.size()));
    set(CURLOPT_POSTFIELDS, t.body.data());
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::ceil(options_.timeout * 1000)));
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_USERAGENT, "slalom/" SLALOM_VERSION);
    if (this_machine_) set(CURLOPT_PROXY, "");
    set(CURLOPT_WRITEFUNCTION, take_body);
    set(CURLOPT_WRITEDATA, &t);
    set(CURLOPT_HEADERFUNCTION, take_header);
    set(CURLOPT_HEADERDATA, &t);
    set(CURLOPT_ERRORBUFFER, t.problem.data());
  }

  std::vector<HttpReply> finished() {
    int running = 0, left = 0;
    if (curl_multi_perform(multi_, &running) != CURLM_OK) fail("cannot go on with its requests");
    std::vector<HttpReply> replies;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;  // removing the handle ends the message
      replies.push_back(taken(message->easy_handle, code));
    }
    return replies;
  }

  HttpReply taken(CURL* easy, CURLcode code) {
    const auto found = transfers_.find(easy);
    const std::unique_ptr<Transfer> transfer = std::move(found->second);
    transfers_.erase(found);
    curl_multi_remove_handle(multi_, easy);
    HttpReply reply = std::move(transfer->reply);
    if (code == CURLE_OK) {
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply.status);
    } else if (code == CURLE_WRITE_ERROR) {
      reply.problem = concat("the reply is longer than ", kLongestReply, " bytes");
      reply.lasting = true;
    } else {
      reply.problem = transfer->problem[0] != '\0' ? transfer->problem.data() : curl_easy_strerror(code);
      reply.lasting = !may_pass(code);
    }
    return reply;
  }

  Global global_;
  HttpOptions options_;
  bool this_machine_;
  Headers headers_;
  CURLM* multi_;
  std::map<CURL*, std::unique_ptr<Transfer>> transfers_;
};

HttpClient::HttpClient(const HttpOptions& options) : connections_(std::make_unique<Connections>(options)) {}
HttpClient::~HttpClient() = default;

void HttpClient::post(Index id, std::string body) {
  connections_->post(id, std::move(body));
}

Index HttpClient::in_flight() const {
  return connections_->in_flight();
}

std::vector<HttpReply> HttpClient::wait(double seconds, int descriptor) {
  return connections_->wait(seconds, descriptor);
}

std::optional<double> seconds_to_wait(const std::string& retry_after, std::int64_t date) {
  if (const std::optional seconds = parse_number<double>(retry_after); seconds && std::isfinite(*seconds))
    return std::max(*seconds, 0.0);
  const time_t then = curl_getdate(retry_after.c_str(), nullptr);
  if (then < 0) return std::nullopt;
  return std::max(static_cast<double>(then - date), 0.0);
}

std::string host_of(const std::string& url) {
  const std::size_t slashes = url.find("//");
  std::string rest = url.substr(slashes == std::string::npos ? 0 : slashes + 2);
  rest = rest.substr(0, rest.find('/'));
  if (rest.starts_with('[')) return rest.substr(1, rest.find(']') - 1);
  return rest.substr(0, rest.find(':'));
}

bool is_this_machine(const std::string& host) {
  in_addr four{};
  if (::inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  return host == "localhost" || host == "::1";
}

}  // namespace slalom
