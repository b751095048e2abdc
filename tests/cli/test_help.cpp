#include "slalom/cli/help.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "../support/process.hpp"
#include "model_folder.hpp"
#include "slalom/base/files.hpp"
#include "slalom/cli/cli.hpp"

using namespace slalom;
using namespace slalom::test;

TEST_CASE("src/cli/README.md ends with what `slalom help markdown` prints (make reference)") {
  CHECK(read_file("src/cli/README.md").ends_with("\n" + run_slalom({"help", "markdown"}).out));
}

TEST_CASE("help: the options that matter first, the common ones last, then the examples") {
  const std::string help = run_slalom({"explain", "--help"}).out;
  const char* order[] = {"--model DIR", "--method NAME", "--text TEXT", "--budget", "common:", "examples:"};
  for (std::size_t i = 1; i < std::size(order); ++i) CHECK(help.find(order[i - 1]) < help.find(order[i]));
  CHECK(help.find("examples:") != std::string::npos);
}

TEST_CASE("man page: every command and option, and nothing that roff would take for its own") {
  const std::string page = run_slalom({"help", "man"}).out;
  for (const Command& command : commands()) {
    CHECK(page.find(".SS slalom " + command.name + "\n") != std::string::npos);
    for (const Option& option : all_options(command)) {
      std::string name = "\\-\\-" + long_name(option);
      for (std::size_t i = 4; (i = name.find('-', i)) != std::string::npos; i += 2) name.insert(i, "\\");
      CHECK(page.find(name) != std::string::npos);
    }
  }
  for (const std::string& line : lines_of(page))
    if (line.starts_with('.'))
      CHECK_MESSAGE(std::string("TH SH SS TP B I PP nf fi ").find(line.substr(1, line.find(' ') - 1) + " ") !=
                        std::string::npos,
                    line);
}

TEST_CASE("completion: commands, their options, the words of an option") {
  const auto offered = [](const std::vector<std::string>& before) { return completions(commands(), before); };
  CHECK(offered({}).starts_with("train\npredict\n"));
  CHECK(offered({"fit", "--surrogate"}) == "linear\ngam\nslalom\n");
  CHECK(offered({"fit", "--skip-special"}).starts_with("--model\n"));
  CHECK(offered({"fit", "--holdout"}).empty());
  CHECK(offered({"train", "--data"}) == "sparse_bow\nslalom\n");
  CHECK(offered({"fit", "--surrogate", "gam"}).find("\n--holdout\n") != std::string::npos);
}

TEST_CASE("completion: bash offers what the program says") {
  const std::string script =
      "source src/cli/completion.bash; COMP_WORDS=(" + slalom_binary() +
      " fit --surrogate g); COMP_CWORD=3; _slalom; echo ${COMPREPLY[@]}; COMP_WORDS=(" + slalom_binary() +
      " pre); COMP_CWORD=1; _slalom; echo ${COMPREPLY[@]}";
  CHECK(run_process({"bash", "-c", script}).out == "gam\npredict\n");
}

TEST_CASE("commands at a terminal without input say what they wait for") {
  const FileDescriptor master(posix_openpt(O_RDWR | O_NOCTTY));
  if (master.get() < 0 || grantpt(master.get()) != 0 || unlockpt(master.get()) != 0 ||
      access(ptsname(master.get()), R_OK | W_OK) != 0) {
    MESSAGE("skipped: there are no pseudo-terminals");
    return;
  }
  const FileDescriptor terminal(open(ptsname(master.get()), O_RDWR | O_NOCTTY));
  const ModelFolder folder;
  folder.write("vocab.txt", "[PAD]\n[CLS]\n[SEP]\n[UNK]\nthe\n");
  const char end = 4;  // Ctrl-D
  for (const std::string command :
       {"tokenize", "explain", "explain --dry-run", "explain --aggregate --target 1", "compare", "evaluate",
        "predict", "inspect attention", "fit"}) {
    CAPTURE(command);
    REQUIRE(write(master.get(), &end, 1) == 1);
    const std::string line =
        slalom_binary() + " " + command + " --model " + folder.path + " < " + ptsname(master.get());
    CHECK(run_process({"bash", "-c", line}).err.starts_with("waiting for rows on stdin"));
  }
}
