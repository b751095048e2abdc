// Attention patterns as small pictures of 16 shades.
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "slalom/base/error.hpp"
#include "slalom/report/characters.hpp"
#include "slalom/report/page_parts.hpp"
#include "slalom/report/wording.hpp"

namespace slalom {

namespace {

struct Map {
  Index side = 0;              // cells in a row
  std::vector<double> weight;  // (side, side)
};

// Means over blocks of `block` × `block` tokens; the last ones can be smaller.
Map pooled(const std::vector<float>& pattern, Index tokens, Index block) {
  Map map{(tokens + block - 1) / block, {}};
  for (Index r = 0; r < map.side; ++r)
    for (Index c = 0; c < map.side; ++c) {
      const Index rows = std::min(tokens, (r + 1) * block), columns = std::min(tokens, (c + 1) * block);
      double sum = 0;
      for (Index i = r * block; i < rows; ++i)
        for (Index j = c * block; j < columns; ++j) {
          const auto w = static_cast<double>(pattern[static_cast<std::size_t>(i * tokens + j)]);
          if (std::isfinite(w)) sum += w;
        }
      map.weight.push_back(sum / static_cast<double>((rows - r * block) * (columns - c * block)));
    }
  return map;
}

void append_number(std::string& to, std::uint32_t n) {
  for (const int shift : {24, 16, 8, 0}) to += static_cast<char>(n >> shift & 0xFF);
}

void append_chunk(std::string& to, const std::string& name, const std::string& data) {
  append_number(to, static_cast<std::uint32_t>(data.size()));
  const std::string checked = name + data;
  to += checked;
  append_number(to, static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(checked.data()),
                                                     static_cast<uInt>(checked.size()))));
}

std::string deflated(const std::string& bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::string out(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                static_cast<uLong>(bytes.size()), 9) != Z_OK)
    throw Error("[page] zlib cannot compress a picture");
  out.resize(size);
  return out;
}

// PNG (ISO/IEC 15948) of 4-bit grey levels: white is 0, black is `largest`, in steps of the square root.
std::string png(const Map& map, double largest) {
  std::string rows;
  for (Index r = 0; r < map.side; ++r) {
    rows += '\0';  // no filter
    for (Index c = 0; c < map.side; c += 2) {
      const auto level = [&](Index column) {
        if (column >= map.side || largest <= 0) return 15;
        const double w = std::max(0.0, map.weight[static_cast<std::size_t>(r * map.side + column)]);
        return 15 - static_cast<int>(std::lround(15 * std::sqrt(w / largest)));
      };
      rows += static_cast<char>(level(c) << 4 | level(c + 1));
    }
  }
  std::string header;
  append_number(header, static_cast<std::uint32_t>(map.side));
  append_number(header, static_cast<std::uint32_t>(map.side));
  header += std::string("\x04\x00\x00\x00\x00", 5);  // 4 bits, grey, no interlacing
  std::string out = "\x89PNG\r\n\x1a\n";
  append_chunk(out, "IHDR", header);
  append_chunk(out, "IDAT", deflated(rows));
  append_chunk(out, "IEND", "");
  return out;
}

std::string head_figure(const ReportedText& t, const ReportedPattern& p, Index block) {
  const Index tokens = std::ssize(t.tokens);
  const Map map = pooled(p.pattern, tokens, block);
  const double largest = *std::ranges::max_element(map.weight);
  const std::string name = concat("head ", p.head, ", to ", probability_text(std::max(0.0, largest)));
  return concat("<figure><small>key (read) →</small><img alt=\"layer ", p.layer, ", ", escaped(name),
                "\" width=\"", map.side, "\" height=\"", map.side, "\" src=\"data:image/png;base64,",
                base64(png(map, largest)), "\"><figcaption>↓ query (reads); ", escaped(name),
                "</figcaption></figure>\n");
}

std::string explained(const ReportedText& t, Index block) {
  std::string out =
      "<p class=\"note\">A row is a token that reads (the query), a column one that is read (the key), in "
      "the "
      "order of the text from the top left: ";
  for (const ReportedToken& token : t.tokens)
    out += concat(&token == t.tokens.data() ? "" : " · ", escaped(token.piece));
  out +=
      ". White is a weight of 0, black the head's largest, which is written below it (in dark mode the "
      "reverse); shades follow the square root.";
  if (block > 1)
    out +=
        concat(" Each cell is the mean over ", block, " × ", block, " of the ", t.tokens.size(), " tokens.");
  return out + "</p>\n";
}

}  // namespace

std::string attention_maps(const ReportedText& t) {
  if (t.attention.empty()) return {};
  const Index tokens = std::ssize(t.tokens), block = (tokens + kAttentionCells - 1) / kAttentionCells;
  std::string out = concat("<details><summary>Attention, ", t.attention.size(),
                           t.attention.size() == 1 ? " head" : " heads", "</summary>\n", explained(t, block));
  std::optional<Index> layer;
  for (const ReportedPattern& p : t.attention) {
    if (layer != p.layer)
      out += concat(layer ? "</div>\n" : "", "<h4>Layer ", p.layer, "</h4>\n<div class=\"heads\">\n");
    layer = p.layer;
    out += head_figure(t, p, block);
  }
  return out + "</div>\n</details>\n";
}

}  // namespace slalom
