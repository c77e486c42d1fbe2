// See ReportChart.h. Units are the SVG's own; the width suits half of a desktop
// page and all of a phone's, so that text stays legible on both.
#include "runtime/tools/ReportChart.h"

#include "runtime/tools/ReportHtml.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <optional>

namespace tl::tools {
namespace {

constexpr double kWidth = 440, kHeight = 282;
constexpr double kLeft = 54, kRight = 432, kTop = 28, kBottom = 240;
constexpr double kLetter = 9.4; // bold, in the larger size of narrow pages

// Past so many epochs a dot for each would only thicken the line.
constexpr size_t kMostDots = 40;
// More points than this cannot be told apart, and make the page large.
constexpr size_t kMostPoints = 600;

struct Axis {
  double low = 0, high = 1, step = 1;
};

// The smallest of 1, 2, 5 times a power of ten that is at least `least`.
double roundStep(double least) {
  double power = std::pow(10.0, std::floor(std::log10(least)));
  for (double factor : {1.0, 2.0, 5.0})
    if (factor * power >= least * (1 - 1e-9))
      return factor * power;
  return 10 * power;
}

Axis chooseAxis(const Chart &chart) {
  double low = INFINITY, high = -INFINITY;
  for (const ChartLine &line : chart.lines)
    for (float value : line.values)
      if (std::isfinite(value)) {
        low = std::min(low, double(value));
        high = std::max(high, double(value));
      }
  if (low > high)
    return {};
  if (!chart.share && low > 0 && low < 0.5 * high)
    low = 0;
  // Equal values still need a height; a share's steps are not below 1 %.
  double range = std::max(high - low, std::max(std::abs(high), 1e-6) * 1e-2);
  Axis axis;
  axis.step = roundStep(range / 5);
  if (chart.share)
    axis.step = std::max(axis.step, 0.01);
  axis.low = std::floor(low / axis.step + 1e-6) * axis.step;
  axis.high = std::ceil(high / axis.step - 1e-6) * axis.step;
  if (axis.high <= axis.low)
    axis.low = axis.high - axis.step;
  return axis;
}

class Drawing {
public:
  explicit Drawing(const Chart &chart) : chart(chart), axis(chooseAxis(chart)) {
    for (const ChartLine &line : chart.lines)
      epochs = std::max(epochs, line.values.size());
  }

  std::string draw() {
    out = fmt::format(
        "<svg class=\"chart\" viewBox=\"0 0 {:g} {:g}\" role=\"img\" "
        "aria-labelledby=\"{}-title {}-desc\">\n<title id=\"{}-title\">{}"
        "</title>\n<desc id=\"{}-desc\">{}</desc>\n",
        kWidth, kHeight, chart.id, chart.id, chart.id, escape(chart.title),
        chart.id, describe());
    drawPhases();
    drawAxes();
    for (const ChartLine &line : chart.lines)
      drawLine(line);
    return out + "</svg>\n";
  }

private:
  double x(double epoch) const { // from 1
    return kLeft + (epoch - 0.5) / double(epochs) * (kRight - kLeft);
  }
  double y(double value) const {
    return kBottom -
           (value - axis.low) / (axis.high - axis.low) * (kBottom - kTop);
  }
  std::string show(double value) const {
    return chart.share ? showPercent(value) : showLoss(value);
  }

  std::string describe() const;
  void drawPhases();
  void drawAxes();
  void drawLine(const ChartLine &line);
  void drawDot(const ChartLine &line, size_t i);
  std::string tickLabel(double value) const;

