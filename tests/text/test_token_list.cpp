#include "slalom/text/token_list.hpp"

#include <doctest/doctest.h>

#include "slalom/base/error.hpp"

using namespace slalom;

TEST_CASE("token list: any order, no gaps, one token an id") {
  const TokenList list =
      join_tokens({{2, "c"}, {0, "a"}}, {{.id = 1, .content = "b"}, {.id = 2, .content = "c"}}, "here");
  CHECK(list.vocabulary.size() == 3);
  CHECK(list.vocabulary.token(1) == "b");
  CHECK(list.not_in_model == std::vector<TokenId>{1});
  CHECK_THROWS_WITH_AS(join_tokens({{0, "a"}}, {{.id = 0, .content = "b"}}, "here"),
                       "here: tokens \"a\" and \"b\" have the same id", Error);
  CHECK_THROWS_WITH_AS(join_tokens({{0, "a"}, {2, "b"}}, {}, "here"),
                       "here: found \"b\" with id 2 and no token with id 1, wanted ids without gaps", Error);
  CHECK_THROWS_WITH_AS(join_tokens({{1, "a"}}, {}, "here"),
                       "here: found \"a\" with id 1 and no token with id 0, wanted ids without gaps", Error);
  CHECK_THROWS_WITH_AS(join_tokens({{0, "a"}, {1, "b"}}, {{.id = 1, .content = "a"}}, "here"),
                       "here: the added token \"a\" has id 1, and the vocabulary has it as 0", Error);
  CHECK(join_tokens({{0, "a"}, {1, "a"}}, {}, "here").vocabulary.find("a") == 1);
}
