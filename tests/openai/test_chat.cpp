#include "slalom/openai/chat.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "../support/compare.hpp"
#include "../support/error_of.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

const std::array<std::string, 2> kLabels = {"negative", "positive"};

std::string message_of(const std::string& reply) {
  return test::error_of([&] { read_answer(parse_json(reply, "reply")); });
}

}  // namespace

TEST_CASE("chat: the request is one message with the text in every place of the template") {
  const ChatForm form{.url = "http://h/v1/chat/completions",
                      .model = "m",
                      .prompt = "{text}? Say {text}.",
                      .labels = kLabels,
                      .top_logprobs = 7};
  CHECK(request_body(form, "a \"{text}\"") ==
        R"({"model":"m","messages":[{"role":"user","content":"a \"{text}\"? Say a \"{text}\"."}],)"
        R"("max_tokens":1,"temperature":0,"logprobs":true,"top_logprobs":7})");
  CHECK(request_body(form, "").find(R"("content":"? Say .")") != std::string::npos);
  CHECK(default_prompt(kLabels) ==
        "Is the sentiment of the following text positive or negative? Answer with exactly one word, positive "
        "or negative.\n\nText: {text}");
}

TEST_CASE("chat: answers are told apart by text, labels and address") {
  ChatForm form{.url = "http://h", .model = "m", .prompt = "{text}", .labels = kLabels};
  const auto key = [&](const char* text) { return request_key(form, request_body(form, text)); };
  const std::string first = key("a");
  CHECK(first.size() == 64);
  CHECK(key("a") == first);
  CHECK(key("b") != first);
  form.labels = {"bad", "good"};
  CHECK(key("a") != first);
  form.labels = kLabels;
  form.url = "http://other";
  CHECK(key("a") != first);
  // printf '%s' '{"url":"http://h","labels":["a","b"],"body":{}}' | sha256sum
  CHECK(request_key({.url = "http://h", .labels = {"a", "b"}}, "{}") ==
        "45fda12119324912cf4dfba8fdbf85f33d118757ce437d6eb8674a96bb8a8c94");
}

TEST_CASE("chat: a token counts for the label that it is, or for the only one that it begins") {
  CHECK(label_begun("positive", kLabels) == 1);
  CHECK(label_begun(" Positive\n", kLabels) == 1);
  CHECK(label_begun("POS", kLabels) == 1);
  CHECK(label_begun("\u00a0neg", kLabels) == 0);
  CHECK(label_begun("n", kLabels) == 0);
  for (const char* other : {"", " ", "positively", "neutral", "ositive", "\"positive", "no"})
    CHECK(!label_begun(other, kLabels));
  const std::array<std::string, 2> alike = {"poor", "positive"}, nested = {"good", "goodish"};
  CHECK(!label_begun("po", alike));
  CHECK(label_begun("poo", alike) == 0);
  CHECK(!label_begun("goo", nested));
  CHECK(label_begun("good", nested) == 0);
  CHECK(label_begun("goodi", nested) == 1);
  CHECK(label_begun("ÉTÉ", {"hiver", "été"}) == 1);
}

TEST_CASE("chat: a label's log-probability is that of the sum over its tokens") {
  // positive: .5 + .125 + .0625 = .6875; negative: .25; F = ln(.6875 / .25) = ln 2.75
  const std::vector<ListedToken> listed = {{"positive", std::log(0.5)},
                                           {"Negative", std::log(0.25)},
                                           {" Positive", std::log(0.125)},
                                           {"pos", std::log(0.0625)},
                                           {"Neutral", std::log(0.03)}};
  const LabelLogProbabilities found = label_log_probabilities(listed, kLabels);
  CHECK(relative_error(found.value[1], std::log(0.6875)) <= 1e-14);
  CHECK(relative_error(found.value[0], std::log(0.25)) <= 1e-14);
  CHECK(relative_error(found.log_odds(), std::log(2.75)) <= 1e-14);
  CHECK(found.bound().empty());
  const std::vector<ListedToken> tiny = {{"positive", -2000}, {"Positive", -2000}, {"negative", 0}};
  CHECK(relative_error(label_log_probabilities(tiny, kLabels).log_odds(), -2000 + std::log(2)) <= 1e-14);
}

