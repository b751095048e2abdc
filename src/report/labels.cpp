// Placing labels beside dots.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "slalom/report/plane.hpp"

namespace slalom {

namespace {

struct Segment {
  Point a, b;
};

Box around(const Dot& dot) {
  return {dot.at.x - dot.radius, dot.at.y - dot.radius, dot.at.x + dot.radius, dot.at.y + dot.radius};
}

// Liang-Barsky: the part of the segment inside the box, cut side by side.
bool crosses(const Segment& s, const Box& box) {
  const double dx = s.b.x - s.a.x, dy = s.b.y - s.a.y;
  double begin = 0, end = 1;
  const auto cut = [&](double direction, double distance) {
    if (direction == 0) return distance >= 0;
    const double at = distance / direction;
    (direction < 0 ? begin : end) = direction < 0 ? std::max(begin, at) : std::min(end, at);
    return begin <= end;
  };
  return cut(-dx, s.a.x - box.left) && cut(dx, box.right - s.a.x) && cut(-dy, s.a.y - box.top) &&
         cut(dy, box.bottom - s.a.y);
}

bool crosses(const Segment& s, const Segment& t) {
  const auto turn = [](Point p, Point q, Point r) {
    return (q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x);
  };
  return turn(s.a, s.b, t.a) * turn(s.a, s.b, t.b) < 0 && turn(t.a, t.b, s.a) * turn(t.a, t.b, s.b) < 0;
}

// The box of size (width, height) that touches a circle around the dot in the given direction.
PlacedLabel candidate(const Dot& dot, double angle, double distance, double width, double height) {
  const double reach = dot.radius + distance, c = std::cos(angle), s = -std::sin(angle);
  const Point touch{dot.at.x + reach * c, dot.at.y + reach * s};
  const double left = touch.x - width * (1 - c) / 2, top = touch.y - height * (1 - s) / 2;
  PlacedLabel label{{left, top, left + width, top + height}, {}, touch, distance > 8};
  label.dot_end = {dot.at.x + dot.radius * c, dot.at.y + dot.radius * s};
  return label;
}

class Placement {
 public:
  Placement(const std::vector<Dot>& dots, const Box& area) : dots_(dots), area_(area) {}

  std::optional<PlacedLabel> place(std::size_t i, double width, double height) {
    // Right, left, above, below, then ever finer directions between them.
    static constexpr int kOrder[] = {0, 16, 8,  24, 4, 28, 12, 20, 2, 30, 14, 18, 6, 10, 22, 26,
                                     1, 31, 15, 17, 3, 29, 13, 19, 5, 27, 11, 21, 7, 9,  23, 25};
    for (double distance = 2; distance < 100; distance += distance < 8 ? 3 : 6)
      for (const int step : kOrder) {
        const PlacedLabel label = candidate(dots_[i], step * std::numbers::pi / 16, distance, width, height);
        if (!free(i, label)) continue;
        placed_.push_back(label);
        return label;
      }
    return std::nullopt;
  }

 private:
  bool free(std::size_t i, const PlacedLabel& label) const {
    if (!area_.contains(label.box)) return false;
    const Segment leader{label.dot_end, label.box_end};
    for (std::size_t j = 0; j < dots_.size(); ++j) {
      const Box dot = around(dots_[j]);
      if (dot.overlaps(label.box) || (label.leader && j != i && crosses(leader, dot))) return false;
    }
    return std::ranges::none_of(placed_, [&](const PlacedLabel& other) {
      const Segment its{other.dot_end, other.box_end};
      return other.box.overlaps(label.box) || (other.leader && crosses(its, label.box)) ||
             (label.leader && (crosses(leader, other.box) || (other.leader && crosses(leader, its))));
    });
  }

  const std::vector<Dot>& dots_;
  Box area_;
  std::vector<PlacedLabel> placed_;
};

}  // namespace

std::vector<std::optional<PlacedLabel>> place_labels(const std::vector<Dot>& dots,
                                                     const std::vector<double>& widths, double height,
                                                     const Box& area) {
  Placement placement(dots, area);
  std::vector<std::optional<PlacedLabel>> all;
  for (std::size_t i = 0; i < widths.size(); ++i) all.push_back(placement.place(i, widths[i], height));
  return all;
}

}  // namespace slalom
