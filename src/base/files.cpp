#include "slalom/base/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "slalom/base/error.hpp"
#include "slalom/base/interrupt.hpp"

namespace slalom {

namespace {

constexpr std::size_t kBuffer = std::size_t{256} << 10;

const char* kind_of(const struct stat& status) {
  switch (status.st_mode & S_IFMT) {
    case S_IFDIR:
      return "a folder";
    case S_IFIFO:
      return "a pipe";
    case S_IFSOCK:
      return "a socket";
    default:
      return "a device";
  }
}

// Whoever writes a file has its lock.
void lock(const FileDescriptor& file, const std::string& name) {
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    throw Error(name + ": another process writes it");
}

FileDescriptor open_for_reading(const std::string& path, const std::string& name) {
  // a copy of stdin, so that closing it leaves the process's own open
  FileDescriptor file(path == "-" ? dup(STDIN_FILENO) : open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw_file_error(name, "open", errno);
  return file;
}

}  // namespace

void throw_file_error(const std::string& path, std::string_view action, int code) {
  throw Error(concat(path, ": cannot ", action, ": ", std::generic_category().message(code)));
}

bool FileDescriptor::close() {
  return fd_ < 0 || ::close(release()) == 0;
}

// InputFile

void InputFile::Close::operator()(gzFile_s* file) const {
  gzclose_r(file);
}

InputFile::InputFile(const std::string& path) : name_(path == "-" ? "stdin" : path) {
  FileDescriptor file = open_for_reading(path, name_);
  file_.reset(gzdopen(file.get(), "rb"));
  if (!file_) throw_file_error(name_, "open", ENOMEM);
  file.release();
  gzbuffer(file_.get(), kBuffer);
}

std::size_t InputFile::read(char* out, std::size_t bytes) {
  constexpr std::size_t kMost = std::size_t{1} << 30;  // gzread counts in int
  std::size_t done = 0;
  while (done < bytes) {
    const auto wanted = static_cast<unsigned>(std::min(bytes - done, kMost));
    errno = 0;
    const int got = gzread(file_.get(), out + done, wanted);
    int status = Z_OK;
    gzerror(file_.get(), &status);  // Z_BUF_ERROR for a truncated file, though gzread gave its bytes
    if (status == Z_ERRNO && errno == EINTR && interrupted()) return done;
    if (status == Z_ERRNO) throw_file_error(name_, "read", errno);
    if (got < 0 || status != Z_OK) throw Error(concat(name_, ": the gzip data is truncated or corrupt"));
    done += static_cast<std::size_t>(got);
    if (static_cast<unsigned>(got) < wanted) break;
  }
  if (name_.ends_with(".gz") && gzdirect(file_.get()) != 0)
    throw Error(concat(name_, ": found no gzip header, wanted one because of the name"));
  return done;
}

bool file_exists(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    throw_file_error(path, "open", errno);
  }
  if (!S_ISREG(status.st_mode)) throw Error(concat(path, ": found ", kind_of(status), ", wanted a file"));
  return true;
}

std::string read_file(const std::string& path, std::size_t most) {
  InputFile file(path);
  std::string all;
  for (std::size_t done = 0; done <= most;) {
    all.resize(std::min(most + 1, std::max(kBuffer, 2 * done)));
    done += file.read(all.data() + done, all.size() - done);
    if (done == all.size()) continue;
    all.resize(done);
    return all;
  }
  throw Error(concat(file.name(), ": longer than ", most, " bytes"));
}

// LineReader

std::vector<std::string> split(std::string_view line, char separator) {
  std::vector<std::string> parts;
  for (std::size_t end = 0; end != std::string_view::npos;) {
    end = line.find(separator);
    parts.emplace_back(line.substr(0, end));
    if (end != std::string_view::npos) line.remove_prefix(end + 1);
  }
  return parts;
}

LineReader::LineReader(const std::string& path, std::size_t longest)
    : file_(path), longest_(longest), buffer_(kBuffer, '\0') {}

std::string LineReader::where() const {
  return concat(file_.name(), ": line ", line_number_);
}

/// Makes sure that there are unread bytes; false at the end of the file.
bool LineReader::fill() {
  if (begin_ < size_) return true;
  begin_ = 0;
  size_ = file_.read(buffer_.data(), buffer_.size());
  return size_ > 0;
}

bool LineReader::next(std::string& line) {
  line.clear();
  if (!fill()) return false;
  ++line_number_;
  for (bool ended = false; !ended && fill();) {
    const std::size_t end = std::min(buffer_.find('\n', begin_), size_);
    if (line.size() + (end - begin_) > longest_)
      throw Error(concat(where(), " is longer than ", longest_, " bytes"));
    line.append(buffer_, begin_, end - begin_);
    ended = end < size_;
    begin_ = end + (ended ? 1 : 0);
  }
  if (interrupted()) return false;  // the line may have lost its end
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

// OutputFile

OutputFile::OutputFile(const std::string& path) {
  open(path, std::nullopt);
}

OutputFile::OutputFile(const std::string& path, Partial partial) {
  open(path, partial);
}

void OutputFile::open(const std::string& path, std::optional<Partial> partial) {
  name_ = path == "-" ? "stdout" : path;
  buffer_.reserve(kBuffer);
  struct stat status {};
  if (path == "-") {
    file_ = FileDescriptor(dup(STDOUT_FILENO));
  } else if (stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode)) {
    std::error_code missing;  // a link to a file stays a link: what it points to is replaced
    const std::filesystem::path pointed = std::filesystem::canonical(path, missing);
    target_ = missing ? path : pointed.string();
    if (partial)
      open_partial(partial->keep);
    else
      open_temporary();
    if (!missing && file_.get() >= 0) fchmod(file_.get(), status.st_mode & 0777);
  } else if (S_ISSOCK(status.st_mode) || S_ISBLK(status.st_mode)) {
    throw Error(concat(path, ": found ", kind_of(status), ", wanted a file, a pipe or a terminal"));
  } else {
    file_ = FileDescriptor(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  }
  if (file_.get() < 0) throw_file_error(name_, "open for writing", errno);
}

namespace {

// Removes the temporaries that killed processes left beside the target, "TARGET.tmp-PROCESS-NUMBER".
void remove_abandoned(const std::string& target) {
  const std::filesystem::path path(target);
  const std::string prefix = path.filename().string() + ".tmp-";
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator(path.has_parent_path() ? path.parent_path() : ".", ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(prefix) || name.find_first_not_of("0123456789-", prefix.size()) < name.size())
      continue;
    const FileDescriptor file(open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() >= 0 && flock(file.get(), LOCK_EX | LOCK_NB) == 0)
      std::filesystem::remove_all(entry.path(), ignored);
  }
}

// A new temporary of this process beside the target, locked; `make` opens it, or gives −1.
template <class Make>
FileDescriptor make_temporary(const std::string& target, std::string& name, const Make& make) {
  remove_abandoned(target);
  for (int attempt = 0;; ++attempt) {
    const std::string candidate = concat(target, ".tmp-", getpid(), "-", attempt);
    FileDescriptor file(make(candidate.c_str()));
    if (file.get() < 0 && errno != EEXIST) return file;
    if (file.get() < 0) continue;
    flock(file.get(), LOCK_EX);
    struct stat locked {
    }, there{};
    if (fstat(file.get(), &locked) != 0 || stat(candidate.c_str(), &there) != 0 ||
        locked.st_ino != there.st_ino)
      continue;  // another process took it for abandoned before it was locked
    name = candidate;
    return file;
  }
}

}  // namespace

void OutputFile::open_temporary() {
  file_ = make_temporary(target_, temporary_, [](const char* path) {
    return ::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  });
}

void OutputFile::open_partial(std::uint64_t keep) {
  temporary_ = partial_name(target_);
  keeps_temporary_ = true;
  file_ = FileDescriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
  if (file_.get() < 0) return;
  lock(file_, temporary_);
  if (ftruncate(file_.get(), static_cast<off_t>(keep)) != 0 || lseek(file_.get(), 0, SEEK_END) < 0)
    throw_file_error(temporary_, "open for writing", errno);
}

std::string partial_name(const std::string& path) {
  return path + ".partial";
}

OutputFile::~OutputFile() {
  if (!temporary_.empty() && !keeps_temporary_) unlink(temporary_.c_str());
}

void OutputFile::write(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > kBuffer) flush();
  if (bytes.size() < kBuffer)
    buffer_.append(bytes);
  else
    write_through(bytes.data(), bytes.size());
}