TEST_CASE("chat: a label that is not listed is bounded by the smallest listed log-probability") {
  const auto found = [](const std::vector<ListedToken>& listed) {
    return label_log_probabilities(listed, kLabels);
  };
  // at most e^-6 for "negative": F ≥ −0.5 + 6 = 5.5
  const LabelLogProbabilities no_negative = found({{"positive", -0.5}, {"Yes", -6}, {"No", -3}});
  CHECK(no_negative.log_odds() == 5.5);
  CHECK(no_negative.bound() == "lower");
  const LabelLogProbabilities no_positive = found({{"negative", -0.5}, {"positive", -9999}, {"Yes", -6}});
  CHECK(no_positive.log_odds() == -5.5);
  CHECK(no_positive.bound() == "upper");
  const LabelLogProbabilities neither = found({{"Yes", -1}, {"No", -2}});
  CHECK(neither.log_odds() == 0);
  CHECK(neither.bound() == "both");
  CHECK_THROWS_WITH_AS(found({{"positive", -9999}}),
                       "the server's answer lists no token with its log-probability", Error);
}

TEST_CASE("chat: an answer has its alternatives and its usage; what it lacks is named") {
  const ChatAnswer answer = read_answer(parse_json(
      R"({"id":"x","choices":[{"message":{"content":"positive"},"logprobs":{"content":[{"token":"p",)"
      R"("logprob":0,"bytes":[1],"top_logprobs":[{"token":"p","logprob":-0.25,"bytes":null}]}]}}],)"
      R"("usage":{"prompt_tokens":12,"completion_tokens":1,"total_tokens":13}})",
      "reply"));
  CHECK(answer.listed.size() == 1);
  CHECK(answer.listed[0].log_probability == -0.25);
  CHECK(answer.prompt_tokens == 12);
  CHECK(answer.completion_tokens == 1);
  CHECK(message_of(R"({"choices":[{"message":{}}]})") ==
        R"(the server's answer: choices[0]: field "logprobs": missing, wanted an object)");
  CHECK(message_of(R"({"choices":[{"logprobs":null}]})") ==
        R"(the server's answer: choices[0]: field "logprobs": found null, wanted an object)");
  CHECK(
      message_of(R"({"choices":[{"logprobs":{"content":[{}]}}]})") ==
      R"(the server's answer: choices[0].logprobs.content[0]: field "top_logprobs": missing, wanted an array)");
  CHECK(message_of(R"({"choices":[]})") == R"(the server's answer: field "choices": found an empty array)");
  CHECK(message_of(R"([1])") ==
        R"(the server's answer: found an array, wanted an object with a field "choices")");
  CHECK(message_of(R"({"error":{"message":"no such model","code":3}})") ==
        R"(the server says "no such model")");
  // a probability instead of its logarithm
  CHECK(
      message_of(R"({"choices":[{"logprobs":{"content":[{"top_logprobs":[{"token":"a","logprob":0.9}]}]}}]})")
          .ends_with(R"(top_logprobs[0]: field "logprob": found 0.9, wanted at most 0)"));
}

TEST_CASE("chat: what a server says is found in the forms that are in use") {
  CHECK(server_message(R"({"error":{"message":"a"}})") == "\"a\"");
  CHECK(server_message(R"({"error":"a"})") == "\"a\"");
  CHECK(server_message(R"({"object":"error","message":"a"})") == "\"a\"");
  CHECK(server_message(R"({"detail":"a"})") == "\"a\"");
  CHECK(server_message("<html>\n") == R"("<html>\n")");
  CHECK(server_message("") == "nothing");
  CHECK(server_message(std::string(1000, 'x')).size() == 305);
}
