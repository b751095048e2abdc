// Files in and out. Every Error names the file and gives the system's reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "slalom/base/index.hpp"

struct gzFile_s;

namespace slalom {

/// Throws Error("FILE: cannot ACTION: reason"), the reason being the text of `code` (an errno).
[[noreturn]] void throw_file_error(const std::string& path, std::string_view action, int code);

/// Owns a POSIX file descriptor; −1 is none.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  ~FileDescriptor() { close(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  /// Closes at once; false (and errno) if the system reports a late write error.
  bool close();

 private:
  int fd_;
};

/// The bytes of a file in order, decompressed if it is gzip; "-" is stdin. A file named .gz must be gzip.
class InputFile {
 public:
  explicit InputFile(const std::string& path);
  /// Up to `bytes` bytes, fewer only at the end. Throws Error on a read error and on truncated or corrupt
  /// gzip.
  std::size_t read(char* out, std::size_t bytes);
  const std::string& name() const { return name_; }

 private:
  struct Close {
    void operator()(gzFile_s* file) const;
  };
  std::string name_;
  std::unique_ptr<gzFile_s, Close> file_;
};

/// True if there is a regular file, false if there is nothing. Throws Error naming what else it is: reading a
/// pipe or a device could wait or go on without end.
bool file_exists(const std::string& path);

/// The whole of an InputFile. Throws Error for one of more than `most` bytes, as they are unpacked.
std::string read_file(const std::string& path, std::size_t most = std::size_t{128} << 20);

/// The parts of a line between the separators: one more than there are of these, some perhaps empty.
std::vector<std::string> split(std::string_view line, char separator);

/// The lines of an InputFile, without their "\n" or "\r\n"; the last line needs no end.
class LineReader {
 public:
  static constexpr std::size_t kLongestLine = std::size_t{64} << 20;  // bytes

  /// Throws Error if the file cannot be read. Longer lines than `longest` bytes are refused by next().
  explicit LineReader(const std::string& path, std::size_t longest = kLongestLine);
  /// False at the end of the file. Throws as InputFile::read does, and for a line that is too long.
  bool next(std::string& line);
  /// Number of the line that next() gave last, from 1.
  Index line_number() const { return line_number_; }
  /// "reviews.tsv: line 7", for messages.
  std::string where() const;

 private:
  bool fill();

  InputFile file_;
  std::size_t longest_;
  std::string buffer_;
  std::size_t begin_ = 0, size_ = 0;  // unread bytes are buffer_[begin_, size_)
  Index line_number_ = 0;
};

/// A file that appears complete or not at all: bytes go to a temporary beside the target, commit() renames
/// it. Without commit() the destructor removes the temporary and the target stays as it was. "-" is stdout;
/// stdout, character devices (/dev/null) and pipes are written directly.
class OutputFile {
 public:
  /// Throws Error if the folder is missing or not writable, or if the target is a folder.
  explicit OutputFile(const std::string& path);
  /// The same, but bytes go to partial_name(path), which stays behind if the process is killed, and the first
  /// `keep` bytes of what such a process left are kept. Throws Error if another process writes it.
  struct Partial {
    std::uint64_t keep = 0;
  };
  OutputFile(const std::string& path, Partial partial);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// Throws Error if the system refuses bytes (full disk). Bytes are buffered: the error may come later,
  /// from flush() or commit().
  void write(std::string_view bytes);
  void write(const void* bytes, std::size_t count);
  /// Hands everything to the system, so that a reader of a pipe sees it.
  void flush();
  /// Flushes to the disk and puts the file in place; nothing may be written afterwards.
  void commit();
  const std::string& name() const { return name_; }

 private:
  void open_temporary();
  void open_partial(std::uint64_t keep);
  void open(const std::string& path, std::optional<Partial> partial);
  void write_through(const char* bytes, std::size_t count);

  std::string name_;       // for messages
  std::string target_;     // empty: written directly
  std::string temporary_;  // what is renamed; empty: nothing
  bool keeps_temporary_ = false;
  FileDescriptor file_;
  std::string buffer_;
};

/// Where an OutputFile with a Partial keeps its bytes until it is complete: "FILE.partial".
std::string partial_name(const std::string& path);

/// An OutputFile of these bytes, committed.
void write_file(const std::string& path, std::string_view bytes);

/// Makes a folder and those above it; existing ones are fine. Throws Error.
void make_folders(const std::string& path);

/// Keeps other processes that ask for the same from writing a folder.
class FolderLock {
 public:
  /// Throws Error if another process has it.
  explicit FolderLock(const std::string& folder);

 private:
  FileDescriptor folder_;
};

/// New files of a folder that belong together. They are written into path(), a folder in the folder, and
/// commit() puts all of them in place: it removes the old `key`, the file that every reader wants, and brings
/// the new one last, so that a folder without it is one that is half done. Other files stay. Without commit()
/// the destructor removes what was written.
class StagedFiles {
 public:
  /// Makes the folder if there is none.
  StagedFiles(const std::string& folder, const std::string& key);
  ~StagedFiles();
  StagedFiles(const StagedFiles&) = delete;
  StagedFiles& operator=(const StagedFiles&) = delete;

  const std::string& path() const { return path_; }
  /// Of a family of which there are new files, old ones without a successor are removed.
  void commit(std::span<const char* const> family = {});

 private:
  std::string folder_, key_, path_;
  FileDescriptor lock_;
};

}  // namespace slalom
