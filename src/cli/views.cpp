#include "slalom/cli/views.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "slalom/cli/messages.hpp"
#include "slalom/report/page.hpp"
#include "slalom/report/plane.hpp"
#include "slalom/report/terminal.hpp"

namespace slalom {

namespace {

bool is_terminal(const CommonOptions& common) {
  return common.output == "-" && ::isatty(STDOUT_FILENO) == 1;
}

bool set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool wants_colour(const std::string& word, bool at_terminal) {
  if (word == "always") return true;
  if (word == "never") return false;
  const char* term = std::getenv("TERM");
  const bool dumb = term != nullptr && std::string(term) == "dumb";
  return at_terminal && !set("NO_COLOR") && !dumb;
}

Index terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

// "out/page.svg" and "-text": "out/page-text.svg".
std::string beside(const std::string& path, const std::string& suffix) {
  const std::size_t end = path.ends_with(".svg") ? path.size() - 4 : path.size();
  return path.substr(0, end) + suffix + path.substr(end);
}

}  // namespace

OptionTable view_options() {
  const std::string no_page = "aggregate resume dry-run";
  return grouped(
      "view",
      {{"view", "jsonl|terminal|auto", "auto", "of the output; auto: terminal at a terminal", "", "resume"},
       {"color", "auto|always|never", "auto", "of the terminal's view", "", "aggregate"},
       {"special", "show|hide", "hide", "special tokens, and scores the method gives them", "", "aggregate"},
       {"html", "FILE", "", "also write a page that needs nothing else", "", no_page},
       {"svg", "FILE", "", "also write the first text's plane, and its highlighted text", "", no_page}});
}

Views::Views(const ParsedOptions& parsed, const CommonOptions& common)
    : quiet_(common.quiet), html_(parsed["html"].as<std::string>()), svg_(parsed["svg"].as<std::string>()) {
  const std::string view = parsed["view"].as<std::string>();
  if (view == "terminal" && common.json) throw UsageError("--view terminal and --json, wanted one of them");
  terminal_ = view == "terminal" || (view == "auto" && !common.json && is_terminal(common));
  colour_ = wants_colour(parsed["color"].as<std::string>(), is_terminal(common));
  for (const std::string& path : {html_, svg_}) {
    if (path == "-") throw UsageError("--html and --svg want a file");
    if (!path.empty()) const OutputFile writable(path);  // before the work, not after it
  }
  words_ = parsed.count("unit") == 0;
  show_special_ = choice_option(parsed, "special", "show") == true;
}

std::string Views::terminal_view(const ReportedText& text) const {
  return slalom::terminal_view(
             words_ ? by_words(text) : text,
             {.colour = colour_, .width = terminal_width(), .show_special = show_special_}) +
         "\n";
}

bool Views::wants_page() {
  if (html_.empty()) return !svg_.empty() && texts_.empty();
  if (std::ssize(texts_) < kMostTexts) return true;
  ++left_out_;
  return false;
}

void Views::add(ReportedText text, const OpenedClassifier& classifier, const CommonOptions& common,
                const std::string& parameters) {
  text.parameters.emplace_back("model", common.model.empty() ? "a program" : common.model);
  if (!classifier.sha256.empty()) text.parameters.emplace_back("model SHA-256", classifier.sha256);
  const Json object = parse_json(parameters, "parameters");
  for (const auto& [name, value] : object.items())
    text.parameters.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  text.parameters.emplace_back("seed", std::to_string(common.seed));
  text.parameters.emplace_back("version", SLALOM_VERSION);
  texts_.push_back(words_ ? by_words(std::move(text)) : std::move(text));
}

void Views::commit() {
  if (texts_.empty()) return;
  if (!html_.empty()) write_file(html_, page_html(texts_, "Token explanations"));
  if (!svg_.empty()) {
    write_file(svg_, plane_svg(texts_.front(), texts_.front().explanations.front()));
    write_file(beside(svg_, "-text"), highlight_svg(texts_.front(), texts_.front().explanations.front()));
  }
  if (left_out_ > 0 && !quiet_)
    say(concat(html_, " shows the first ", kMostTexts, " texts, and not ", left_out_, " others"));
}

}  // namespace slalom
