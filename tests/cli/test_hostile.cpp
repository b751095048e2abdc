// What no user means: limits of the system, files that are none, names that control a terminal. Each ends
// with a message, soon.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <zlib.h>

#include <filesystem>

#include "../support/process.hpp"
#include "model_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Arguments = std::vector<std::string>;

/// slalom below a limit of the shell: "ulimit -v 100000".
Finished run_limited(const std::string& limit, const Arguments& arguments,
                     const ProcessOptions& options = {}) {
  Arguments command = {"sh", "-c", limit + R"(; exec "$0" "$@")", slalom_binary()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_process(command, options);
}

[[maybe_unused]] void put_zeros_gz(const std::string& path, std::size_t bytes) {
  const std::string piece(std::size_t{1} << 20, ' ');
  const gzFile file = gzopen(path.c_str(), "wb1");
  for (std::size_t done = 0; done < bytes; done += piece.size())
    gzwrite(file, piece.data(), static_cast<unsigned>(piece.size()));
  gzclose(file);
}

/// A folder with each of the files that a reader of folders looks for.
struct WholeFolder : ModelFolder {
  WholeFolder() {
    write("vocab.txt", "[PAD]\n[CLS]\n[SEP]\n[UNK]\n[MASK]\nthe\n");
    write("tokenizer_config.json", "{}");
    write("special_tokens_map.json", "{}");
    write("added_tokens.json", "{}");
  }
};

}  // namespace

TEST_CASE("a small address space ends with a message") {
  const ModelFolder folder;
  const std::string row = "{\"input_ids\":[1,7,2]}\n";
  for (const char* threads : {"1", "2"})
    for (const Arguments& command : {Arguments{"info"},
                                     {"predict", "--model", folder.path},
                                     {"explain", "--model", folder.path, "--method", "leave-one-out"}}) {
      const Finished run = run_limited("ulimit -v 100000", command,
                                       {.input = row, .environment = {concat("OMP_NUM_THREADS=", threads)}});
      CHECK(run.status == 3);
      CHECK(run.err.starts_with("error: matrix products on 1 thread need 128 MiB of address space"));
    }
  // Where there is room for one thread only, nobody asked for more.
  const Finished one = run_limited("ulimit -v 300000", {"predict", "--model", folder.path},
                                   {.input = row, .environment = {"OMP_NUM_THREADS=4"}});
  CHECK(one.status == 0);
  const Finished two =
      run_limited("ulimit -v 300000", {"predict", "--model", folder.path, "--threads", "4"}, {.input = row});
  CHECK(two.status == 3);
}

TEST_CASE("files that unpack without end are refused by name, in little memory") {
  const WholeFolder folder;
  for (const char* name : {"special_tokens_map.json", "tokenizer_config.json", "config.json",
                           "tokenizer.json", "model.safetensors.index.json"}) {
    if (std::string(name).starts_with("model.")) std::filesystem::remove(folder.file("model.safetensors"));
    put_zeros_gz(folder.file(name), std::size_t{130} << 20);
    const Finished run = run_limited("ulimit -v 800000",
                                     {"predict", "--threads", "1", "--model", folder.path, "--text", "the"});
    CHECK(run.status == 3);
    CHECK(lines_of(run.err).at(0) == "error: " + folder.file(name) + ": longer than 134217728 bytes");
    std::filesystem::remove(folder.file(name));
    if (std::string(name) == "config.json") folder.write(name, config_json(folder.model.config()));
  }
}

TEST_CASE("pipes, devices, sockets and folders are no files of a model") {
  const Arguments predict = {"predict", "--threads", "1", "--text", "the", "--model"};
  const auto refused = [&](const char* name, const std::string& what, const auto& make) {
    const WholeFolder folder;
    const std::string path = folder.file(name);
    std::filesystem::remove(path);
    make(path);
    Arguments all = predict;
    all.push_back(folder.path);
    const Finished run = run_slalom(all);
    CAPTURE(run.err);
    CHECK(run.status == 3);
    CHECK(run.err.starts_with("error: " + path + ": found " + what));
  };
  for (const char* name : {"config.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json",
                           "added_tokens.json", "tokenizer.json"}) {
    refused(name, "a pipe, wanted a file", [](const std::string& path) { ::mkfifo(path.c_str(), 0600); });
    refused(name, "a device, wanted a file",
            [](const std::string& path) { std::filesystem::create_symlink("/dev/zero", path); });
    refused(name, "a folder, wanted a file", [](const std::string& path) { make_folders(path); });
    refused(name, "a socket, wanted a file", [](const std::string& path) {
      sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
      REQUIRE(path.size() < sizeof address.sun_path);
      path.copy(address.sun_path, path.size());
      const FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
      REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    });
  }
  refused("model.safetensors", "a pipe", [](const std::string& path) { ::mkfifo(path.c_str(), 0600); });
}

