#include "slalom/text/added_tokens.hpp"

#include <doctest/doctest.h>

#include "slalom/base/error.hpp"

using namespace slalom;

namespace {

/// "name[begin,end)" of each match, with what it takes of the text.
std::string matches_of(const std::vector<AddedToken>& tokens, std::string_view text) {
  std::vector<std::string> names;
  for (const AddedToken& token : tokens) names.push_back(token.content);
  std::string out;
  for (const AddedMatch& m : AddedTokenFinder(tokens, names).find(text))
    out += slalom::concat(out.empty() ? "" : " ", tokens[m.token].content, "[", m.begin, ",", m.end, ")");
  return out;
}

}  // namespace

TEST_CASE("added tokens: from left to right, the longest name first") {
  const std::vector<AddedToken> tokens = {
      {.content = "ab"}, {.content = "abc"}, {.content = "é"}, {.content = "b"}};
  CHECK(matches_of(tokens, "abcab") == "abc[0,3) ab[3,5)");
  CHECK(matches_of(tokens, "bé x") == "b[0,1) é[1,3)");
  CHECK(matches_of(tokens, "xyz").empty());
  CHECK(matches_of(tokens, "").empty());
  CHECK(matches_of({}, "ab").empty());
  CHECK(matches_of({{.content = ""}}, "ab").empty());
}

TEST_CASE("added tokens: of equal names that of a special token") {
  const std::vector<AddedToken> tokens = {{.content = "<new>"}, {.content = "<NEW>", .special = true}};
  const std::vector<AddedMatch> matches = AddedTokenFinder(tokens, {"<new>", "<new>"}).find("<new>");
  REQUIRE(matches.size() == 1);
  CHECK(matches[0].token == 1);
}

TEST_CASE("added tokens: single words only") {
  const std::vector<AddedToken> tokens = {{.content = "new", .single_word = true}, {.content = "ew"}};
  CHECK(matches_of(tokens, "new, new") == "new[0,3) new[5,8)");
  CHECK(matches_of(tokens, "renew éew") == "ew[8,10)");  // the name that is no single word hides "ew" in it
  CHECK(matches_of(tokens, "new_ newé new") == "new[11,14)");
}

TEST_CASE("added tokens: white space before and behind") {
  const std::vector<AddedToken> both = {{.content = "<m>", .lstrip = true, .rstrip = true}};
  CHECK(matches_of(both, "a  <m>\u00A0 b") == "<m>[1,9)");
  CHECK(matches_of(both, "<m> <m>") == "<m>[0,4) <m>[4,7)");  // the space is taken once
  const std::vector<AddedToken> left = {{.content = "<m>", .lstrip = true}};
  CHECK(matches_of(left, " <m> <m> ") == "<m>[0,4) <m>[4,8)");
}
