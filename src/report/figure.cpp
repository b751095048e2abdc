#include "slalom/report/figure.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom {
namespace {

// Okabe and Ito's palette, which colour-blind readers tell apart; its black is kept for references, grey
// takes its place, and yellow, the weakest on white, comes last.
constexpr std::array kPalette = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                 "#E69F00", "#56B4E9", "#7F7F7F", "#F0E442"};
// gnuplot's filled circle, square, triangles, diamond and pentagon, then open ones: shapes tell curves apart
// in grey print.
constexpr std::array kPointTypes = {7, 5, 9, 11, 13, 15, 6, 4};
constexpr std::array kDashes = {"(10,6)", "(2,4)", "(12,4,2,4)"};

// Pixels of the SVG; the PNG has twice as many.
constexpr int kPanelWidth = 420, kPanelHeight = 320, kTitleHeight = 30;
constexpr int kLeft = 70, kRight = 24, kTop = 32, kBottom = 58;  // from a panel's edge to its axes
constexpr int kLegendRow = 20, kSample = 30, kLegendGap = 34;    // the gap is split around an entry's text
constexpr double kCharacterWidth = 7.2;                          // on average

/// A gnuplot string without substitutions. A line break would end it, so it becomes a space.
std::string quoted(std::string s) {
  std::replace_if(
      s.begin(), s.end(), [](char c) { return c == '\n' || c == '\r' || c == '\0'; }, ' ');
  std::string out = "'";
  for (const char c : s) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

void check(const Curve& curve, bool log_x) {
  const auto refuse = [&](const std::string& why) {
    throw Error(concat("[figure] curve \"", curve.label, "\": ", why));
  };
  if (curve.x.size() != curve.y.size())
    refuse(concat(curve.x.size(), " x values, ", curve.y.size(), " y values"));
  bool any = false;
  for (std::size_t i = 0; i < curve.x.size(); ++i) {
    if (log_x && curve.x[i] <= 0)
      refuse(concat("x is ", curve.x[i], ", a logarithmic axis wants it positive"));
    any = any || (std::isfinite(curve.x[i]) && std::isfinite(curve.y[i]));
  }
  if (!any) refuse("no finite point");
}

void check(const Figure& figure) {
  if (figure.panels.empty()) throw Error("[figure] no panels, wanted at least one");
  if (figure.columns < 1) throw Error(concat("[figure] ", figure.columns, " columns, wanted at least one"));
  for (const Panel& panel : figure.panels) {
    if (panel.curves.empty()) throw Error(concat("[figure] panel \"", panel.title, "\" has no curves"));
    for (const auto& [axis, range] : {std::pair{"x", panel.x_range}, {"y", panel.y_range}})
      if (range && !(range->first < range->second))
        throw Error(concat("[figure] panel \"", panel.title, "\": ", axis, " range ", range->first, " to ",
                           range->second, ", wanted low < high"));
    for (const Curve& curve : panel.curves) check(curve, panel.log_x);
  }
}

/// What a curve looks like in all panels: its number among those of its kind, dashed or coloured.
struct Look {
  std::string label;
  Curve::Style style;
  std::size_t number;
};

bool is_dashed(Curve::Style style) {
  return style == Curve::Style::dashed;
}

std::vector<Look>::const_iterator find_look(const Curve& curve, const std::vector<Look>& looks) {
  return std::find_if(looks.begin(), looks.end(), [&](const Look& look) {
    return look.label == curve.label && is_dashed(look.style) == is_dashed(curve.style);
  });
}

/// One look a label, in the order of first appearance.
std::vector<Look> looks_of(const Figure& figure) {
  std::vector<Look> looks;
  std::size_t coloured = 0, dashed = 0;
  for (const Panel& panel : figure.panels)
    for (const Curve& curve : panel.curves)
      if (find_look(curve, looks) == looks.end())
        looks.push_back({curve.label, curve.style, is_dashed(curve.style) ? dashed++ : coloured++});
  return looks;
}

bool has_line(Curve::Style style) {
  return style != Curve::Style::points;
}

bool has_points(Curve::Style style) {
  return style == Curve::Style::points || style == Curve::Style::line_points;
}

/// gnuplot's words for a line, points or both, as `look` has them.
std::string drawn(const Look& look, bool line, bool points) {
  const bool dashed = is_dashed(look.style);
  std::string out = line && points ? "linespoints" : line ? "lines" : "points";
  if (dashed) out += concat(" dt ", kDashes[look.number % kDashes.size()]);
  if (points) out += concat(" ps 0.6 pt ", kPointTypes[look.number % kPointTypes.size()]);
  return out + concat(" lw 1.8 lc rgb '", dashed ? "#000000" : kPalette[look.number % kPalette.size()], "'");
}

std::string datablock(std::size_t number, const Curve& curve) {
  std::string out = concat("$d", number, " << EOD\n");
  for (std::size_t i = 0; i < curve.x.size(); ++i) {
    const bool finite = std::isfinite(curve.x[i]) && std::isfinite(curve.y[i]);
    out += finite ? shortest(curve.x[i]) + ' ' + shortest(curve.y[i]) : "NaN NaN";
    out += '\n';
  }
  return out + "EOD\n";
}

/// The whole picture, in pixels: title, rows of panels, one legend for all of them. Every text but the
/// numbers at the axes is placed by hand, because gnuplot's terminals disagree on the space it needs.
struct Layout {
  int width, height, panels_top, legend_top, legend_columns, entry_width;

  /// gnuplot's screen coordinates run from 0 to 1, upwards.
  std::string across(int x) const { return fixed(static_cast<double>(x) / width, 5); }
  std::string up(int y) const { return fixed(1 - static_cast<double>(y) / height, 5); }
  std::string at(int x, int y) const { return concat("screen ", across(x), ",", up(y)); }
  std::string label(int x, int y, const std::string& label_text, std::string_view how) const {
    return concat("set label ", quoted(label_text), " at ", at(x, y), " ", how, "\n");
  }
};

Layout layout_of(const Figure& figure, const std::vector<Look>& looks) {
  std::size_t longest = 0;  // in bytes, of which UTF-8 has at least as many as characters
  for (const Look& look : looks) longest = std::max(longest, look.label.size());
  Layout layout{};
  layout.width = figure.columns * kPanelWidth;
  const int entry = kSample + kLegendGap + static_cast<int>(kCharacterWidth * static_cast<double>(longest));
  layout.entry_width = std::min(entry, layout.width);
  const int entries = static_cast<int>(looks.size());
  const Index legend_rows = ceil_div(entries, std::min(layout.width / layout.entry_width, entries));
  layout.legend_columns = static_cast<int>(ceil_div(entries, legend_rows));
  layout.panels_top = figure.title.empty() ? 0 : kTitleHeight;
  const Index panel_rows = ceil_div(static_cast<Index>(figure.panels.size()), figure.columns);
  layout.legend_top = layout.panels_top + static_cast<int>(panel_rows) * kPanelHeight;
  layout.height = layout.legend_top + static_cast<int>(legend_rows) * kLegendRow + kLegendRow / 2;
  return layout;
}

/// Puts the axes of the next plot between these pixels.
std::string set_margins(const Layout& layout, int left, int right, int top, int bottom) {
  return concat("set lmargin at screen ", layout.across(left), "\nset rmargin at screen ",
                layout.across(right), "\nset tmargin at screen ", layout.up(top), "\nset bmargin at screen ",
                layout.up(bottom), "\n");
}

/// A plot over the whole picture, its coordinates the pixels, of nothing but the samples of the legend.
std::string legend_script(const Layout& layout, const std::vector<Look>& looks) {
  std::string samples, plot;
  const int columns = layout.legend_columns, start = (layout.width - columns * layout.entry_width) / 2;
  for (std::size_t i = 0; i < looks.size(); ++i) {
    const Look& look = looks[i];
    const int column = static_cast<int>(i) % columns, row = static_cast<int>(i) / columns;
    const int x = start + column * layout.entry_width + kLegendGap / 2;
    const int y = layout.legend_top + row * kLegendRow + kLegendRow / 2;
    samples += concat("$s", i, " << EOD\n", x, " ", y, " ", x + kSample / 2, "\n", x + kSample, " ", y,
                      " NaN\nEOD\n");
    const bool line = has_line(look.style), points = has_points(look.style);
    const auto add = [&](std::string_view columns_used, const std::string& how) {
      plot += concat(plot.empty() ? "plot " : ", ", "$s", i, " using ", columns_used, " with ", how);
    };
    if (line) add("1:2", drawn(look, true, false));
    if (points) add("3:2", drawn(look, line, true));
    samples += layout.label(x + kSample + 8, y, look.label, "left");
  }
  return samples + set_margins(layout, 0, layout.width, 0, layout.height) +
         concat("unset border\nunset tics\nunset grid\nunset logscale x\nset xrange [0:", layout.width,
                "]\nset yrange [", layout.height, ":0]\n", plot, "\n");
}

/// Where panel `number` is, and its texts.
std::string frame_script(const Panel& panel, int number, int columns, const Layout& layout) {
  const int x = number % columns * kPanelWidth, y = layout.panels_top + number / columns * kPanelHeight;
  const int left = x + kLeft, right = x + kPanelWidth - kRight, top = y + kTop,
            bottom = y + kPanelHeight - kBottom;
  return set_margins(layout, left, right, top, bottom) +
         layout.label((left + right) / 2, top - 16, panel.title, "center") +
         layout.label((left + right) / 2, bottom + 42, panel.x_label, "center") +
         layout.label(x + 16, (top + bottom) / 2, panel.y_label, "center rotate");
}

/// Axes and curves of one panel, the first of which is datablock `first`.
std::string plot_script(const Panel& panel, std::size_t first, const std::vector<Look>& looks) {
  std::string out = panel.log_x ? "set logscale x\n" : "unset logscale x\n";
  for (const auto& [axis, range] : {std::pair{"x", panel.x_range}, {"y", panel.y_range}})
    out += concat("set ", axis, "range [", range ? shortest(range->first) : "*", ":",
                  range ? shortest(range->second) : "*", "]\n");
  out += concat("set xtics ", panel.x_tick > 0 ? shortest(panel.x_tick) : "autofreq", "\n");
  for (std::size_t i = 0; i < panel.curves.size(); ++i) {
    const Curve& curve = panel.curves[i];
    const Look& look = *find_look(curve, looks);
    out += concat(i == 0 ? "plot " : ", ", "$d", first + i, " using 1:2 with ",
                  drawn(look, has_line(curve.style), has_points(curve.style)));
  }
  return out + "\n";
}

/// Everything after the terminal is set.
std::string body_script(const Figure& figure, const Layout& layout, const std::vector<Look>& looks) {
  std::string out;
  std::size_t number = 0;
  for (const Panel& panel : figure.panels)
    for (const Curve& curve : panel.curves) out += datablock(number++, curve);
  out +=
      "set border 3 lw 1 lc rgb '#404040'\n"
      "set tics nomirror out scale 0.6 textcolor rgb '#000000'\n"
      "set format '%h'\n"  // the default begins with a space, which is centred as well
      "set grid lw 0.6 lt 1 lc rgb '#E0E0E0'\n"
      "unset key\n"
      "set multiplot\n";
  out += layout.label(layout.width / 2, kTitleHeight / 2, figure.title, "center font ',15'");
  std::size_t first = 0;
  for (std::size_t i = 0; i < figure.panels.size(); ++i) {
    out += frame_script(figure.panels[i], static_cast<int>(i), figure.columns, layout);
    out += plot_script(figure.panels[i], first, looks) + "unset label\n";
    first += figure.panels[i].curves.size();
  }
  return out + legend_script(layout, looks) + "unset multiplot\n";
}

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

File temporary_file() {
  File file(std::tmpfile(), std::fclose);
  if (!file) throw Error(concat("[figure] cannot create a temporary file: ", std::strerror(errno)));
  return file;
}

std::string contents(std::FILE* file) {
  std::rewind(file);
  std::string out;
  char block[65536];
  for (std::size_t n = 0; (n = std::fread(block, 1, sizeof block, file)) > 0;) out.append(block, n);
  return out;
}

/// gnuplot repeats the script before its message.
std::string last_line(const std::string& s) {
  const std::size_t end = s.find_last_not_of(" \n") + 1;
  const std::size_t begin = s.substr(0, end).rfind('\n') + 1;
  const std::size_t first = s.find_first_not_of(' ', begin);
  return first < end ? s.substr(first, end - first) : "no message";
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) throw Error(concat("[figure] lost gnuplot: ", std::strerror(errno)));
  return status;
}

