#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>

#include "../support/compare.hpp"
#include "../support/process.hpp"
#include "../support/small_models.hpp"
#include "../support/temporary_folder.hpp"
#include "http_server.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"
#include "slalom/explain/black_box.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"
#include "slalom/nn/predictor.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

const std::string kKey = "sk-proj-0123456789abcdef";

/// A language model whose log-odds are the sum of its words' weights: good 1, fine ½, bad −2, others 0.
double weight_of(const std::string& words) {
  double sum = 0;
  std::istringstream in(words);
  for (std::string word; in >> word;)
    sum += word == "good" ? 1 : word == "fine" ? 0.5 : word == "bad" ? -2 : 0;
  return sum;
}
std::string bag_of_words(const HttpRequest& request) {
  return answer_of(1 / (1 + std::exp(-weight_of(request.text()))));
}

struct Openai : TemporaryFolder {
  Openai() : TemporaryFolder("openai") {
    write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\nbad\nthe\nfi\n##ne\n");
  }

  std::vector<std::string> command(const std::string& url, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {
        program_beside("slalom-openai"), "--url", url, "--llm", "tiny", "--model", path, "--retries", "0"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Finished run(const std::string& url, const std::string& input, const std::vector<std::string>& more = {},
               Kill kill = {}) const {
    const Finished finished =
        run_process(command(url, more),
                    {.input = input, .environment = {"OPENAI_API_KEY=" + kKey}, .kill = std::move(kill)});
    CHECK((finished.out + finished.err).find("sk-proj") == std::string::npos);
    return finished;
  }
  std::string shell_command(const std::string& url, const std::string& more = "") const {
    std::string line = "OPENAI_API_KEY=" + kKey;
    for (const std::string& word : command(url)) line += " '" + word + "'";
    return line + " " + more;
  }
};

std::vector<double> log_odds_in(const std::string& lines) {
  std::vector<double> out;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);)
    out.push_back(require_number(parse_json(line, "answer"), "log_odds", "answer"));
  return out;
}

bool near(const std::vector<double>& got, const std::vector<double>& want) {
  if (got.size() != want.size()) return false;
  for (std::size_t i = 0; i < got.size(); ++i)
    if (!(std::abs(got[i] - want[i]) <= 1e-12)) return false;
  return true;
}

const std::string kThree = R"({"text":"good"})"
                           "\n"
                           R"({"text":"bad","id":7})"
                           "\n"
                           R"({"input_ids":[2,8,9,5,3,0]})"
                           "\n";

}  // namespace

TEST_CASE("slalom-openai: lines of texts and ids are answered in order, with a summary") {
  const Openai openai;
  HttpServer server(bag_of_words);
  const Finished run = openai.run(server.url(), kThree + R"({"text":"good"})" + "\n" + R"({"text":""})");
  CHECK(run.status == 0);
  CHECK(near(log_odds_in(run.out), {1, -2, 1.5, 1, 0}));
  CHECK(run.err == "slalom-openai: queries 5, known 1, asked 4, retries 0, tokens 120 in, 4 out\n");
  CHECK(server.requests() == 4);
  CHECK(openai.run(server.url(), kThree, {"--quiet"}).err.empty());
  CHECK(openai.run(server.url(), "").status == 0);
}

TEST_CASE("slalom-openai: the prompt may be a template or a file of one, and the labels any two words") {
  const Openai openai;
  std::string asked;
  HttpServer server([&](const HttpRequest& request) {
    asked = request.text();
    return chat_reply(R"([{"token":"1","logprob":-0.5},{"token":"0","logprob":-2.5}])");
  });
  const std::string line = R"({"text":"good"})";
  const std::string template_text = "Is it 0 or 1: {text}!";
  CHECK(near(log_odds_in(openai.run(server.url(), line, {"--labels", "0,1", "--prompt", template_text}).out),
             {2}));
  CHECK(asked == "Is it 0 or 1: good!");
  openai.write("prompt.txt", "{text}{text}");
  CHECK(near(
      log_odds_in(
          openai.run(server.url(), line, {"--labels", "1,0", "--prompt", openai.file("prompt.txt")}).out),
      {-2}));
  CHECK(asked == "goodgood");
}

