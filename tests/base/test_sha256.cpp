#include "slalom/base/sha256.hpp"

#include <doctest/doctest.h>

#include "../support/temporary_folder.hpp"

using namespace slalom;
using test::TemporaryFolder;

// FIPS 180-4's examples.
TEST_CASE("sha256: known answers, and files one after the other are one message") {
  CHECK(sha256_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const TemporaryFolder folder;
  const auto file = [&](const char* name, const std::string& bytes) {
    folder.write(name, bytes);
    return folder.file(name);
  };
  const std::string empty = file("empty", ""), abc = file("abc", "abc"), a = file("a", "a"),
                    bc = file("bc", "bc");
  CHECK(sha256_of_files({empty}) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_of_files({abc}) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_of_files({a, bc}) == sha256_of_files({abc}));
  const std::string million = file("million", std::string(1'000'000, 'a'));
  CHECK(sha256_of_files({million}) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  CHECK_THROWS_AS(sha256_of_files({"/nowhere/at/all"}), Error);
}
