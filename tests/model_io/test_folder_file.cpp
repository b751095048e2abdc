#include "slalom/model_io/folder_file.hpp"

#include <doctest/doctest.h>

#include "../support/error_of.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;

TEST_CASE("is_there: what stands for a file is not the file") {
  const test::TemporaryFolder folder;
  const auto found = [&](const std::string& content) {
    folder.write("config.json", content);
    return test::error_of([&] { is_there(folder.file("config.json")); });
  };
  CHECK_FALSE(is_there(folder.file("config.json")));
  CHECK(found("{}") == "no error");
  CHECK(is_there(folder.file("config.json")));
  CHECK(found("<s>\n") == "no error");
  CHECK(found("").ends_with("config.json: found an empty file"));
  CHECK(found("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n")
            .ends_with("config.json: found a Git LFS pointer, wanted the file that it stands for"));
  CHECK(found("\n <!DOCTYPE html>\n<html>")
            .ends_with("config.json: found a web page, wanted the file that it shows"));
  CHECK(found("<HTML><head>").ends_with("found a web page, wanted the file that it shows"));
}