/// What gnuplot prints for `script`. The script comes from a file and the picture goes into one, so that
/// neither side can wait for the other, and no path of ours is ever parsed by gnuplot.
std::string run_gnuplot(const std::string& script) {
  const File in = temporary_file(), out = temporary_file(), err = temporary_file();
  if (std::fwrite(script.data(), 1, script.size(), in.get()) != script.size() || std::fflush(in.get()) != 0)
    throw Error(concat("[figure] cannot write a temporary file: ", std::strerror(errno)));
  std::rewind(in.get());

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(in.get()), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(out.get()), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(err.get()), STDERR_FILENO);
  // The user's own settings (~/.gnuplot) would change the picture.
  char program[] = "gnuplot", no_settings[] = "--default-settings";
  char* arguments[] = {program, no_settings, nullptr};
  pid_t child = 0;
  const int refused = posix_spawnp(&child, program, &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);

  const std::string hint = "`make deps` installs gnuplot";
  if (refused != 0) throw Error(concat("[figure] cannot run gnuplot: ", std::strerror(refused)), hint);
  if (wait_for(child) != 0) throw Error("[figure] gnuplot failed: " + last_line(contents(err.get())), hint);
  std::string picture = contents(out.get());
  if (picture.empty()) throw Error("[figure] gnuplot drew nothing: " + last_line(contents(err.get())), hint);
  return picture;
}

}  // namespace

void draw(const Figure& figure, const std::string& stem) {
  check(figure);
  const std::vector<Look> looks = looks_of(figure);
  const Layout layout = layout_of(figure, looks);
  const std::string body = body_script(figure, layout, looks);
  const std::string start = "set encoding utf8\nset terminal ",
                    size = " noenhanced font 'DejaVu Sans,12' size ";
  const std::string svg = run_gnuplot(
      concat(start, "svg", size, layout.width, ",", layout.height, " background rgb 'white'\n", body));
  // Twice the pixels, sharp in print. Its font size is in points of 4/3 pixels, that of SVG in pixels.
  const std::string png =
      run_gnuplot(concat(start, "pngcairo", size, 2 * layout.width, ",", 2 * layout.height,
                         " fontscale 1.5 linewidth 2 pointscale 2\n", body));

  const std::string folder = std::filesystem::path(stem).parent_path().string();
  if (!folder.empty()) make_folders(folder);
  for (const auto& [ending, picture] : {std::pair(".svg", &svg), std::pair(".png", &png)}) {
    OutputFile file(stem + ending);
    file.write(*picture);
    file.commit();
  }
}

}  // namespace slalom
