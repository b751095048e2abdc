// What the tests of the commands share: a model folder, and lines of output.
#pragma once

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "../support/small_models.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/json.hpp"
#include "slalom/model_io/model_folder.hpp"

namespace slalom::test {

/// Random weights in float64: 2 blocks, width 24, 3 heads, 40 words, 3 classes, 64 positions.
struct ModelFolder : TemporaryFolder {
  Classifier<double> model;

  explicit ModelFolder(Architecture architecture = Architecture::bert)
      : TemporaryFolder("model"), model(small_config(architecture, 2)) {
    randomise(model, 4);
    save_model(model, path, DType::f64);
  }
};

/// Words of a command line.
using Arguments = std::vector<std::string>;
inline Arguments joined(Arguments all, const Arguments& more) {
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

inline std::vector<std::string> lines_of(const std::string& output) {
  std::vector<std::string> lines;
  std::istringstream in(output);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Every line must be one JSON object.
inline std::vector<Json> json_lines(const std::string& output) {
  std::vector<Json> rows;
  for (const std::string& line : lines_of(output)) {
    rows.push_back(parse_json(line, "output"));
    CHECK(rows.back().is_object());
  }
  return rows;
}

inline std::vector<double> numbers(const Json& array) {
  return array.get<std::vector<double>>();
}

}  // namespace slalom::test
