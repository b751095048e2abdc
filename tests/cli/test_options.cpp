#include "slalom/cli/options.hpp"

#include <doctest/doctest.h>

#include "slalom/base/error.hpp"
#include "slalom/base/parallel.hpp"

using namespace slalom;

namespace {

const Command kPrint{.name = "print",
                     .summary = "prints",
                     .options = {{"what", "text|picture", "", "what is printed"},
                                 {"paper", "a4|a5|NAME", "a4", "size"},
                                 {"copies", "N", "1", "how many", "", "draft"},
                                 {"draft", "", "", "one copy, fast"},
                                 {"colours", "A,B", "red,blue", "inks", "what=picture"},
                                 {"gloss", "R", "", "of red ink", "colours=red paper=photo"},
                                 {"colour", "[=true|false]", "true", "not only black"}},
                     .positional = {"what"},
                     .unused = {{"seed", "nothing is random"}}};

ParsedOptions parsed(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"print", concat("--threads=", threads())});
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  return *parse_options(kPrint, static_cast<int>(pointers.size()), pointers.data());
}

std::string error_of(const std::vector<std::string>& arguments) {
  try {
    parsed(arguments);
  } catch (const UsageError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("options: values, or their defaults") {
  const ParsedOptions usual = parsed({"text"});
  CHECK(usual["what"].word == "text");
  CHECK(usual["paper"].word == "a4");
  CHECK(usual["copies"].word == "1");
  CHECK(usual.count("draft") == 0);
  CHECK(usual["colour"].word == "true");
  CHECK(usual.count("copies") == 0);
  CHECK(usual.count("no such option") == 0);
  const ParsedOptions given =
      parsed({"--what=picture", "--paper", "big", "--copies", "1", "--copies", "-3", "--colour=false", "-q"});
  CHECK(given["what"].word == "picture");
  CHECK(given["paper"].word == "big");
  CHECK(given["copies"].word == "-3");
  CHECK(given.count("copies") == 2);
  CHECK(given["colour"].word == "false");
  CHECK(given.count("quiet") == 1);
  CHECK(parsed({"text", "--colour"})["colour"].word == "true");
}

TEST_CASE("options: a value must be one of the words, or a whole number") {
  CHECK(error_of({}) == "print, wanted text or picture");
  CHECK(error_of({"sound"}) == "print sound, wanted text or picture");
  CHECK(error_of({"text", "--copies", "2.0"}) == "--copies 2.0, wanted a whole number");
  CHECK(error_of({"text", "--colour=maybe"}) == "--colour maybe, wanted true or false");
  CHECK(error_of({"text", "--draft=true"}) == "--draft true, wanted no value");
  CHECK(error_of({"text", "--paper"}).find("paper") != std::string::npos);
  CHECK(error_of({"text", "picture"}) == "unexpected argument \"picture\"");
  CHECK(error_of({"text", "--gloos=1"}).find("gloos") != std::string::npos);
  CHECK_FALSE(error_of({"text", "-draft"}).empty());
}

TEST_CASE("options: one that would change nothing is refused, with the reason") {
  CHECK(error_of({"text", "--draft", "--copies", "2"}) == "--copies has no effect with --draft");
  CHECK(error_of({"text", "--colours", "red"}) == "--colours has no effect without print picture");
  CHECK(error_of({"picture", "--colours", "red"}).empty());
  CHECK(error_of({"text", "--gloss", "1"}).empty());  // red is one of the usual colours
  CHECK(error_of({"picture", "--colours", "blue", "--gloss", "1"}) ==
        "--gloss has no effect without --colours red or --paper photo");
  CHECK(error_of({"picture", "--colours", "blue", "--paper", "photo", "--gloss", "1"}).empty());
  CHECK(error_of({"text", "--seed", "1"}) == "--seed has no effect in print: nothing is random");
}

TEST_CASE("options: a command's own take the places of common ones, unused ones are not listed") {
  Command command = kPrint;
  command.options.push_back({"precision", "f64", "f64", "always"});
  int precisions = 0;
  for (const Option& option : all_options(command)) {
    CHECK(option.name != "seed");
    if (option.name != "precision") continue;
    ++precisions;
    CHECK(option.meaning == "always");
  }
  CHECK(precisions == 1);
}
