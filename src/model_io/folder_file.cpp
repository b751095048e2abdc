#include "slalom/model_io/folder_file.hpp"

#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"

namespace slalom {

bool is_there(const std::string& path) {
  if (!file_exists(path)) return false;
  std::string start(256, '\0');
  start.resize(InputFile(path).read(start.data(), start.size()));
  if (start.empty()) throw Error(path + ": found an empty file", "it was not downloaded completely");
  if (start.starts_with("version https://git-lfs.github.com/spec/"))
    throw Error(path + ": found a Git LFS pointer, wanted the file that it stands for",
                "git lfs pull gets it");
  for (char& c : start) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  start.erase(0, start.find_first_not_of(" \t\r\n"));
  if (start.starts_with("<!doctype html") || start.starts_with("<html"))
    throw Error(path + ": found a web page, wanted the file that it shows", "download the raw file");
  return true;
}

Json read_object_if_there(const std::string& path) {
  if (!is_there(path)) return Json::object();
  Json json = read_json(path);
  if (!json.is_object())
    throw Error(concat(path, ": found ", json.is_array() ? "an array" : json.dump(), ", wanted an object"));
  return json;
}

}  // namespace slalom