void OutputFile::write(const void* bytes, std::size_t count) {
  write(std::string_view(static_cast<const char*>(bytes), count));
}

void OutputFile::flush() {
  write_through(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void OutputFile::write_through(const char* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t done = ::write(file_.get(), bytes, count);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) throw_file_error(name_, "write", errno);
    bytes += done;
    count -= static_cast<std::size_t>(done);
  }
}

namespace {

FileDescriptor open_folder(const std::string& path) {
  return FileDescriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

// Its files are complete whatever this returns: some file systems cannot flush a folder.
void flush_folder(const std::string& path) {
  fsync(open_folder(path).get());
}

}  // namespace

void OutputFile::commit() {
  flush();
  if (!temporary_.empty() && fsync(file_.get()) != 0) throw_file_error(name_, "write", errno);
  if (!file_.close()) throw_file_error(name_, "write", errno);
  if (temporary_.empty()) return;
  if (rename(temporary_.c_str(), target_.c_str()) != 0) throw_file_error(name_, "rename", errno);
  temporary_.clear();
  flush_folder(std::filesystem::absolute(target_).parent_path());
}

void write_file(const std::string& path, std::string_view bytes) {
  OutputFile file(path);
  file.write(bytes);
  file.commit();
}

void make_folders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw_file_error(path, "make the folder", error.value());
}

