#include "slalom/openai/answer_cache.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

std::string read_all(const FileDescriptor& file, const std::string& path) {
  std::string bytes, part(std::size_t{1} << 16, '\0');
  for (ssize_t n; (n = ::read(file.get(), part.data(), part.size())) != 0;) {
    if (n > 0)
      bytes.append(part, 0, static_cast<std::size_t>(n));
    else if (errno != EINTR)
      throw_file_error(path, "read", errno);
  }
  return bytes;
}

std::string line_of(const std::string& key, const LabelLogProbabilities& answer) {
  const auto flag = [&](std::size_t c) { return answer.is_bound[c] ? "true" : "false"; };
  return JsonRow()
             .field("request", key)
             .field("log_probabilities", answer.value)
             .raw("bounds", concat("[", flag(0), ",", flag(1), "]"))
             .str() +
         "\n";
}

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
  // Appending: what another program may add is never overwritten.
  file_ = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (file_.get() < 0) throw_file_error(path, "open", errno);
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0)
    throw Error(path + ": another process has this cache open");
  const std::string bytes = read_all(file_, path);
  const std::size_t whole = bytes.rfind('\n') + 1;  // npos + 1 is 0
  read_lines(std::string_view(bytes).substr(0, whole));
  if (whole < bytes.size() && ::ftruncate(file_.get(), static_cast<off_t>(whole)) != 0)
    throw_file_error(path, "cut", errno);
}

void AnswerCache::read_lines(std::string_view lines) {
  Index number = 0;
  for (std::size_t begin = 0, end; begin < lines.size(); begin = end + 1) {
    end = lines.find('\n', begin);
    const std::string where = concat(path_, ": line ", ++number);
    const Json record = parse_json(lines.substr(begin, end - begin), where);
    std::string key = require_string(record, "request", where);
    answers_.emplace(std::move(key), answer_in(record, where));
  }
}

const LabelLogProbabilities* AnswerCache::find(const std::string& key) const {
  const auto found = answers_.find(key);
  return found == answers_.end() ? nullptr : &found->second;
}

void AnswerCache::add(const std::string& key, const LabelLogProbabilities& answer) {
  if (!answers_.emplace(key, answer).second || file_.get() < 0) return;
  const std::string line = line_of(key, answer);
  for (std::size_t done = 0; done < line.size();) {
    const ssize_t n = ::write(file_.get(), line.data() + done, line.size() - done);
    if (n < 0 && errno != EINTR) throw_file_error(path_, "write", errno);
    if (n > 0) done += static_cast<std::size_t>(n);
  }
}

}  // namespace slalom