TEST_CASE("slalom-openai: an answer that is only a bound says so, and the summary warns") {
  const Openai openai;
  HttpServer server([](const HttpRequest& r) {
    return r.text() == "good"
               ? chat_reply(R"([{"token":"positive","logprob":-0.5},{"token":"I","logprob":-3}])")
               : chat_reply(R"([{"token":"negative","logprob":-0.5},{"token":"I","logprob":-3}])");
  });
  const std::string log = openai.file("log");
  const Finished run = openai.run(server.url(), kThree, {"--log", log, "--parallel", "1"});
  CHECK(run.out ==
        "{\"log_odds\":2.5,\"bound\":\"lower\"}\n{\"log_odds\":-2.5,\"bound\":\"upper\"}\n"
        "{\"log_odds\":-2.5,\"bound\":\"upper\"}\n");
  CHECK(
      run.err.find("\nwarning: 3 answers are bounds, one label not being among the 20 most probable tokens; "
                   "0 list neither label") != std::string::npos);
  CHECK(read_file(log) == run.err);
}

TEST_CASE("slalom-openai: after a kill nothing that was answered is asked again") {
  const Openai openai;
  const std::string cache = openai.file("cache.jsonl");
  const std::vector<std::string> options = {"--cache", cache, "--parallel", "1"};
  HttpServer* held = nullptr;
  HttpServer server([&](const HttpRequest& request) {
    if (request.number == 2) held->hold_until([] { return false; });
    return bag_of_words(request);
  });
  held = &server;
  const Finished killed = openai.run(server.url(), kThree, options,
                                     {.signal = 9, .when = [&] { return server.requests() == 3; }});
  CHECK(killed.status == 128 + 9);
  CHECK(near(log_odds_in(killed.out), {1, -2}));
  const std::string left = read_file(cache);
  openai.write("cache.jsonl", left + left.substr(0, 50));  // torn while a third line was written
  const Finished again = openai.run(server.url(), kThree, options);
  CHECK(near(log_odds_in(again.out), {1, -2, 1.5}));
  CHECK(again.err.starts_with("slalom-openai: queries 3, known 2, asked 1,"));
  CHECK(server.requests() == 4);
  // the server need not even be there
  CHECK(near(log_odds_in(openai.run(server.url(), kThree, options).out), {1, -2, 1.5}));
  CHECK(server.requests() == 4);
  CHECK(read_file(cache).find("sk-proj") == std::string::npos);
}

TEST_CASE("slalom-openai: an interrupt ends it with the status of an interrupt") {
  const Openai openai;
  HttpServer* held = nullptr;
  HttpServer server([&](const HttpRequest&) {
    held->hold_until([] { return false; });
    return std::string();
  });
  held = &server;
  const Finished run =
      openai.run(server.url(), kThree, {}, {.signal = 2, .when = [&] { return server.requests() > 0; }});
  CHECK(run.status == 130);
  CHECK(run.err.ends_with("error: interrupted\n"));
}

TEST_CASE("slalom-openai: a bad line is an error with its number, after the answers to those before it") {
  const Openai openai;
  HttpServer server(bag_of_words);
  const auto error_of = [&](const std::string& line) {
    const Finished run = openai.run(server.url(), kThree + line + "\n" + kThree);
    CHECK(run.status == 3);
    CHECK(near(log_odds_in(run.out), {1, -2, 1.5}));
    const std::size_t begin = run.err.find("error: ") + 7;
    return run.err.substr(begin, run.err.find('\n', begin) - begin);
  };
  CHECK(error_of("good").starts_with("stdin: line 4: byte "));
  CHECK(error_of("{}") == R"(stdin: line 4: wanted an object with one of "input_ids" and "text")");
  CHECK(error_of(R"({"text":"a","input_ids":[]})") ==
        R"(stdin: line 4: wanted an object with one of "input_ids" and "text")");
  CHECK(error_of(R"({"text":"a","text_pair":"b"})") ==
        R"(stdin: line 4: field "text_pair": wanted one text)");
  CHECK(error_of(R"({"text":3})") == R"(stdin: line 4: field "text": found 3 (number), wanted a string)");
  CHECK(error_of(R"({"input_ids":[5,10]})") ==
        R"(stdin: line 4: field "input_ids": place 1: wanted an id from 0 to 9 as in )" + openai.path);
}

