#include "slalom/report/figure.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"

namespace {

using namespace slalom;
namespace fs = std::filesystem;

/// A new folder below the system's temporary one, removed at the end.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("slalom_figure_" + std::to_string(getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string stem(const char* name) const { return (path / name).string(); }
};

/// Programs are looked for in `folder` alone while this lives.
class OnlyPath {
 public:
  explicit OnlyPath(const fs::path& folder) { setenv("PATH", folder.c_str(), 1); }
  ~OnlyPath() { setenv("PATH", saved_.c_str(), 1); }

 private:
  std::string saved_ = std::getenv("PATH");
};

bool have_gnuplot() {
  if (std::system("gnuplot --version > /dev/null 2>&1") == 0) return true;
  MESSAGE("skipped: gnuplot is not installed");
  return false;
}

Figure example() {
  Curve model{"BERT 1 layer", {1, 2, 3}, {1, NAN, 2}, Curve::Style::line_points};
  Curve points{"GPT-2", {1, 2}, {0.5, 1}, Curve::Style::points};
  Curve truth{"truth 1.5 n", {1, 2, 3}, {1.5, 3, 4.5}, Curve::Style::dashed};
  Panel left{"left", "repetitions", "log-odds", {model, points, truth}, {}, false};
  Panel right{"right", "queries", "R²", {model}, std::pair(0.0, 3.0), true};
  return {"Two panels", {left, right}, 2};
}

std::size_t occurrences(const std::string& s, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = s.find(what); at != std::string::npos; at = s.find(what, at + 1)) ++n;
  return n;
}

TEST_CASE("a figure is an SVG and a PNG with all its texts, in new folders, and nothing else") {
  if (!have_gnuplot()) return;
  const Folder folder;
  draw(example(), folder.stem("new/figure"));
  const std::string svg = read_file(folder.stem("new/figure.svg")),
                    png = read_file(folder.stem("new/figure.png"));
  CHECK(svg.starts_with("<?xml"));
  CHECK(svg.find("</svg>") != std::string::npos);
  CHECK(png.starts_with("\x89PNG\r\n\x1a\n"));
  CHECK(png.find("IEND") != std::string::npos);
  for (const char* label : {"Two panels", "left", "right", "repetitions", "log-odds", "queries", "R²"})
    CHECK(occurrences(svg, label) == 1);
  for (const char* label : {"BERT 1 layer", "GPT-2", "truth 1.5 n"}) CHECK(occurrences(svg, label) == 1);
  CHECK(std::distance(fs::directory_iterator(folder.path / "new"), {}) == 2);
}

TEST_CASE("the same figure gives the same bytes") {
  if (!have_gnuplot()) return;
  const Folder folder;
  draw(example(), folder.stem("a"));
  draw(example(), folder.stem("b"));
  CHECK(read_file(folder.stem("a.svg")) == read_file(folder.stem("b.svg")));
  CHECK(read_file(folder.stem("a.png")) == read_file(folder.stem("b.png")));
}

TEST_CASE("a label has the same colour in every panel, and references take none") {
  if (!have_gnuplot()) return;
  const Folder folder;
  const Curve truth{"truth", {1, 2}, {1, 2}, Curve::Style::dashed};
  const Curve a{"a", {1, 2}, {1, 3}}, b{"b", {1, 2}, {2, 3}};
  draw({"", {{"", "", "", {truth, a, b}, {}, false}, {"", "", "", {b}, {}, false}}, 2}, folder.stem("f"));
  const std::string svg = read_file(folder.stem("f.svg"));
  CHECK(occurrences(svg, "<path stroke='rgb(  0, 114, 178)'") == 2);  // a: curve and legend
  CHECK(occurrences(svg, "<path stroke='rgb(213,  94,   0)'") == 3);  // b: two curves and legend
}

TEST_CASE("hostile text is drawn as it is") {
  if (!have_gnuplot()) return;
  const Folder folder;
  const std::string victim = folder.stem("made_by_a_label");
  const std::string hostile = "a_b^{c}`touch " + victim + "` 'q' \"x\" \\n @x %d $d0";
  const Curve curve{hostile, {1, 2}, {1, 2}};
  draw({hostile, {{hostile, hostile, hostile, {curve}, {}, false}}, 1}, folder.stem("it's|a"));
  CHECK(occurrences(read_file(folder.stem("it's|a.svg")), hostile) == 5);
  CHECK_FALSE(fs::exists(victim));
  draw({"", {{"two\nlines' <b>&", "", "", {curve}, {}, false}}, 1}, folder.stem("b"));
  CHECK(occurrences(read_file(folder.stem("b.svg")), "two lines' &lt;b>&amp;") == 1);
}

TEST_CASE("a figure that cannot be drawn is refused before gnuplot is asked") {
  const auto refused = [](const Figure& figure, const char* message) {
    CHECK_THROWS_WITH_AS(draw(figure, "/nonexistent/figure"), message, Error);
  };
  const auto with = [](const Curve& curve, bool log_x = false) {
    return Figure{"", {{"p", "", "", {curve}, {}, log_x}}, 1};
  };
  refused({"", {}, 1}, "[figure] no panels, wanted at least one");
  refused({"", {{}}, 0}, "[figure] 0 columns, wanted at least one");
  refused({"", {{"p", "", "", {}, {}, false}}, 1}, "[figure] panel \"p\" has no curves");
  refused(with({"c", {1, 2}, {1}}), "[figure] curve \"c\": 2 x values, 1 y values");
  refused(with({"c", {}, {}}), "[figure] curve \"c\": no finite point");
  refused(with({"c", {1, INFINITY}, {NAN, 1}}), "[figure] curve \"c\": no finite point");
  refused(with({"c", {1, 0}, {1, 1}}, true),
          "[figure] curve \"c\": x is 0, a logarithmic axis wants it positive");
  Figure upside_down = with({"c", {1}, {1}});
  upside_down.panels[0].y_range = {2, 1};
  refused(upside_down, "[figure] panel \"p\": y range 2 to 1, wanted low < high");
  upside_down.panels[0].y_range = {};
  upside_down.panels[0].x_range = {1, 1};
  refused(upside_down, "[figure] panel \"p\": x range 1 to 1, wanted low < high");
}

TEST_CASE("a gnuplot that is missing, fails or draws nothing is an error with a hint, and leaves no file") {
  const Folder folder;
  const auto message = [&] {
    const OnlyPath only(folder.path);
    try {
      draw(example(), folder.stem("f"));
    } catch (const Error& error) {
      CHECK(error.hint() == "`make deps` installs gnuplot");
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const auto install = [&](const char* script) {
    std::ofstream(folder.path / "gnuplot") << "#!/bin/sh\n" << script;
    fs::permissions(folder.path / "gnuplot", fs::perms::owner_all);
  };
  CHECK(message() == "[figure] cannot run gnuplot: No such file or directory");
  install("printf 'gnuplot> set terminal svg\\n\\n   line 2: unknown terminal\\n\\n' >&2; exit 1\n");
  CHECK(message() == "[figure] gnuplot failed: line 2: unknown terminal");
  install("exit 0\n");
  CHECK(message() == "[figure] gnuplot drew nothing: no message");
  CHECK_FALSE(fs::exists(folder.stem("f.svg")));
  CHECK_FALSE(fs::exists(folder.stem("f.png")));
}

}  // namespace
