#include "slalom/openai/client.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <ctime>

#include "../support/compare.hpp"
#include "../support/temporary_folder.hpp"
#include "http_server.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

const std::string kKey = "sk-proj-0123456789abcdef";

/// Time that passes only by waiting.
class TestClock final : public Clock {
 public:
  double now() const override { return now_; }
  void wait(double seconds, int) override { now_ += std::max(seconds, 1e-9); }

 private:
  double now_ = 0;
};

ClientOptions options_for(const std::string& url) {
  return {.form = {.url = url + "/chat/completions",
                   .model = "m",
                   .prompt = "Text: {text}",
                   .labels = {"negative", "positive"}},
          .key = kKey,
          .key_variable = "A_KEY",
          .timeout = 20};
}

struct Asked {
  std::vector<double> log_odds;
  std::string error, hint;
  ClientCounts counts;
  double waited = 0;  // s of the test's clock
};

Asked ask(const ClientOptions& options, const std::vector<std::string>& texts,
          const std::string& cache_path = "") {
  Asked out;
  AnswerCache cache(cache_path);
  TestClock clock;
  Client client(options, cache, clock);
  for (const std::string& text : texts) client.ask(text);
  const auto take = [&] {
    while (const auto answer = client.next()) out.log_odds.push_back(answer->log_odds());
  };
  try {
    for (take(); client.outstanding() > 0; take()) client.work();
  } catch (const Error& e) {
    out.error = e.what();
    out.hint = e.hint();
    CHECK(e.status() == ExitStatus::bad_input);
  }
  out.counts = client.counts();
  out.waited = clock.now();
  CHECK((out.error + out.hint).find(kKey) == std::string::npos);
  return out;
}

/// These replies one after the other, the last one again and again.
HttpServer::Handler in_turn(std::vector<std::string> replies) {
  return [replies](const HttpRequest& request) {
    return replies[std::min(static_cast<std::size_t>(request.number), replies.size() - 1)];
  };
}

bool near(const std::vector<double>& got, const std::vector<double>& want) {
  return relative_error(got, want) <= 1e-12;
}

// F of answer_of(0.75): ln(.75 / .25)
const double kLn3 = std::log(3.0);

}  // namespace

