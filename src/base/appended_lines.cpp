#include "slalom/base/appended_lines.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "slalom/base/error.hpp"

namespace slalom {

AppendedLines::AppendedLines(const std::string& path,
                             const std::function<void(const std::string&, const std::string&)>& each)
    : path_(path) {
  file_exists(path);  // nothing but a file
  file_ = FileDescriptor(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666));
  if (file_.get() < 0) throw_file_error(path, "open", errno);
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) throw Error(path + ": another process has it open");
  const std::uint64_t size = std::filesystem::file_size(path);
  LineReader lines(path);
  std::uint64_t begin = 0;  // of the line
  for (std::string line; lines.next(line); begin += line.size() + 1) {
    if (begin + line.size() + 1 > size) {
      if (::ftruncate(file_.get(), static_cast<off_t>(begin)) != 0) throw_file_error(path, "write", errno);
      return;
    }
    each(line, lines.where());
  }
}

void AppendedLines::add(std::string_view lines) {
  while (!lines.empty()) {
    const ssize_t done = ::write(file_.get(), lines.data(), lines.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) throw_file_error(path_, "write", errno);
    lines.remove_prefix(static_cast<std::size_t>(done));
  }
}

}  // namespace slalom
