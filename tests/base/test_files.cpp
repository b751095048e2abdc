#include "slalom/base/files.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "../support/error_of.hpp"
#include "slalom/base/error.hpp"

namespace slalom {

namespace {

namespace fs = std::filesystem;

/// A folder below the system's temporary one that lives as long as this object.
struct Folder {
  fs::path path = fs::temp_directory_path() / concat("slalom-files-", getpid());
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string operator/(const char* name) const { return (path / name).string(); }
  std::ptrdiff_t entries() const {
    return std::distance(fs::directory_iterator(path), fs::directory_iterator());
  }
};

void put(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

void put_gz(const std::string& path, const std::string& bytes) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
}

std::vector<std::string> lines_of(const std::string& path) {
  LineReader reader(path);
  std::vector<std::string> lines;
  for (std::string line; reader.next(line);) lines.push_back(line);
  CHECK(reader.line_number() == static_cast<Index>(lines.size()));
  return lines;
}

}  // namespace

TEST_CASE("read_file: plain and gzip give the same bytes") {
  const Folder folder;
  std::string bytes("a\0b\n", 4);
  for (int i = 0; i < 100000; ++i) bytes += static_cast<char>(i * 7919 >> 5);
  put(folder / "plain", bytes);
  put_gz(folder / "packed.gz", bytes);
  put_gz(folder / "packed", bytes);
  put(folder / "empty", "");
  CHECK(read_file(folder / "plain") == bytes);
  CHECK(read_file(folder / "packed.gz") == bytes);
  CHECK(read_file(folder / "packed") == bytes);
  CHECK(read_file(folder / "empty").empty());
}

TEST_CASE("read_file: errors name the file and the reason") {
  const Folder folder;
  CHECK(test::error_of([&] { read_file(folder / "none"); }) ==
        (folder / "none") + ": cannot open: No such file or directory");
  CHECK(test::error_of([&] { read_file(folder.path.string()); }) ==
        folder.path.string() + ": cannot read: Is a directory");

  put_gz(folder / "x.gz", std::string(1000, 'x') + "yz");
  const std::string packed = [&] {
    std::ifstream in(folder / "x.gz", std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }();
  std::string corrupt = packed;
  corrupt[corrupt.size() - 8] ^= 1;  // the last eight bytes are the CRC-32 and the length
  put(folder / "corrupt.gz", corrupt);
  put(folder / "plain.gz", "not packed");
  for (std::size_t length = 3; length < packed.size(); ++length) {
    put(folder / "cut.gz", packed.substr(0, length));
    CHECK(test::error_of([&] { read_file(folder / "cut.gz"); }) ==
          (folder / "cut.gz") + ": the gzip data is truncated or corrupt");
  }
  CHECK(test::error_of([&] { lines_of(folder / "corrupt.gz"); }) ==
        (folder / "corrupt.gz") + ": the gzip data is truncated or corrupt");
  CHECK(test::error_of([&] { read_file(folder / "plain.gz"); }) ==
        (folder / "plain.gz") + ": found no gzip header, wanted one because of the name");
}

TEST_CASE("split: one part more than separators, empty ones too") {
  using Parts = std::vector<std::string>;
  CHECK(split("a\tbc\t", '\t') == Parts{"a", "bc", ""});
  CHECK(split("a,b", '\t') == Parts{"a,b"});
  CHECK(split("", ',') == Parts{""});
}

TEST_CASE("LineReader: line ends, empty lines, a last line without an end") {
  const Folder folder;
  using Lines = std::vector<std::string>;
  put(folder / "a", "one\r\n\nthree\n");
  CHECK(lines_of(folder / "a") == Lines{"one", "", "three"});
  put(folder / "a", "one\ntwo\r");
  CHECK(lines_of(folder / "a") == Lines{"one", "two"});
  put(folder / "a", "\n");
  CHECK(lines_of(folder / "a") == Lines{""});
  put(folder / "a", "");
  CHECK(lines_of(folder / "a").empty());
  const std::string wide(600000, 'w');  // wider than two buffers
  put_gz(folder / "a", wide + "\n" + wide);
  CHECK(lines_of(folder / "a") == Lines{wide, wide});
}

TEST_CASE("LineReader: a line above the limit is refused, one at the limit is not") {
  const Folder folder;
  put(folder / "a", "12345\n123456\n");
  LineReader reader(folder / "a", 5);
  std::string line;
  CHECK(reader.next(line));
  CHECK(line == "12345");
  CHECK(test::error_of([&] { reader.next(line); }) == (folder / "a") + ": line 2 is longer than 5 bytes");
}

TEST_CASE("OutputFile: the target changes at commit and not before") {
  const Folder folder;
  put(folder / "a", "old");
  {
    OutputFile file(folder / "a");
    file.write("half of ");
    file.flush();
    CHECK(read_file(folder / "a") == "old");
  }
  CHECK(read_file(folder / "a") == "old");
  CHECK(folder.entries() == 1);

  OutputFile file(folder / "a"), other(folder / "a");  // two writers do not share a temporary
  CHECK(folder.entries() == 3);
  const std::string large(700000, 'x');
  file.write("new ");
  file.write(large.data(), large.size());
  file.commit();
  CHECK(read_file(folder / "a") == "new " + large);
  other.write("newer");
  other.commit();
  CHECK(read_file(folder / "a") == "newer");
  CHECK(folder.entries() == 1);
}

TEST_CASE("OutputFile: permissions and links of an existing target stay") {
  const Folder folder;
  put(folder / "a", "old");
  chmod((folder / "a").c_str(), 0640);
  fs::create_symlink("a", folder / "link");
  OutputFile file(folder / "link");
  file.write("new");
  file.commit();
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read_file(folder / "a") == "new");
  CHECK(fs::status(folder / "a").permissions() == static_cast<fs::perms>(0640));
}

TEST_CASE("OutputFile: what the system refuses is an error with its reason") {
  const Folder folder;
  CHECK(test::error_of([&] { OutputFile(folder / "none/a"); }) ==
        (folder / "none/a") + ": cannot open for writing: No such file or directory");
  CHECK(test::error_of([&] { OutputFile(folder.path.string()); }) ==
        folder.path.string() + ": cannot open for writing: Is a directory");
  put(folder / "a", "");
  CHECK(test::error_of([&] { OutputFile(folder / "a/b"); }) ==
        (folder / "a/b") + ": cannot open for writing: Not a directory");
  CHECK(test::error_of([&] {
          OutputFile full("/dev/full");
          full.write("one byte is too many");
          full.commit();
        }) == "/dev/full: cannot write: No space left on device");
  if (geteuid() != 0) {  // root writes anywhere
    fs::permissions(folder.path, fs::perms::owner_read | fs::perms::owner_exec);
    CHECK(test::error_of([&] { OutputFile(folder / "b"); }) ==
          (folder / "b") + ": cannot open for writing: Permission denied");
    fs::permissions(folder.path, fs::perms::owner_all);
  }
}

TEST_CASE("OutputFile: a device is written, not replaced") {
  OutputFile file("/dev/null");
  file.write("gone");
  file.commit();
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("read_file: longer than wanted is an error, also unpacked") {
  const Folder folder;
  put(folder / "a", std::string(1000, 'a'));
  put_gz(folder / "b", std::string(100'000'000, 'b'));
  CHECK(read_file(folder / "a", 1000).size() == 1000);
  CHECK(test::error_of([&] { read_file(folder / "a", 999); }) == (folder / "a") + ": longer than 999 bytes");
  CHECK(test::error_of([&] { read_file(folder / "b", 1 << 20); }) ==
        (folder / "b") + ": longer than 1048576 bytes");
  CHECK(test::error_of([&] { read_file("/dev/zero", 1 << 20); }) == "/dev/zero: longer than 1048576 bytes");
}

TEST_CASE("file_exists: only a regular file does, and nothing else is taken for one") {
  const Folder folder;
  put(folder / "a", "");
  CHECK(file_exists(folder / "a"));
  CHECK_FALSE(file_exists(folder / "b"));
  CHECK_FALSE(file_exists(folder / "a/b"));
  CHECK(test::error_of([&] { file_exists(folder.path); }) ==
        folder.path.string() + ": found a folder, wanted a file");
  CHECK(test::error_of([&] { file_exists("/dev/zero"); }) == "/dev/zero: found a device, wanted a file");
}

TEST_CASE("OutputFile: temporaries of processes that are gone are removed, files of others are not") {
  const Folder folder;
  put(folder / "a.tmp-1-0", "left behind");
  put(folder / "a.tmp-backup", "mine");
  put(folder / "a.tmp-", "mine");
  write_file(folder / "a", "new");
  CHECK_FALSE(fs::exists(folder / "a.tmp-1-0"));
  CHECK(read_file(folder / "a.tmp-backup") == "mine");
}

TEST_CASE("FolderLock: one at a time") {
  const Folder folder;
  {
    const FolderLock lock(folder.path);
    CHECK(test::error_of([&] { FolderLock(folder.path.string()); }) ==
          folder.path.string() + ": another process writes it");
  }
  CHECK_NOTHROW(FolderLock(folder.path.string()));
}

TEST_CASE("StagedFiles: new files come together, others stay, old ones of their family go") {
  const Folder folder;
  const std::string out = folder / "out";
  make_folders(out);
  put(folder / "out/key", "old key");
  chmod((folder / "out/key").c_str(), 0640);
  put(folder / "out/data", "old data");
  put(folder / "out/words.json", "old words");
  put(folder / "out/notes", "mine");
  {
    const StagedFiles unfinished(out, "key");
    write_file(unfinished.path() + "/key", "half");
    CHECK(read_file(folder / "out/key") == "old key");
  }
  const auto names = [&] {
    std::vector<std::string> list;
    for (const auto& entry : fs::directory_iterator(out)) list.push_back(entry.path().filename());
    std::ranges::sort(list);
    return list;
  };
  CHECK(names() == std::vector<std::string>{"data", "key", "notes", "words.json"});
  const char* const family[] = {"words.json", "words.txt"};
  {
    StagedFiles staged(out, "key");
    write_file(staged.path() + "/data", "new data");
    write_file(staged.path() + "/key", "new key");
    staged.commit(family);
  }
  CHECK(read_file(folder / "out/words.json") == "old words");  // nothing came in its place
  {
    StagedFiles staged(out, "key");
    write_file(staged.path() + "/words.txt", "new words");
    write_file(staged.path() + "/key", "newer key");
    staged.commit(family);
  }
  CHECK(names() == std::vector<std::string>{"data", "key", "notes", "words.txt"});
  CHECK(read_file(folder / "out/data") == "new data");
  CHECK(read_file(folder / "out/key") == "newer key");
  CHECK(fs::status(folder / "out/key").permissions() == static_cast<fs::perms>(0640));
  CHECK(read_file(folder / "out/notes") == "mine");
}

TEST_CASE("make_folders") {
  const Folder folder;
  make_folders(folder / "a/b/c");
  make_folders(folder / "a/b/c");
  CHECK(fs::is_directory(folder / "a/b/c"));
  put(folder / "file", "");
  CHECK(test::error_of([&] { make_folders(folder / "file/x"); }) ==
        (folder / "file/x") + ": cannot make the folder: Not a directory");
}

TEST_CASE(
    "partial output: what a writer leaves is kept, what was not kept is cut off, one writer at a time") {
  const Folder folder;
  const std::string path = folder / "out.jsonl";
  {
    OutputFile file(path, OutputFile::Partial{});
    file.write("first\nsecond\ntorn");
    file.flush();
    CHECK_THROWS_AS(OutputFile(path, OutputFile::Partial{}), Error);
  }
  CHECK(partial_name(path) == path + ".partial");
  CHECK(read_file(partial_name(path)) == "first\nsecond\ntorn");
  {
    OutputFile file(path, OutputFile::Partial{13});
    file.write("third\n");
    file.commit();
  }
  CHECK(read_file(path) == "first\nsecond\nthird\n");
  CHECK_FALSE(fs::exists(partial_name(path)));
}

}  // namespace slalom
