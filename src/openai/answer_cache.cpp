#include "slalom/openai/answer_cache.hpp"

#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

LabelLogProbabilities answer_in(const Json& record, const std::string& where) {
  const Json& values = require_array(record, "log_probabilities", where);
  const Json& bounds = require_array(record, "bounds", where);
  LabelLogProbabilities answer;
  if (values.size() != 2 || bounds.size() != 2) throw Error(where + ": wanted two labels");
  for (const std::size_t c : {0, 1}) {
    if (!values[c].is_number() || !bounds[c].is_boolean())
      throw Error(concat(where, ": label ", c, ": wanted a number and true or false"));
    answer.value[c] = values[c].get<double>();
    answer.is_bound[c] = bounds[c].get<bool>();
  }
  return answer;
}

}  // namespace

AnswerCache::AnswerCache(const std::string& path) {
  if (path.empty()) return;
  file_.emplace(path, [&](const std::string& line, const std::string& where) {
    const Json record = parse_json(line, where);
    std::string key = require_string(record, "request", where);
    answers_.emplace(std::move(key), answer_in(record, where));
  });
}

const LabelLogProbabilities* AnswerCache::find(const std::string& key) const {
  const auto found = answers_.find(key);
  return found == answers_.end() ? nullptr : &found->second;
}

void AnswerCache::add(const std::string& key, const LabelLogProbabilities& answer) {
  if (!answers_.emplace(key, answer).second || !file_) return;
  const Json bounds = answer.is_bound;
  file_->add(JsonRow()
                 .field("request", key)
                 .field("log_probabilities", answer.value)
                 .raw("bounds", bounds.dump())
                 .str() +
             "\n");
}

}  // namespace slalom
