// See ReportCurves.h.
#include "runtime/tools/ReportCurves.h"

#include "runtime/tools/Report.h"
#include "runtime/tools/ReportChart.h"
#include "runtime/tools/ReportHtml.h"

#include <cmath>
#include <fmt/format.h>

namespace tl::tools {
namespace {

// A row takes 150 bytes; a reader of more looks at the log.
constexpr size_t kMostRows = 500;

using Field = float tl_epoch_record::*;

std::vector<float> column(const ReportData &data, Field field) {
  std::vector<float> values;
  for (const tl_epoch_record &record : data.history)
    values.push_back(record.*field);
  return values;
}

bool hasValues(const std::vector<float> &values) {
  for (float value : values)
    if (!std::isnan(value))
      return true;
  return false;
}

// The phases as they ran, from the history: one may have stopped early.
std::vector<ChartPhase> phasesOf(const ReportData &data) {
  std::vector<ChartPhase> phases;
  uint32_t current = UINT32_MAX;
  for (const tl_epoch_record &record : data.history) {
    if (record.phase != current) {
      current = record.phase;
      phases.push_back({current < data.phases.size() ? data.phases[current].name
                                                     : std::string(),
                        0});
    }
    ++phases.back().epochs;
  }
  return phases;
}

struct Measure {
  ChartLine line;
  bool share;
};

std::vector<Measure> measuresOf(const ReportData &data) {
  std::vector<Measure> all;
  auto add = [&](const char *name, const char *style, Field field, bool share) {
    std::vector<float> values = column(data, field);
    if (hasValues(values))
      all.push_back({{name, style, std::move(values)}, share});
  };
  add("training", "training", &tl_epoch_record::loss, false);
  add("validation", "validation", &tl_epoch_record::val_loss, false);
  add("training", "training", &tl_epoch_record::accuracy, true);
  add("validation", "validation", &tl_epoch_record::val_accuracy, true);
  if (data.topK)
    add(fmt::format("validation, in the top {}", data.topK).c_str(), "top-k",
        &tl_epoch_record::val_top_k, true);
  if (data.auc)
    add("validation, area under ROC", "auc", &tl_epoch_record::val_auc, true);
  return all;
}

// A chart under its legend, which also says the last values.
std::string figure(const ReportData &data, const char *title, bool share) {
  Chart chart{share ? "chart-accuracy" : "chart-loss",
              title,
              share,
              {},
              phasesOf(data)};
  std::string legend;
  for (Measure &measure : measuresOf(data)) {
    if (measure.share != share)
      continue;
    double last = double(measure.line.values.back());
    legend += fmt::format(
        "<li><svg class=\"key\" viewBox=\"0 0 26 10\" aria-hidden=\"true\">"
        "<polyline class=\"line {}\" points=\"1,5 25,5\"/></svg>{} <b>{}</b>"
        "</li>",
        measure.line.style, measure.line.name,
        share ? showPercent(last) : showLoss(last));
    chart.lines.push_back(std::move(measure.line));
  }
  return fmt::format("<figure class=\"curve\"><figcaption><h3>{}</h3>"
                     "<ul class=\"legend\">{}</ul></figcaption>\n{}</figure>\n",
                     title, legend, drawChart(chart));
}

std::string tableOfEpochs(const ReportData &data) {
  std::vector<Measure> measures = measuresOf(data);
  std::string head;
  for (const Measure &measure : measures)
    head += fmt::format("<th scope=\"col\">{} {}</th>", measure.line.name,
                        measure.share ? "" : "loss");
  size_t every = (data.history.size() + kMostRows - 1) / kMostRows, rows = 0;
  std::string body;
  for (size_t i = 0; i < data.history.size(); ++i) {
    if (i % every && i + 1 != data.history.size())
      continue;
    const tl_epoch_record &record = data.history[i];
    body += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td>", i + 1,
                        record.phase < data.phases.size()
                            ? escapeShort(data.phases[record.phase].name, 60)
                            : std::string());
    for (const Measure &measure : measures) {
      double value = double(measure.line.values[i]);
      body += fmt::format("<td class=\"n\">{}</td>",
                          measure.share ? showPercent(value) : showLoss(value));
    }
    body += "</tr>\n";
    ++rows;
  }
  return fmt::format(
      "<details><summary>The numbers of {} epochs</summary>\n<div "
      "class=\"scroll\" role=\"region\" aria-label=\"Numbers of the epochs\" "
      "tabindex=\"0\"><table class=\"epochs\"><thead><tr><th scope=\"col\">"
      "epoch</th><th scope=\"col\">phase</th>{}</tr></thead>\n<tbody>{}</tbody>"
      "</table></div></details>\n",
      rows == data.history.size()
          ? fmt::format("all {}", rows)
          : fmt::format("{} of {}", rows, data.history.size()),
      head, body);
}

} // namespace

std::string reportCurves(const ReportData &data) {
  if (data.history.empty())
    return {};
  std::string noValidation;
  if (!hasValues(column(data, &tl_epoch_record::val_loss)))
    noValidation = "<p class=\"note\">There were no validation pictures, so "
                   "the curves say how well the model knows the pictures it "
                   "was trained on, not how well it does on others.</p>\n";
  return "<div class=\"curves\">\n" + figure(data, "Loss", false) +
         figure(data, "Accuracy", true) + "</div>\n" + noValidation +
         tableOfEpochs(data);
}

} // namespace tl::tools
