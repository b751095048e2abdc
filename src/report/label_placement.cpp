// Placing labels beside dots.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "slalom/report/explanation_svg.hpp"

namespace slalom {

namespace {

Box around(Point at, double radius) {
  return {at.x - radius, at.y - radius, at.x + radius, at.y + radius};
}

// Small boxes that touch each other along the label's leader line.
std::vector<Box> leader_boxes(const PlacedLabel& label) {
  const auto [a, b] = std::pair(label.dot_end, label.box_end);
  const double steps = std::ceil(std::hypot(b.x - a.x, b.y - a.y) / 2);
  std::vector<Box> boxes;
  if (label.leader)
    for (double k = 0; k <= steps; ++k)
      boxes.push_back(around({a.x + (b.x - a.x) * k / steps, a.y + (b.y - a.y) * k / steps}, 1));
  return boxes;
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
  Placement(const std::vector<Dot>& dots, const Box& area) : dots_(dots), area_(area) {
    for (const Dot& dot : dots) taken_.push_back(around(dot.at, dot.radius));
  }

  std::optional<PlacedLabel> place(std::size_t i, double width, double height) {
    // Right, left, above, below, then ever finer directions between them.
    static constexpr int kOrder[] = {0, 16, 8,  24, 4, 28, 12, 20, 2, 30, 14, 18, 6, 10, 22, 26,
                                     1, 31, 15, 17, 3, 29, 13, 19, 5, 27, 11, 21, 7, 9,  23, 25};
    for (double distance = 2; distance < 100; distance += distance < 8 ? 3 : 6)
      for (const int step : kOrder) {
        const PlacedLabel label = candidate(dots_[i], step * std::numbers::pi / 16, distance, width, height);
        if (!area_.contains(label.box) || taken({label.box})) continue;
        const std::vector<Box> leader = leader_boxes(label);
        if (taken(leader, i)) continue;
        taken_.push_back(label.box);
        taken_.insert(taken_.end(), leader.begin(), leader.end());
        return label;
      }
    return std::nullopt;
  }

 private:
  // By anything but the dot where a leader line begins.
  bool taken(const std::vector<Box>& boxes, std::size_t own = std::string::npos) const {
    for (std::size_t j = 0; j < taken_.size(); ++j)
      if (j != own && std::ranges::any_of(boxes, [&](const Box& box) { return box.overlaps(taken_[j]); }))
        return true;
    return false;
  }

  const std::vector<Dot>& dots_;
  Box area_;
  std::vector<Box> taken_;  // the dots first
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