TEST_CASE("outputs that would replace a pipe are refused by name, others go through it") {
  const TemporaryFolder folder;
  make_folders(folder.file("m"));
  const auto train = [&] {
    return run_slalom({"train", "--threads", "1", "--width", "16", "--heads", "2", "--epochs", "1",
                       "--epoch-texts", "8", "--output", folder.file("m")});
  };
  for (const char* name : {"m/checkpoint.safetensors", "m/config.json", "m/model.safetensors"}) {
    ::mkfifo(folder.file(name).c_str(), 0600);
    const Finished run = train();
    CHECK(run.status == 3);
    CHECK(run.err.starts_with("error: " + folder.file(name) + ": found a pipe, wanted a file"));
    CHECK(std::filesystem::is_fifo(folder.file(name)));
    std::filesystem::remove(folder.file(name));
  }
  CHECK(train().status == 0);
  ::mkfifo(folder.file("out.jsonl").c_str(), 0600);
  const Finished resumed = run_slalom(
      {"explain", "--classifier-command", "cat", "--resume", "--output", folder.file("out.jsonl")});
  CHECK(resumed.status == 3);
  CHECK(resumed.err.starts_with("error: " + folder.file("out.jsonl") + ": found a pipe, wanted a file"));
}

TEST_CASE("a file that may grow no more is an error, and nothing of it is left") {
  const ModelFolder folder;
  std::string rows;
  for (int i = 0; i < 200; ++i) rows += "{\"input_ids\":[1,7,2]}\n";
  const std::string out = folder.file("out.jsonl");
  const Finished predicted = run_limited(
      "ulimit -f 1", {"predict", "--threads", "1", "--model", folder.path, "--output", out}, {.input = rows});
  CHECK(predicted.status == 3);
  CHECK(lines_of(predicted.err).at(0) == "error: " + out + ": cannot write: File too large");
  const Finished trained = run_limited("ulimit -f 8",
                                       {"train", "--threads", "1", "--model", folder.path, "--output",
                                        folder.path, "--epochs", "1", "--data", "-"},
                                       {.input = "{\"input_ids\":[1,7,2],\"label\":1}\n"});
  CHECK(trained.status == 3);
  CHECK(trained.err.find("checkpoint.safetensors: cannot write: File too large") != std::string::npos);
  CHECK(files_in(folder.path) == std::vector<std::string>{"config.json", "model.safetensors"});
  // explain keeps the rows that are finished.
  const Finished explained = run_limited(
      "ulimit -f 4",
      {"explain", "--threads", "1", "--model", folder.path, "--method", "leave-one-out", "--output", out},
      {.input = rows});
  CHECK(explained.status == 3);
  CHECK(explained.err.find(out + ": cannot write: File too large") != std::string::npos);
  CHECK(files_in(folder.path) ==
        std::vector<std::string>{"config.json", "model.safetensors", "out.jsonl.partial"});
}