  const Chart &chart;
  const Axis axis;
  size_t epochs = 1;
  std::string out;
};

std::string Drawing::describe() const {
  std::string text;
  for (const ChartLine &line : chart.lines) {
    std::optional<size_t> first, last, best;
    for (size_t i = 0; i < line.values.size(); ++i) {
      float value = line.values[i];
      if (!std::isfinite(value))
        continue;
      first = first.value_or(i);
      last = i;
      if (!best || (chart.share ? value > line.values[*best]
                                : value < line.values[*best]))
        best = i;
    }
    if (!first)
      continue;
    text += fmt::format(
        "{}{}: {} in epoch {}, {} in epoch {}, best {} in epoch "
        "{}.",
        text.empty() ? "" : " ", escape(line.name), show(line.values[*first]),
        *first + 1, show(line.values[*last]), *last + 1,
        show(line.values[*best]), *best + 1);
  }
  return text.empty() ? "No values." : text;
}

// Bands with the phases' names above, or their numbers where those are too
// long; every second one shaded, a line between two.
void Drawing::drawPhases() {
  double begin = 0.5;
  for (size_t i = 0; i < chart.phases.size(); ++i) {
    double left = x(begin), right = x(begin + chart.phases[i].epochs);
    begin += chart.phases[i].epochs;
    if (i % 2)
      out += fmt::format("<rect class=\"band\" x=\"{:.1f}\" y=\"6\" "
                         "width=\"{:.1f}\" height=\"{:g}\"/>\n",
                         left, right - left, kBottom - 6);
    if (i)
      out += fmt::format("<line class=\"border\" x1=\"{0:.1f}\" y1=\"6\" "
                         "x2=\"{0:.1f}\" y2=\"{1:g}\"/>\n",
                         left, kBottom);
    std::string name = escape(chart.phases[i].name);
    auto room = size_t((right - left - 6) / kLetter);
    if (chart.phases[i].name.size() > room)
      name = std::to_string(i + 1);
    if (name.size() <= room || chart.phases[i].name.size() <= room)
      out += fmt::format("<text class=\"phase\" x=\"{:.1f}\" y=\"19\" "
                         "text-anchor=\"middle\">{}</text>\n",
                         (left + right) / 2, name);
  }
}

std::string Drawing::tickLabel(double value) const {
  // As many digits as the step has.
  double step = chart.share ? 100 * axis.step : axis.step;
  int digits = std::clamp(int(std::ceil(-std::log10(step) - 1e-9)), 0, 9);
  double shown = chart.share ? 100 * value : value;
  if (std::abs(shown) < step / 2)
    shown = 0; // No "-0".
  return std::abs(shown) < 1e5 && digits < 6
             ? fmt::format("{:.{}f}{}", shown, digits, chart.share ? "%" : "")
             : fmt::format("{:.3g}", shown);
}

void Drawing::drawAxes() {
  auto ticks = int(std::lround((axis.high - axis.low) / axis.step));
  for (int i = 0; i <= ticks; ++i) {
    double value = axis.low + i * axis.step;
    out += fmt::format(
        "<line class=\"{}\" x1=\"{:g}\" y1=\"{:.1f}\" x2=\"{:g}\" y2=\"{:.1f}\""
        "/><text x=\"{:g}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
        i ? "grid" : "axis", kLeft, y(value), kRight, y(value), kLeft - 6,
        y(value) + 4, tickLabel(value));
  }
  auto step = uint32_t(roundStep(std::max(1.0, double(epochs) / 8)));
  for (uint32_t epoch = step; epoch <= epochs; epoch += step)
    out += fmt::format("<line class=\"axis\" x1=\"{0:.1f}\" y1=\"{1:g}\" "
                       "x2=\"{0:.1f}\" y2=\"{2:g}\"/><text x=\"{0:.1f}\" "
                       "y=\"{3:g}\" text-anchor=\"middle\">{4}</text>\n",
                       x(epoch), kBottom, kBottom + 4, kBottom + 18, epoch);
  out += fmt::format("<text x=\"{:g}\" y=\"{:g}\" text-anchor=\"middle\">epoch"
                     "</text>\n",
                     (kLeft + kRight) / 2, kBottom + 36);
}

void Drawing::drawLine(const ChartLine &line) {
  size_t count = line.values.size();
  size_t every = (count + kMostPoints - 1) / kMostPoints;
  std::string points;
  size_t inRun = 0, lastDrawn = 0;
  auto finishRun = [&] {
    if (inRun > 1)
      out += fmt::format("<polyline class=\"line {}\" points=\"{}\"/>\n",
                         line.style, points);
    else if (inRun == 1 && count > kMostDots)
      drawDot(line, lastDrawn);
    points.clear();
    inRun = 0;
  };
  for (size_t i = 0; i < count; ++i) {
    if (i % every && i + 1 != count)
      continue;
    if (!std::isfinite(line.values[i])) {
      finishRun();
      continue;
    }
    points += fmt::format("{}{:.1f},{:.1f}", points.empty() ? "" : " ",
                          x(double(i + 1)), y(double(line.values[i])));
    lastDrawn = i;
    ++inRun;
  }
  finishRun();
  if (count <= kMostDots)
    for (size_t i = 0; i < count; ++i)
      if (std::isfinite(line.values[i]))
        drawDot(line, i);
}

void Drawing::drawDot(const ChartLine &line, size_t i) {
  out += fmt::format("<circle class=\"dot {}\" cx=\"{:.1f}\" cy=\"{:.1f}\" "
                     "r=\"2.6\"><title>epoch {}, {}: {}</title></circle>\n",
                     line.style, x(double(i + 1)), y(double(line.values[i])),
                     i + 1, escape(line.name), show(double(line.values[i])));
}

} // namespace

std::string drawChart(const Chart &chart) { return Drawing(chart).draw(); }

} // namespace tl::tools