TEST_CASE("slalom-openai: a wrong command line is refused before anything is asked") {
  const Openai openai;
  HttpServer server(bag_of_words);
  const auto error_of = [&](const std::vector<std::string>& options) {
    const Finished run = openai.run(server.url(), kThree, options);
    CHECK(run.status == 2);
    CHECK(run.out.empty());
    return run.err.substr(0, run.err.find('\n'));
  };
  CHECK(error_of({"--labels", "good"}) ==
        "error: --labels good, wanted two different words with a comma between them");
  CHECK(error_of({"--labels", "Good, good "}).starts_with("error: --labels"));
  CHECK(error_of({"--prompt", "no/such"}) ==
        "error: --prompt \"no/such\": found neither {text} nor a file of that name");
  CHECK(error_of({"--llm", ""}) == "error: --llm is missing");
  CHECK(error_of({"--top-logprobs", "1"}) == "error: --top-logprobs 1, wanted 2 to 1000");
  CHECK(error_of({"--timeout", "0"}) == "error: --timeout 0, wanted 0.001 to 86400");
  CHECK(error_of({"--url", "ftp://x"}) ==
        "error: --url \"ftp://x\", wanted an address such as https://api.openai.com/v1");
  CHECK(error_of({"--url", "https://me:secret@x/v1"}) ==
        "error: --url: found a user in the address, wanted none");
  CHECK(error_of({"--url", "http://example.com/v1"}) ==
        "error: --url http://example.com/v1: the key would be sent where others can read it");
  CHECK(error_of({"stray"}) == "error: unexpected argument \"stray\"");
  CHECK(error_of({"--nothing"}).starts_with("error: "));
  CHECK(server.requests() == 0);
  CHECK(run_process({program_beside("slalom-openai"), "--version"}).out.starts_with("slalom-openai "));
  CHECK(run_process({program_beside("slalom-openai"), "--help"}).out.find("--budget-queries N") !=
        std::string::npos);
}

TEST_CASE("slalom-openai: what the server refuses ends it, and the key that it echoes is not shown") {
  const Openai openai;
  HttpServer server([](const HttpRequest&) {
    return http_reply(401, R"({"error":{"message":"Incorrect API key provided: )" + kKey + R"("}})");
  });
  const Finished run = openai.run(server.url(), kThree);
  CHECK(run.status == 3);
  CHECK(run.out.empty());
  CHECK(run.err.find("status 401: \"Incorrect API key provided: [key]\"\n"
                     "hint: the key is from the environment variable OPENAI_API_KEY\n") != std::string::npos);
  CHECK(openai.run(closed_url(), kThree).err.find("error: cannot get an answer from http://127.0.0.1:") !=
        std::string::npos);
}

TEST_CASE(
    "slalom-openai: as a classifier command it answers single questions and batches larger than it reads") {
  const Openai openai;
  HttpServer server(bag_of_words);
  CommandBlackBox f(openai.shell_command(server.url()), 20);
  CHECK(std::abs(f.log_odds(std::vector<TokenId>{2, 5, 3}) - 1) <= 1e-12);
  CHECK(std::abs(f.log_odds(std::vector<TokenId>{2, 3})) <= 1e-12);
  PackedTexts batch;
  std::vector<double> wanted;
  for (std::size_t padding = 1; padding <= 3000; ++padding) {  // different ids of two texts
    std::vector<TokenId> ids = {2, padding % 2 == 0 ? 5 : 6, 3};
    ids.resize(3 + padding % 1500, 0);
    batch.add(ids);
    wanted.push_back(padding % 2 == 0 ? 1 : -2);
  }
  CHECK(near(f.log_odds(batch), wanted));
  CHECK(server.requests() == 3);
  CHECK(std::abs(f.log_odds(std::vector<TokenId>{2, 8, 9, 3}) - 0.5) <= 1e-12);
}

TEST_CASE("slalom-openai: slalom explains a language model, and shows why one does not answer") {
  const Openai openai;
  HttpServer server(bag_of_words);
  const std::string row = "{\"input_ids\":[2,5,7,6,3]}\n";
  const auto explain = [&](const std::string& command) {
    return run_slalom({"explain", "--classifier-command", command, "--special-ids", "2,3", "--method",
                       "leave-one-out", "--held-out", "0"},
                      {.input = row});
  };
  const Finished run = explain(openai.shell_command(server.url(), "--cache " + openai.file("cache")));
  REQUIRE(run.status == 0);
  const Json explained = parse_json(run.out, "row");
  CHECK(std::abs(explained["log_odds"].get<double>() + 1) <= 1e-12);
  const Json& weights = explained["scores"]["weight"];
  CHECK(near({weights[1].get<double>(), weights[2].get<double>(), weights[3].get<double>()}, {1, 0, -2}));
  CHECK(server.requests() == 4);  // "good the bad", "the bad", "good bad", "good the"
  const Finished of_text =
      run_slalom({"explain", "--classifier-command", openai.shell_command(server.url()), "--tokenizer",
                  openai.path, "--method", "leave-one-out", "--held-out", "0", "--text", "good the bad"});
  REQUIRE(of_text.status == 0);
  CHECK(parse_json(of_text.out, "row")["scores"] == explained["scores"]);
  const Finished refused = explain(openai.shell_command(closed_url()));
  CHECK(refused.status == 3);
  CHECK(refused.err.find("it wrote to stderr: slalom-openai: queries 1, known 0, asked 1, retries 0\n"
                         "error: cannot get an answer from http://127.0.0.1:") != std::string::npos);
}

