#include "http_server.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"

namespace slalom::test {

namespace {

FileDescriptor listen_somewhere(int& port) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), any, size) != 0 || ::listen(socket.get(), 64) != 0 ||
      ::getsockname(socket.get(), any, &size) != 0)
    throw std::runtime_error("cannot listen on 127.0.0.1");
  port = ntohs(address.sin_port);
  return socket;
}

}  // namespace

std::string HttpRequest::text() const {
  const Json json = parse_json(body, "request");
  const std::string content = json["messages"][0]["content"].get<std::string>();
  const std::size_t at = content.rfind("Text: ");
  return at == std::string::npos ? content : content.substr(at + 6);
}

std::string http_reply(int status, const std::string& body, const std::string& headers) {
  return slalom::concat("HTTP/1.1 ", status, " Status\r\nContent-Length: ", body.size(), "\r\n", headers,
                        "\r\n", body);
}

std::string chat_reply(const std::string& top_logprobs) {
  return http_reply(200, R"({"choices":[{"logprobs":{"content":[{"token":"x","top_logprobs":)" +
                             top_logprobs + R"(}]}}],"usage":{"prompt_tokens":30,"completion_tokens":1}})");
}

std::string answer_of(double p) {
  const auto item = [](const char* token, double q) {
    return JsonRow().field("token", token).field("logprob", std::log(q)).str();
  };
  return chat_reply('[' + item("negative", 1 - p) + ',' + item("positive", p) + ']');
}

HttpServer::HttpServer(Handler handler) : handler_(std::move(handler)), listening_(listen_somewhere(port_)) {
  accepting_ = std::thread([this] { accept_all(); });
}

HttpServer::~HttpServer() {
  ending_ = true;
  ::shutdown(listening_.get(), SHUT_RDWR);
  accepting_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int connection : open_) ::shutdown(connection, SHUT_RDWR);
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::string HttpServer::url() const {
  return slalom::concat("http://127.0.0.1:", port_, "/v1");
}

void HttpServer::hold_until(const std::function<bool()>& ready) {
  std::unique_lock lock(mutex_);
  while (!ending_ && !ready()) changed_.wait_for(lock, std::chrono::milliseconds(20));
}

void HttpServer::accept_all() {
  for (;;) {
    const int connection = ::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    {
      const std::lock_guard lock(mutex_);
      open_.push_back(connection);
    }
    threads_.emplace_back([this, connection] { serve(connection); });
  }
}

void HttpServer::serve(int connection) {
  std::string unread;
  for (HttpRequest request; read_request(connection, unread, request);) {
    request.number = requests_++;
    const std::string reply = handler_(request);
    ++replies_;
    changed_.notify_all();
    std::size_t sent = 0;
    while (sent < reply.size()) {
      const ssize_t n = ::send(connection, reply.data() + sent, reply.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<std::size_t>(n);
    }
    const std::size_t announced = reply.find("Content-Length: "), end = reply.find("\r\n\r\n");
    const bool complete = announced != std::string::npos && sent == reply.size() &&
                          std::stoul(reply.substr(announced + 16)) == reply.size() - end - 4;
    if (!complete) break;
  }
  const std::lock_guard lock(mutex_);
  std::erase(open_, connection);
  ::close(connection);
}

bool HttpServer::read_request(int connection, std::string& unread, HttpRequest& request) {
  char bytes[1 << 14];
  for (;;) {
    const std::size_t end = unread.find("\r\n\r\n");
    if (end != std::string::npos) {
      request.head = unread.substr(0, end + 4);
      const std::size_t length = request.head.find("Content-Length: ");
      const std::size_t size = length == std::string::npos ? 0 : std::stoul(request.head.substr(length + 16));
      if (unread.size() >= end + 4 + size) {
        request.body = unread.substr(end + 4, size);
        unread.erase(0, end + 4 + size);
        return true;
      }
    }
    const ssize_t n = ::recv(connection, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    unread.append(bytes, static_cast<std::size_t>(n));
  }
}

std::string closed_url() {
  int port = 0;
  listen_somewhere(port).close();
  return slalom::concat("http://127.0.0.1:", port, "/v1");
}

}  // namespace slalom::test
