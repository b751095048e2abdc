#include "slalom/text/vocabulary.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "../support/temporary_file.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;
using test::TemporaryFile;

TEST_CASE("vocabulary: tokens by id and ids by token") {
  const Vocabulary vocabulary({"[CLS]", "die", "Straße", ""});
  CHECK(vocabulary.size() == 4);
  CHECK(vocabulary.token(2) == "Straße");
  CHECK(vocabulary.find("Straße") == 2);
  CHECK(vocabulary.find("") == 3);
  CHECK_FALSE(vocabulary.find("strasse").has_value());
  CHECK(vocabulary.contains(3));
  CHECK_FALSE(vocabulary.contains(4));
  CHECK_FALSE(vocabulary.contains(-1));
  CHECK_THROWS_WITH_AS(vocabulary.token(4), "[vocabulary] token 4 does not exist, wanted 0 to 3", Error);
  const Vocabulary repeated({"a", "b", "a"});
  CHECK(repeated.find("a") == 2);
  CHECK(repeated.token(0) == "a");
}

TEST_CASE("vocabulary: copies do not depend on the original") {
  auto original = std::make_unique<Vocabulary>(std::vector<std::string>{"a", "b"});
  const Vocabulary copy = *original;
  original.reset();
  CHECK(copy.find("b") == 1);
}

TEST_CASE("vocabulary: vocab.txt there and back") {
  const TemporaryFile file("");
  const Vocabulary saved({"[PAD]", "a", "", " b", "ü"});
  saved.save(file.path);
  CHECK(read_file(file.path) == "[PAD]\na\n\n b\nü\n");
  const Vocabulary loaded = Vocabulary::load(file.path);
  REQUIRE(loaded.size() == saved.size());
  for (TokenId id = 0; id < saved.size(); ++id) CHECK(loaded.token(id) == saved.token(id));
}

TEST_CASE("vocabulary: files that cannot be one") {
  const TemporaryFile file("");
  CHECK_THROWS_WITH_AS(Vocabulary::load(file.path),
                       (file.path + ": found no token, wanted one a line").c_str(), Error);
  CHECK_THROWS_AS(Vocabulary::load(file.path + ".missing"), Error);
  CHECK_THROWS_AS(Vocabulary({"two\nlines"}).save(file.path), Error);
  CHECK(read_file(file.path).empty());  // a failed save leaves the old file
}