namespace {

/// A model folder behind the protocol of chat completions: "negative" and "positive" get the probabilities of
/// its two classes for the text in the prompt.
struct ChatClassifier {
  Classifier<double>& model;
  const Tokenizer& tokenizer;
  std::mutex one_at_a_time{};

  std::string operator()(const HttpRequest& request) {
    const std::lock_guard lock(one_at_a_time);
    std::vector<double> logits;
    Predictor<double>(model).logits(packed(tokenizer.encode(request.text(), "prompt").ids), logits);
    const double f = logits[1] - logits[0];
    const auto item = [](const char* label, double log_odds) {
      return JsonRow().field("token", label).field("logprob", -std::log1p(std::exp(-log_odds))).str();
    };
    return chat_reply('[' + item("negative", -f) + ',' + item("positive", f) + ']');
  }
};

/// DistilBERT of two blocks and random weights that reads ten words.
struct SmallClassifier : TemporaryFolder {
  SmallClassifier() : TemporaryFolder("classifier") {
    write(
        "vocab.txt",
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nquiet\n,\nun\n##forget\n##table\nfilm\nwith\nbad\nacting\n");
    ClassifierConfig config = small_config(Architecture::distilbert, 2);
    config.labels = 2;
    config.vocabulary = 15;
    Classifier<double> model(config);
    randomise(model, 4);
    save_model(model, path, DType::f64);
  }
};

/// All numbers of the scores, in the order of their names.
std::vector<double> scores_in(const Json& explanation) {
  std::vector<double> found;
  for (const Json& scores : explanation["scores"])
    for (const Json& x : scores)
      if (x.is_number()) found.push_back(x.get<double>());
  return found;
}

}  // namespace

TEST_CASE("slalom-openai: a classifier behind chat completions is explained as the classifier itself is") {
  const SmallClassifier small;
  const char* given = std::getenv("SLALOM_CLASSIFIER");  // another folder, such as a trained one
  const std::string folder = given != nullptr ? given : small.path;
  const LoadedModel<double> loaded = load_model<double>(folder);
  const Tokenizer tokenizer = load_tokenizer(folder).value();
  ChatClassifier classifier{*loaded.model, tokenizer};
  HttpServer server(std::ref(classifier));
  const std::string command = concat("'", program_beside("slalom-openai"), "' --url ", server.url(),
                                     " --llm local --key-variable '' --model '", folder, "'");
  // Words, since text is what the server reads: a piece of a word that is left alone would be another token.
  const std::vector<std::string> both = {"explain",
                                         "--unit",
                                         "word",
                                         "--budget",
                                         "100",
                                         "--text",
                                         "A quiet, unforgettable film with bad acting"};
  for (const char* method : {"slalom-eff", "lime", "kernel-shap", "permutation-shap"}) {
    CAPTURE(method);
    const auto explained = [&](std::initializer_list<std::string> which) {
      std::vector<std::string> words = both;
      words.insert(words.end(), {"--method", method});
      words.insert(words.end(), which);
      const Finished run = run_slalom(words);
      CAPTURE(run.err);
      REQUIRE(run.status == 0);
      return parse_json(run.out, "explanation");
    };
    const Json want = explained({"--model", folder, "--precision", "f64"}),
               got = explained({"--classifier-command", command, "--tokenizer", folder});
    CHECK(relative_error(got["log_odds"].get<double>(), want["log_odds"].get<double>()) < 1e-12);
    CHECK(relative_error(scores_in(got), scores_in(want)) < 1e-5);  // fits end at a tolerance
    CHECK(got["cost"]["queries"] == want["cost"]["queries"]);
    CHECK(std::abs(got["fidelity"]["r2"].get<double>() - want["fidelity"]["r2"].get<double>()) < 1e-10);
  }
  CHECK(server.requests() > 100);
}
