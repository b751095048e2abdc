#include "slalom/openai/answer_cache.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>
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

AnswerCache::AnswerCache(const std::string& path) : path_(path) {
  if (path.empty()) return;
  locked_ = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (locked_.get() < 0) throw_file_error(path, "open", errno);
  if (::flock(locked_.get(), LOCK_EX | LOCK_NB) != 0)
    throw Error(path + ": another process has this cache open");
  const std::string bytes = read_file(path, std::size_t{1} << 40);
  const std::size_t whole = bytes.rfind('\n') + 1;  // npos + 1 is 0
  Index number = 0;
  for (std::size_t begin = 0, end; begin < whole; begin = end + 1) {
    end = bytes.find('\n', begin);
    const std::string where = concat(path, ": line ", ++number);
    const Json record = parse_json(std::string_view(bytes).substr(begin, end - begin), where);
    std::string key = require_string(record, "request", where);
    answers_.emplace(std::move(key), answer_in(record, where));
  }
  std::filesystem::resize_file(path, whole);
  file_.open(path, std::ios::app);
}

const LabelLogProbabilities* AnswerCache::find(const std::string& key) const {
  const auto found = answers_.find(key);
  return found == answers_.end() ? nullptr : &found->second;
}

void AnswerCache::add(const std::string& key, const LabelLogProbabilities& answer) {
  if (!answers_.emplace(key, answer).second || path_.empty()) return;
  const Json bounds = answer.is_bound;
  file_ << JsonRow()
               .field("request", key)
               .field("log_probabilities", answer.value)
               .raw("bounds", bounds.dump())
               .str()
        << std::endl;
  if (!file_) throw_file_error(path_, "write", errno);
}

}  // namespace slalom