TEST_CASE("what would take more memory than there is, is refused before it is asked for") {
  const TemporaryFolder folder;
  const Finished wide = run_slalom({"train", "--vocabulary", "2147483648", "--output", folder.file("m")});
  CHECK(wide.status == 2);
  CHECK(wide.err == "error: --vocabulary 2147483648, wanted 0 to 10000000\n");
  const Finished deep = run_slalom({"train", "--vocabulary", "10000000", "--width", "1048576", "--heads", "1",
                                    "--output", folder.file("m")});
  CHECK(deep.status == 3);
  CHECK(deep.err.starts_with("error: [memory] "));
  CHECK(deep.err.find(" MiB at once, this machine has ") != std::string::npos);

  const auto compared = [](const std::string& methods) {
    const Finished run = run_slalom({"compare", "--classifier-command", "cat", "--methods", methods}, {});
    CHECK(run.status == 2);
    return lines_of(run.err).at(0);
  };
  std::string many = "lime";
  for (int i = 0; i < 20'000; ++i) many += ",zero";
  CHECK(compared(many) == "error: --methods: zero twice");
  CHECK(compared("lime:7") ==
        "error: --methods lime:7, wanted part, linear, value, importance, removal, weight after the colon");
  const Finished metrics = run_slalom({"evaluate", "--metrics", "insertion,deletion,insertion"}, {});
  CHECK(metrics.status == 2);
  CHECK(lines_of(metrics.err).at(0) == "error: --metrics: insertion twice");
}

TEST_CASE("nothing in labels, tokens, names and messages controls a terminal") {
  // Escape, a C1 control in UTF-8, delete, an override of the direction, the end of a line.
  const std::string evil =
                        "\x1b[31m\xc2\x9b"
                        "1m\x7f\xe2\x80\xae\nx",
                    seen = "[U+001B][31m[U+009B]1m[U+007F][U+202E]";
  const auto is_harmless = [&](const std::string& output) {
    return output.find('\x1b') == std::string::npos && output.find("\xc2\x9b") == std::string::npos &&
           output.find('\x7f') == std::string::npos && output.find("\xe2\x80\xae") == std::string::npos;
  };
  const TemporaryFolder all("evil");
  const std::string folder = all.path + "/" + evil;
  ClassifierConfig config = small_config(Architecture::bert, 1);
  config.label_names = {evil, "b", "c"};
  Classifier<double> model(config);
  randomise(model, 4);
  save_model(model, folder, DType::f64);
  std::string vocabulary = "[PAD]\n[CLS]\n[SEP]\n[UNK]\n[MASK]\n" + evil.substr(0, evil.find('\n')) + "\n";
  for (int i = 6; i < 40; ++i) vocabulary += concat("w", i, "\n");
  write_file(folder + "/vocab.txt", vocabulary);

  const Finished info = run_slalom({"info", "--model", folder, "--threads", "1"});
  CHECK(info.status == 0);
  CHECK(is_harmless(info.out));
  CHECK(info.out.find(seen) != std::string::npos);
  const Finished audit =
      run_slalom({"audit", "--model", folder, "--target", "1", "--tokens", "5,6", "--longest", "2"});
  CHECK(audit.status == 0);
  CHECK(is_harmless(audit.out));
  CHECK(audit.out.find("Is " + all.path + "/" + seen + "↵x additive?") != std::string::npos);
  CHECK(audit.out.find("\n" + seen + " ") != std::string::npos);

  const auto message = [&](const Arguments& arguments) {
    const Finished run = run_slalom(arguments);
    CHECK(run.status != 0);
    CHECK(is_harmless(run.err));
    return lines_of(run.err).at(0);
  };
  CHECK(message({"explain", "--model", folder, "--target", "none", "--text", "w6"}) ==
        "error: --target none, the model has classes 0 to 2: 0 " + seen + "↵x, 1 b, 2 c");
  CHECK(message({"predict", "--model", all.file(evil + "/none")}) ==
        "error: " + all.file(seen) + "↵x/none: found no such model folder");
  CHECK(message({"predict", "--" + evil}).find(seen) != std::string::npos);
  all.write("config.json", "{\"model_type\": \"\\u001b[31m\\u202e\"}");
  CHECK(message({"predict", "--model", all.path}).find("found \"\\u001b[31m\\u202e\"") != std::string::npos);
  CHECK(message({"explain", "--classifier-command", "printf '\\033[31m\\n\\302\\2331m' >&2; exit 1",
                 "--input", "/dev/null/" + evil}) ==
        "error: /dev/null/" + seen + "↵x: cannot open: Not a directory");

  const std::string long_error = message({"predict", "--nope" + std::string(5000, 'x') + "end"});
  CHECK(long_error.size() <= 1010);
  CHECK(long_error.find("nopexx") != std::string::npos);
  CHECK(long_error.find("xx...xx") != std::string::npos);
  CHECK(long_error.find("xend") != std::string::npos);
}

TEST_CASE("a program's last words reach stderr line by line, and nothing in them controls a terminal") {
  const Finished run =
      run_slalom({"explain", "--classifier-command", "printf 'red: \\033[31m\\nand more\\n' >&2; exit 1"},
                 {.input = "{\"input_ids\":[1]}\n"});
  CHECK(run.status == 3);
  const std::vector<std::string> lines = lines_of(run.err);
  REQUIRE(lines.size() == 4);
  CHECK(lines[1] == "hint: it wrote to stderr: red: [U+001B][31m");
  CHECK(lines[2] == "and more");
}
