// slalom-openai: a language model behind an address of chat completions as a program that answers questions.
// It reads {"input_ids": […]} or {"text": "…"} lines on stdin and answers each with {"log_odds": x} on
// stdout, in order; "bound" beside it says that the model's log-odds are at most ("upper") or at least
// ("lower") x, or unknown ("both", x is 0). It ends with its input.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "slalom/cli/classifier.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/openai/client.hpp"
#include "slalom/text/unicode.hpp"

namespace {

using namespace slalom;

constexpr Index kReadAhead = 1024;  // questions without an answer

// --- options ---------------------------------------------------------------------------------------------

// The environment's value, or the fallback.
std::string environment(const std::string& name, const std::string& fallback) {
  const char* value = name.empty() ? nullptr : std::getenv(name.c_str());
  return value == nullptr || *value == '\0' ? fallback : value;
}

// Never shown, not even where it cannot be used.
std::string read_key(const std::string& variable) {
  std::string key = environment(variable, "");
  while (!key.empty() && std::string_view(" \t\r\n").find(key.back()) != std::string_view::npos)
    key.pop_back();
  if (!std::ranges::all_of(key, [](char c) { return c > ' ' && c < 127; }))
    throw UsageError("the key in " + variable + " has spaces or characters that are not ASCII");
  return key;
}

std::string read_url(std::string url, bool has_key) {
  if (url.empty()) url = environment("OPENAI_BASE_URL", "https://api.openai.com/v1");
  // Not shown where it could hold a password.
  if (url.find('@') != std::string::npos)
    throw UsageError("--url: found a user in the address, wanted none", "a key comes by --key-variable");
  const bool secure = url.starts_with("https://");
  const bool plain = std::ranges::all_of(url, [](char c) { return c > ' ' && c < 127; });
  if ((!secure && !url.starts_with("http://")) || !plain || url.find_first_of("?#") != std::string::npos ||
      url.find("//") + 2 == url.size())
    throw UsageError("--url " + json_string(url) + ", wanted an address such as https://api.openai.com/v1");
  if (has_key && !secure && !is_this_machine(url))
    throw UsageError("--url " + url + ": the key would be sent where others can read it",
                     "use https, or send no key: --key-variable \"\"");
  while (url.ends_with('/')) url.pop_back();
  return url.ends_with("/chat/completions") ? url : url + "/chat/completions";
}

LabelPair read_labels(const std::string& list) {
  require_utf8(list, "--labels");
  const std::vector<std::string> parts = split_list(list);
  if (parts.size() == 2) {
    LabelPair labels = {parts[0], parts[1]};
    if (label_begun(labels[0], labels) == 0 && label_begun(labels[1], labels) == 1) return labels;
  }
  throw UsageError("--labels " + list + ", wanted two different words with a comma between them");
}

std::string read_prompt(const std::string& given, const LabelPair& labels) {
  if (given.empty()) return default_prompt(labels);
  const bool is_template = given.find("{text}") != std::string::npos;
  std::error_code none;  // a text may be too long for a name
  if (!is_template && !std::filesystem::exists(given, none))
    throw UsageError("--prompt " + quoted_beginning(given) +
                     ": found neither {text} nor a file of that name");
  std::string prompt = is_template ? given : read_file(given);
  require_utf8(prompt, is_template ? "--prompt" : given);
  if (prompt.find("{text}") == std::string::npos)
    throw UsageError("--prompt " + given + ": the file has no {text}, where the text goes");
  return prompt;
}

double positive_option(const ParsedOptions& parsed, const std::string& name, double least, double most) {
  const double value = number_option(parsed, name);
  if (value < least || value > most)
    throw UsageError(concat("--", name, " ", value, ", wanted ", least, " to ", most));
  return value;
}

ClientOptions read_client_options(const ParsedOptions& parsed) {
  ClientOptions o;
  o.key_variable = parsed["key-variable"].word;
  o.key = read_key(o.key_variable);
  o.form.url = read_url(parsed["url"].word, !o.key.empty());
  o.form.model = required_option(parsed, "llm");
  require_utf8(o.form.model, "--llm");
  o.form.labels = read_labels(parsed["labels"].word);
  o.form.prompt = read_prompt(parsed["prompt"].word, o.form.labels);
  o.form.top_logprobs = integer_option(parsed, "top-logprobs", 2, 1000);
  o.retries = static_cast<int>(integer_option(parsed, "retries", 0, 100));
  o.timeout = positive_option(parsed, "timeout", 1e-3, 86400);
  o.rate = positive_option(parsed, "rate", 0, 1e6);
  o.parallel = integer_option(parsed, "parallel", 1, 256);
  if (parsed.count("budget-queries") > 0)
    o.budget = integer_option(parsed, "budget-queries", 0, 1'000'000'000);
  return o;
}

// --- questions -------------------------------------------------------------------------------------------

// What stands in the lines of stdin.
class Questions {
 public:
  explicit Questions(const std::string& folder) : folder_(folder) {
    if (folder.empty()) return;
    tokenizer_ = required_tokenizer(folder);
    tokens_ = read_folder_tokens(folder);
  }

  /// The text of a line. Throws Error naming the field.
  std::string text_of(std::string_view line, const std::string& where) const {
    const Json row = parse_json(line, where);
    const bool has_text = row.is_object() && row.contains("text");
    if (has_text == (row.is_object() && row.contains("input_ids")))
      throw Error(where + ": wanted an object with one of \"input_ids\" and \"text\"");
    if (row.contains("text_pair")) throw Error(where + ": field \"text_pair\": wanted one text");
    if (has_text) return require_string(row, "text", where);
    if (!tokenizer_)
      throw Error(where + ": found \"input_ids\", wanted \"text\"",
                  "--model DIR has the tokenizer that turns ids into text");
    std::vector<TokenId> ids;
    for (const Json& id : require_array(row, "input_ids", where)) {
      const bool fits = id.is_number_integer() && id >= 0 && id < tokenizer_->vocabulary().size();
      if (!fits)
        throw Error(concat(where, ": field \"input_ids\": place ", ids.size(), ": wanted an id from 0 to ",
                           tokenizer_->vocabulary().size() - 1, " as in ", folder_));
      ids.push_back(id.get<TokenId>());
    }
    std::erase_if(ids, [&](TokenId id) { return tokens_.is_special(id); });
    return tokenizer_->decode(ids);
  }

 private:
  std::string folder_;
  std::optional<Tokenizer> tokenizer_;
  FolderTokens tokens_;
};

// Lines of stdin as far as they are there: whoever asks may wait for an answer before the next question.
class Lines {
 public:
  /// False if there is no whole line now, or no more.
  bool next(std::string& line) {
    std::size_t end = 0;
    while ((end = buffer_.find('\n')) == std::string::npos)
      if (ended_ || !fill()) return false;
    line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    ++number_;
    return true;
  }
  bool ended() const { return ended_ && buffer_.empty(); }
  void end() {
    ended_ = true;
    buffer_.clear();
  }
  std::string where() const { return concat("stdin: line ", number_); }

 private:
  // False if nothing is there now.
  bool fill() {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (::poll(&input, 1, 0) <= 0) return false;
    if (buffer_.size() > LineReader::kLongestLine)
      throw Error(
          concat("stdin: line ", number_ + 1, " is longer than ", LineReader::kLongestLine, " bytes"));
    char bytes[1 << 16];
    const ssize_t n = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (n < 0 && errno != EINTR && errno != EAGAIN) throw_file_error("stdin", "read", errno);
    buffer_.append(bytes, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    ended_ = n == 0;
    if (ended_ && !buffer_.empty()) buffer_ += '\n';
    return true;
  }

  std::string buffer_;
  Index number_ = 0;
  bool ended_ = false;
};

// --- answers ---------------------------------------------------------------------------------------------

void print_answers(Client& client) {
  bool any = false;
  while (const std::optional<LabelLogProbabilities> answer = client.next()) {
    JsonRow row;
    row.field("log_odds", answer->log_odds());
    if (const std::string bound = answer->bound(); !bound.empty()) row.field("bound", bound);
    std::cout << row.str() << '\n';
    any = true;
  }
  if (any) std::cout.flush();
}

// Everything that was read before a bad line is answered before its error is thrown.
void answer_all(const Questions& questions, Client& client) {
  Lines lines;
  std::optional<Error> bad;
  for (;;) {
    try {
      for (std::string line; !bad && client.outstanding() < kReadAhead && lines.next(line);)
        client.ask(questions.text_of(line, lines.where()));
    } catch (const Error& e) {
      bad = e;
      lines.end();
    }
    print_answers(client);
    const bool more = !lines.ended() && client.outstanding() < kReadAhead;
    if (lines.ended() && client.outstanding() == 0) break;
    client.work(more ? STDIN_FILENO : -1);
  }
  if (bad) throw *bad;
}

std::string summary(const ClientCounts& c, Index top_logprobs) {
  std::string out = concat("slalom-openai: queries ", c.queries, ", known ", c.known, ", asked ", c.asked,
                           ", retries ", c.retries);
  if (c.usage_reports > 0) out += concat(", tokens ", c.prompt_tokens, " in, ", c.completion_tokens, " out");
  out += "\n";
  if (c.bounds + c.unlisted > 0)
    out +=
        concat("warning: ", c.bounds, " answers are bounds, one label not being among the ", top_logprobs,
               " most probable tokens; ", c.unlisted, " list neither label: their log-odds are given as 0\n");
  return out;
}

void report(const ParsedOptions& parsed, const std::string& lines) {
  if (parsed.count("quiet") == 0) std::cerr << lines;
  const std::string path = parsed["log"].word;
  if (!path.empty() && !(std::ofstream(path, std::ios::app) << lines << std::flush))
    throw_file_error(path, "write", errno);
}

int run(const ParsedOptions& parsed) {
  if (parsed.count("version") > 0) {
    std::cout << "slalom-openai " << SLALOM_VERSION << "\n";
    return 0;
  }
  const ClientOptions options = read_client_options(parsed);
  const Questions questions(parsed["model"].word);
  AnswerCache cache(parsed["cache"].word);
  Clock clock;
  Client client(options, cache, clock);
  std::optional<Error> failure;
  try {
    answer_all(questions, client);
  } catch (const Error& e) {
    failure = e;
  }
  report(parsed, summary(client.counts(), options.form.top_logprobs));
  if (failure) throw *failure;
  return 0;
}

const Command kCommand = {
    .name = "slalom-openai",
    .summary = "Answers {\"input_ids\"} or {\"text\"} lines with a language model's log-odds.",
    .options = {{"model", "DIR", "", "folder of the tokenizer that turns ids into text"},
                {"url", "URL", "", "the server (default: $OPENAI_BASE_URL or https://api.openai.com/v1)"},
                {"llm", "NAME", "", "the model's name there"},
                {"prompt", "FILE|TEXT", "",
                 "template with {text}, or a file of one (default: asks for the sentiment)"},
                {"labels", "A,B", "negative,positive", "log-odds are of the second against the first"},
                {"top-logprobs", "N", "20", "tokens whose probabilities the server lists"},
                {"key-variable", "NAME", "OPENAI_API_KEY", "environment variable of the key, \"\" for none"},
                {"cache", "FILE", "", "keep answers here, and ask for none that is there"},
                {"retries", "N", "5", "further tries of a question"},
                {"timeout", "S", "60", "seconds that a reply may take"},
                {"rate", "R", "0", "requests a minute, 0: no bound"},
                {"parallel", "N", "4", "requests at a time"},
                {"budget-queries", "N", "", "stop rather than send more requests"},
                {"log", "FILE", "", "append the summary to this file, too"},
                {"q,quiet", "", "", "no summary on stderr"},
                {"version", "", "", "print the version"},
                {"h,help", "", "", "print this"}},
    .program = "",
    .has_common = false};

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);  // who reads the answers has gone: nothing more is worth asking
  configure_runtime(argv);
  return run_program(argc, argv, [](int count, char** words) {
    const auto parsed = parse_options(kCommand, count, words);
    return parsed ? run(*parsed) : 0;
  });
}