// Folders of files that belong together

FolderLock::FolderLock(const std::string& folder) : folder_(open_folder(folder)) {
  if (folder_.get() < 0) throw_file_error(folder, "open", errno);
  lock(folder_, folder);
}

StagedFiles::StagedFiles(const std::string& folder, const std::string& key) : folder_(folder), key_(key) {
  make_folders(folder);
  lock_ = make_temporary(concat(folder, "/", key), path_, [](const char* path) {
    return mkdir(path, 0777) == 0 ? open_folder(path).release() : -1;
  });
  if (lock_.get() < 0) throw_file_error(folder, "write into", errno);
}

StagedFiles::~StagedFiles() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void StagedFiles::commit(std::span<const char* const> family) {
  namespace fs = std::filesystem;
  const auto target = [&](const std::string& name) { return concat(folder_, "/", name); };
  const auto staged = [&](const std::string& name) { return concat(path_, "/", name); };
  const auto remove = [&](const std::string& name) {
    if (unlink(target(name).c_str()) != 0 && errno != ENOENT) throw_file_error(target(name), "remove", errno);
  };
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path_)) names.push_back(entry.path().filename());
  for (const std::string& name : names)
    if (file_exists(target(name))) fs::permissions(staged(name), fs::status(target(name)).permissions());
  std::erase(names, key_);
  remove(key_);
  flush_folder(folder_);
  const auto is_new = [&](const std::string& name) { return fs::exists(staged(name)); };
  if (std::ranges::any_of(family, is_new))
    for (const char* name : family)
      if (!is_new(name)) remove(name);
  const auto place = [&](const std::string& name) {
    if (rename(staged(name).c_str(), target(name).c_str()) != 0)
      throw_file_error(target(name), "rename", errno);
  };
  std::ranges::for_each(names, place);
  flush_folder(folder_);
  place(key_);
  flush_folder(folder_);
}

}  // namespace slalom
