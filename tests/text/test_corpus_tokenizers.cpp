// Hostile tokenizer files: what is none is an error that names its file, what is one cuts texts.
#include <doctest/doctest.h>

#include <filesystem>
#include <stdexcept>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/text/tokenizer_json.hpp"

using namespace slalom;

namespace {

/// Reads every file of the corpus; `read` must throw Errors that begin with the path for all but good-*.
template <class Read>
void check_corpus(const char* name, const Read& read) {
  int good = 0, bad = 0;
  for (const auto& entry : std::filesystem::directory_iterator(concat("tests/corpus/", name))) {
    const std::string path = entry.path().string();
    CAPTURE(path);
    if (entry.path().filename().string().starts_with("good-")) {
      CHECK_NOTHROW(read(path));
      ++good;
      continue;
    }
    std::string message = "no error";
    try {
      read(path);
    } catch (const Error& e) {
      message = e.what();
    }
    CAPTURE(message);
    CHECK(message.starts_with(path + ": "));
    CHECK(message.size() < 400);
    ++bad;
  }
  CHECK(good >= 5);
  CHECK(bad >= 6);
}

}  // namespace

TEST_CASE("corpus: tokenizer.json") {
  check_corpus("tokenizer_json", [](const std::string& path) {
    const Tokenizer tokenizer = parse_tokenizer(read_file(path), path);
    if (tokenizer.encode("a ab", "here").ids.empty() || tokenizer.encode_pair("ab", "a", "here").ids.empty())
      throw std::logic_error("no tokens");
  });
}

TEST_CASE("corpus: vocab.txt") {
  check_corpus("vocabulary", [](const std::string& path) { Vocabulary::load(path); });
}

TEST_CASE("corpus: merges.txt") {
  check_corpus("merges", [](const std::string& path) { load_merges(path); });
}