TEST_CASE("client: a question is one POST with the key, and its answer the log-odds") {
  HttpRequest seen;
  HttpServer server([&](const HttpRequest& request) {
    seen = request;
    return answer_of(0.75);
  });
  const Asked asked = ask(options_for(server.url()), {"good"});
  CHECK(near(asked.log_odds, {kLn3}));
  CHECK(seen.head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"));
  CHECK(seen.head.find("\r\nAuthorization: Bearer " + kKey + "\r\n") != std::string::npos);
  CHECK(seen.head.find("\r\nContent-Type: application/json\r\n") != std::string::npos);
  CHECK(seen.body == request_body(options_for("").form, "good"));
  CHECK(asked.counts.prompt_tokens == 30);
  CHECK(asked.counts.completion_tokens == 1);
  ClientOptions no_key = options_for(server.url());
  no_key.key = "";
  CHECK(ask(no_key, {"good"}).error.empty());
  CHECK(seen.head.find("Authorization") == std::string::npos);
}

TEST_CASE("client: answers keep the order of the questions, whatever the order in which they come") {
  // "0" is answered when all others are.
  HttpServer* held = nullptr;
  HttpServer server([&](const HttpRequest& r) {
    if (r.text() == "0") held->hold_until([&] { return held->replies() == 7; });
    return answer_of(1 / (1 + std::exp(-std::stod(r.text()))));
  });
  held = &server;
  const Asked asked = ask(options_for(server.url()), {"0", "1", "2", "3", "4", "5", "6", "7"});
  REQUIRE(asked.log_odds.size() == 8);
  for (int i = 0; i < 8; ++i) CHECK(std::abs(asked.log_odds[static_cast<std::size_t>(i)] - i) <= 1e-12);
}

TEST_CASE("client: no more requests are under way than --parallel allows") {
  std::atomic<int> now{0}, most{0};
  HttpServer* held = nullptr;
  HttpServer server([&](const HttpRequest& request) {
    const int here = ++now;
    for (int seen = most; here > seen && !most.compare_exchange_weak(seen, here);) {
    }
    if (request.number < 2) held->hold_until([&] { return most >= 3; });
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    --now;
    return answer_of(0.75);
  });
  held = &server;
  std::vector<std::string> texts;
  for (int i = 0; i < 12; ++i) texts.push_back(std::to_string(i));
  ClientOptions options = options_for(server.url());
  options.parallel = 3;
  CHECK(ask(options, texts).log_odds.size() == 12);
  CHECK(most == 3);
}

TEST_CASE("client: what a server says may pass is tried again, as late as it asks") {
  const auto waited = [](const std::string& failure) {
    HttpServer server(in_turn({failure, answer_of(0.75)}));
    const Asked asked = ask(options_for(server.url()), {"a"});
    CHECK(asked.error == "");
    CHECK(near(asked.log_odds, {kLn3}));
    CHECK(asked.counts.retries == 1);
    CHECK(server.requests() == 2);
    return asked.waited;
  };
  CHECK(std::abs(waited(http_reply(429, "{}", "Retry-After: 7\r\n")) - 7) <= 1e-6);
  const std::time_t soon = std::time(nullptr) + 100;
  char date[64];
  std::strftime(date, sizeof date, "retry-after:  %a, %d %b %Y %H:%M:%S GMT\r\n", std::gmtime(&soon));
  const double until = waited(http_reply(503, "", date));
  CHECK(until > 50);
  CHECK(until <= 100);
  for (const int status : {408, 429, 500, 502, 503, 504})
    CHECK(std::abs(waited(http_reply(status, "busy")) - back_off_seconds(0, 1)) <= 1e-6);
  CHECK(std::abs(waited(http_reply(500, "", "Retry-After: soon\r\n")) - back_off_seconds(0, 1)) <= 1e-6);
}

TEST_CASE("client: when one request is told to wait, all are") {
  HttpServer server(in_turn({http_reply(429, "{}", "Retry-After: 30\r\n"), answer_of(0.75)}));
  ClientOptions options = options_for(server.url());
  options.parallel = 1;
  const Asked asked = ask(options, {"a", "b", "c"});
  CHECK(asked.log_odds.size() == 3);
  CHECK(std::abs(asked.waited - 30) <= 1e-6);
}

TEST_CASE("client: waits double from a second to a minute, with a part of chance that is always the same") {
  for (int failures = 1; failures <= 12; ++failures) {
    const double full = failures <= 6 ? std::pow(2, failures - 1) : 60;
    for (Index question = 0; question < 20; ++question) {
      const double seconds = back_off_seconds(question, failures);
      CHECK(seconds >= full / 2);
      CHECK(seconds < full);
      CHECK(seconds == back_off_seconds(question, failures));
    }
    CHECK(back_off_seconds(0, failures) != back_off_seconds(1, failures));
  }
  HttpServer server(in_turn({http_reply(500, R"({"error":{"message":"oops"}})")}));
  ClientOptions options = options_for(server.url());
  options.retries = 3;
  const Asked asked = ask(options, {"a"});
  CHECK(asked.error == options.form.url + ": status 500: \"oops\" (after 4 tries)");
  CHECK(std::abs(asked.waited - (back_off_seconds(0, 1) + back_off_seconds(0, 2) + back_off_seconds(0, 3))) <=
        1e-6);
  CHECK(server.requests() == 4);
}

TEST_CASE("client: broken connections, late replies and broken replies are tried again") {
  const std::string whole = answer_of(0.75);
  const auto recovers = [&](const std::string& reply) {
    HttpServer server(in_turn({reply, whole}));
    const Asked asked = ask(options_for(server.url()), {"a"});
    CHECK(asked.error == "");
    CHECK(near(asked.log_odds, {kLn3}));
    CHECK(asked.counts.retries == 1);
  };
  recovers("");                                                            // closed without a reply
  recovers(whole.substr(0, 40));                                           // in the middle of the head
  recovers(whole.substr(0, whole.size() - 10));                            // in the middle of the body
  recovers("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"choices\":[");  // the same, without a length
  recovers(http_reply(200, "<html>"));
  recovers(http_reply(200, ""));
  HttpServer* slow = nullptr;
  HttpServer server([&](const HttpRequest& request) {
    if (request.number == 0) slow->hold_until([] { return false; });
    return whole;
  });
  slow = &server;
  ClientOptions options = options_for(server.url());
  options.timeout = 0.2;
  const Asked asked = ask(options, {"a"});
  CHECK(near(asked.log_odds, {kLn3}));
  CHECK(asked.counts.retries >= 1);
}

TEST_CASE("client: a reply that stays broken is shown, soon; so is a server that is not there") {
  HttpServer server(in_turn({http_reply(200, "<html>welcome")}));
  ClientOptions options = options_for(server.url());
  const Asked html = ask(options, {"a"});
  CHECK(html.error.starts_with("the server's answer: byte 1: "));
  CHECK(html.error.ends_with("; it begins with \"<html>welcome\" (after 3 tries)"));
  CHECK(server.requests() == 3);
  options = options_for(closed_url());
  options.retries = 2;
  const Asked refused = ask(options, {"a"});
  CHECK(refused.error.starts_with("cannot get an answer from " + options.form.url + ": "));
  CHECK(refused.error.ends_with("(after 3 tries)"));
  CHECK(refused.counts.retries == 2);
}

TEST_CASE("client: what would not pass is an error at once, with the server's words and a hint") {
  const auto error_of = [](const std::string& reply, const char* hint) {
    HttpServer server(in_turn({reply}));
    const Asked asked = ask(options_for(server.url()), {"a"});
    CHECK(server.requests() == 1);
    CHECK(asked.hint.find(hint) != std::string::npos);
    CAPTURE(asked.error);
    const std::string place = server.url() + "/chat/completions: ";
    return asked.error.starts_with(place) ? asked.error.substr(place.size()) : asked.error;
  };
  const auto saying = [](int status, const char* message) {
    return http_reply(status, concat(R"({"error":{"message":")", message, R"("}})"));
  };
  CHECK(error_of(saying(400, "bad"), "--top-logprobs 20") == "status 400: \"bad\"");
  CHECK(error_of(saying(401, "who?"), "A_KEY") == "status 401: \"who?\"");
  CHECK(error_of(saying(403, "no"), "--llm m") == "status 403: \"no\"");
  CHECK(error_of(saying(404, "what?"), "check --url") == "status 404: \"what?\"");
  CHECK(error_of(http_reply(302, "", "Location: http://elsewhere/\r\n"), "--url") ==
        "status 302: redirected to \"http://elsewhere/\"");
  CHECK(error_of(http_reply(429, R"({"error":{"message":"pay","code":"insufficient_quota"}})"), "") ==
        "status 429: \"pay\"");
  CHECK(error_of(http_reply(503, "", "Retry-After: 90000\r\n"), "--cache") ==
        "status 503: nothing; the server asks to wait for 90000 s, longer than 600");
  CHECK(error_of(http_reply(200, R"({"choices":[{"message":{"content":"positive"}}]})"), "logprobs") ==
        R"(the server's answer: choices[0]: field "logprobs": missing, wanted an object)");
  CHECK(error_of(http_reply(200, std::string(kLongestReply + 1, ' ')), "")
            .ends_with(concat("the reply is longer than ", kLongestReply, " bytes")));
  CHECK(error_of(chat_reply(R"([{"token":"As","logprob":-0.1},{"token":"I","logprob":-2}])"), "--prompt") ==
        "the first answer begins with neither \"negative\" nor \"positive\", but with \"As\"");
}

TEST_CASE("client: the key is in no message, however the server echoes it") {
  CHECK(without_key("a " + kKey + " b", kKey) == "a [key] b");
  CHECK(without_key("begins sk-proj-0123 ends 89abcdef", kKey) == "begins [key] ends [key]");
  CHECK(without_key("sk-proj", kKey) == "sk-proj");
  CHECK(without_key("12345 and 1234", "1234") == "[key]5 and [key]");
  CHECK(without_key("xyz", "x") == "xyz");
  CHECK(without_key("text", "") == "text");
  for (const std::string& echo :
       {http_reply(401, R"({"error":{"message":"wrong key )" + kKey + R"("}})"),
        http_reply(400, std::string(290, 'x') + kKey), http_reply(307, "", "Location: /?" + kKey + "\r\n"),
        http_reply(200, kKey), http_reply(200, R"({"choices":")" + kKey + R"("})")}) {
    HttpServer server(in_turn({echo}));
    const Asked asked = ask(options_for(server.url()), {"a"});
    CHECK(asked.error.find("sk-proj") == std::string::npos);
    CHECK(asked.error.find("[key]") != std::string::npos);
  }
  HttpServer server(in_turn({http_reply(401, R"({"error":"found a\"b\u0063"})")}));
  ClientOptions options = options_for(server.url());
  options.key = "a\"bc";
  CHECK(ask(options, {"a"}).error.ends_with(R"(status 401: "found [key]")"));
}

TEST_CASE("client: requests start no closer than --rate allows, repeated ones included") {
  HttpServer server(in_turn({answer_of(0.75)}));
  ClientOptions options = options_for(server.url());
  options.rate = 30;
  // 5 requests, 60 / 30 = 2 s from one to the next; "a" comes twice
  CHECK(std::abs(ask(options, {"a", "b", "c", "a", "d", "e"}).waited - 8) <= 1e-6);
  HttpServer failing(in_turn({http_reply(500, ""), answer_of(0.75)}));
  options = options_for(failing.url());
  options.rate = 120;
  CHECK(std::abs(ask(options, {"a"}).waited - std::max(0.5, back_off_seconds(0, 1))) <= 1e-6);
}

TEST_CASE("client: a budget is never exceeded, and what was paid for is kept") {
  HttpServer server(in_turn({answer_of(0.75), http_reply(500, ""), answer_of(0.75)}));
  const TemporaryFolder folder;
  const std::string cache = folder.file("cache");
  ClientOptions options = options_for(server.url());
  options.parallel = 1;
  options.budget = 3;  // "a", "b", and "c" while "b" waits for another try
  const Asked asked = ask(options, {"a", "b", "a", "c", "d"}, cache);
  CHECK(asked.log_odds.size() == 1);
  CHECK(asked.error == "--budget-queries 3: used up, 2 questions that were read are not answered");
  CHECK(server.requests() == 3);
  options.budget = 0;
  CHECK(ask(options, {"c", "a"}, cache).error == "");
  CHECK(server.requests() == 3);
}

TEST_CASE("client: an error waits for the replies that are under way, and their answers are kept") {
  HttpServer* held = nullptr;
  HttpServer server([&](const HttpRequest& r) {
    if (r.text() == "bad") {
      held->hold_until([&] { return held->requests() == 2; });
      return http_reply(400, "no");
    }
    held->hold_until([&] { return held->replies() == 1; });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return answer_of(0.75);
  });
  held = &server;
  const TemporaryFolder folder;
  ClientOptions options = options_for(server.url());
  options.parallel = 2;
  CHECK(ask(options, {"bad", "good"}, folder.file("cache")).error.ends_with("status 400: \"no\""));
  CHECK(near(ask(options, {"good"}, folder.file("cache")).log_odds, {kLn3}));
  CHECK(server.requests() == 2);
}

TEST_CASE("client: addresses of this machine are known") {
  for (const char* url :
       {"http://localhost:80/v1", "http://127.0.0.1", "http://127.9.9.9/", "http://[::1]:80/"})
    CHECK(is_this_machine(url));
  for (const char* url : {"http://127.0.0.1.example.com", "http://example.com/localhost", "http://[::2]/"})
    CHECK_FALSE(is_this_machine(url));
}
