// The report from top to bottom: results first, then what led to them. See
// Report.h.
#include "runtime/tools/Report.h"
#include "runtime/tools/ReportCurves.h"
#include "runtime/tools/ReportHtml.h"
#include "runtime/tools/ReportMatrix.h"
#include "runtime/tools/ReportStyle.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace tl::tools {
namespace {

constexpr size_t kMostRecipe = 64 << 10;
constexpr size_t kMostLayers = 8; // named at each phase
constexpr size_t kMostLetters = 60;
constexpr size_t kMostCaptionLetters = 28; // of a class, under a picture

std::string section(const char *id, const char *title, std::string_view body) {
  return fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}"
                     "</h2>\n{2}</section>\n",
                     id, title, body);
}

std::string name(const std::string &text, size_t limit = kMostLetters) {
  return "<bdi>" + escapeShort(text, limit) + "</bdi>";
}

double accuracyOf(const ReportEvaluation &evaluation) {
  return double(evaluation.count - evaluation.mistakeCount) /
         double(evaluation.count);
}

double secondsOf(const ReportData &data) {
  double sum = 0;
  for (const ReportPart &part : data.parts)
    sum += part.seconds;
  return sum;
}

uint64_t peakOf(const ReportData &data) {
  uint64_t peak = 0;
  for (const ReportPart &part : data.parts)
    peak = std::max(peak, part.peakBytes);
  return peak;
}

// The figures one looks for first.
std::string tiles(const ReportData &data) {
  std::vector<ReportFact> tiles;
  if (data.evaluation && data.evaluation->count) {
    std::string of = data.evaluation->validation ? "validation " : "";
    tiles.push_back(
        {of + "accuracy", showPercent(accuracyOf(*data.evaluation))});
    tiles.push_back({of + "loss", showLoss(data.evaluation->loss)});
    tiles.push_back(
        {"wrong",
         fmt::format("{} of {}", showCount(data.evaluation->mistakeCount),
                     showCount(data.evaluation->count))});
  } else if (!data.history.empty()) {
    const tl_epoch_record &last = data.history.back();
    bool validated = !std::isnan(last.val_accuracy);
    tiles.push_back(
        {validated ? "validation accuracy, last epoch"
                   : "training accuracy, last epoch",
         showPercent(double(validated ? last.val_accuracy : last.accuracy))});
    tiles.push_back({validated ? "validation loss, last epoch"
                               : "training loss, last epoch",
                     showLoss(double(validated ? last.val_loss : last.loss))});
  }
  if (!data.history.empty())
    tiles.push_back({"epochs", showCount(data.history.size())});
  if (!data.parts.empty())
    tiles.push_back({"time", showSeconds(secondsOf(data))});
  if (peakOf(data))
    tiles.push_back({"memory at its peak", showBytes(peakOf(data))});
  std::string out;
  for (const ReportFact &tile : tiles)
    out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", escape(tile.name),
                       tile.value);
  return out.empty() ? out : "<dl class=\"tiles\">" + out + "</dl>\n";
}

std::string mistake(const ReportMistake &mistake,
                    const std::vector<std::string> &labels) {
  std::string picture =
      mistake.jpeg.empty()
          ? "cannot be read any more"
          : fmt::format("<img src=\"data:image/jpeg;base64,{}\" width=\"{}\" "
                        "height=\"{}\" alt=\"{}\">",
                        base64(mistake.jpeg), mistake.width, mistake.height,
                        escapeShort(mistake.file, 200));
  auto line = [&](const char *verb, uint32_t label, float score) {
    return fmt::format("<div><span>{} <b>{}</b></span><span>{}</span></div>",
                       verb, name(labels[label], kMostCaptionLetters),
                       showPercent(double(score)));
  };
  return fmt::format("<figure><div class=\"frame\">{}</div><figcaption>{}{}"
                     "<small><bdi>{}</bdi></small></figcaption></figure>\n",
                     picture, line("said", mistake.said, mistake.saidScore),
                     line("is", mistake.label, mistake.labelScore),
                     escapeShort(mistake.file, 200));
}

std::string mistakes(const ReportData &data) {
  const ReportEvaluation &evaluation = *data.evaluation;
  if (!evaluation.mistakeCount)
    return fmt::format("<p>None of the {} {}pictures is wrong.</p>\n",
                       showCount(evaluation.count),
                       evaluation.validation ? "validation " : "");
  std::string shown =
      evaluation.mistakes.size() < evaluation.mistakeCount
          ? fmt::format("The {} of {} wrong ones that the model is surest of",
                        evaluation.mistakes.size(),
                        showCount(evaluation.mistakeCount))
          : fmt::format("All {} wrong ones", evaluation.mistakes.size());
  std::string out = fmt::format(
      "<p class=\"note\">{}, surest first. A wrong label of the picture shows "
      "up here, too.</p>\n<div class=\"pictures\">\n",
      shown);
  for (const ReportMistake &one : evaluation.mistakes)
    out += mistake(one, data.labels);
  return out + "</div>\n";
}

std::string phases(const ReportData &data) {
  std::string out;
  for (size_t i = 0; i < data.phases.size(); ++i) {
    const ReportPhase &phase = data.phases[i];
    auto ran = size_t(std::count_if(
        data.history.begin(), data.history.end(),
        [&](const tl_epoch_record &record) { return record.phase == i; }));
    std::string epochs = ran && ran != phase.epochs
                             ? fmt::format("{} epochs run, the recipe says {}",
                                           ran, phase.epochs)
                             : fmt::format("{} epoch{}", phase.epochs,
                                           phase.epochs == 1 ? "" : "s");
    std::string layers;
    size_t named = std::min(phase.newLayers.size(), kMostLayers);
    for (size_t k = 0; k < named; ++k)
      layers += (k ? ", " : "") + name(phase.newLayers[k]);
    if (named < phase.newLayers.size())
      layers += fmt::format(" and {} more", phase.newLayers.size() - named);
    std::string how;
    for (const std::string &option : phase.options)
      how += ", " + escape(option);
    out += fmt::format("<li><h3>{} {}</h3><p>{}, {}, rate {}{}</p><p>{} {}</p>"
                       "<p class=\"soft\">{} parameters in training</p></li>\n",
                       i + 1, name(phase.name), epochs, escape(phase.optimizer),
                       escape(phase.rate), how, i ? "adds" : "trains",
                       layers.empty() ? "no further layer" : layers,
                       showCount(phase.parameters));
  }
  return out.empty() ? out : "<ol class=\"phases\">\n" + out + "</ol>\n";
}

std::string facts(const ReportData &data) {
  std::string out;
  for (const ReportFact &fact : data.facts)
    out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escape(fact.name),
                       escapeShort(fact.value, 4000));
  return "<dl class=\"facts\">\n" + out + "</dl>\n" + phases(data);
}

std::string parts(const ReportData &data) {
  if (data.parts.empty())
    return "<p class=\"note\">How long the parts of a run take is known to the "
           "page that the run itself writes; the trained file holds no "
           "clock.</p>\n";
  double all = secondsOf(data);
  std::string body;
  for (const ReportPart &part : data.parts)
    body += "<tr><th scope=\"row\">" + name(part.name) + "</th>" +
            barCell(part.seconds / all, showSeconds(part.seconds)) +
            fmt::format("<td class=\"n\">{}</td></tr>\n",
                        part.peakBytes ? showBytes(part.peakBytes) : "–");
  return fmt::format(
      "<div class=\"scroll\" role=\"region\" aria-label=\"Time\" tabindex=\"0"
      "\"><table class=\"parts\"><caption><span>Parts of the run, and the most "
      "memory "
      "the process had taken by the end of "
      "each.</span></caption><thead><tr><th "
      "scope=\"col\">part</th><th scope=\"col\">time</th><th scope=\"col\">"
      "memory so far</th></tr></thead>\n<tbody>{}</tbody></table></div>\n",
      body);
}

std::string programs(const ReportData &data) {
  uint64_t most = 1;
  bool counted = false; // Files of older compilers hold no multiply-adds.
  for (const ReportProgram &program : data.programs) {
    most = std::max(most, program.bytes);
    counted |= program.multiplyAdds != 0;
  }
  std::string body;
  for (const ReportProgram &program : data.programs)
    body += "<tr><th scope=\"row\">" + name(program.name) + "</th>" +
            barCell(double(program.bytes) / double(most),
                    showBytes(program.bytes)) +
            (counted ? fmt::format("<td class=\"n\">{}</td>",
                                   showOperations(program.multiplyAdds))
                     : "") +
            "</tr>\n";
  if (body.empty())
    return body;
  return fmt::format(
      "<div class=\"scroll\" role=\"region\" aria-label=\"Programs\" tabindex="
      "\"0\"><table class=\"programs\"><caption><span>Programs in the file, "
      "the "
      "memory of each for {} pictures at "
      "once{}.</span></caption><thead><tr><th "
      "scope=\"col\">program</th><th scope=\""
      "col\">memory</th>{}</tr></thead>\n<tbody>{}</tbody></table></div>\n",
      data.batch, counted ? ", and multiply-adds of one picture" : "",
      counted ? "<th scope=\"col\">multiply-adds</th>" : "", body);
}

std::string recipe(const ReportData &data) {
  return "<pre tabindex=\"0\"><code>" + escapeShort(data.recipe, kMostRecipe) +
         "</code></pre>\n";
}

} // namespace

std::string makeReport(const ReportData &data) {
  std::string title = escapeShort(data.name, kMostLetters);
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
      "'none'; img-src data:; style-src 'unsafe-inline'\">\n<meta name=\""
      "viewport\" content=\"width=device-width, "
      "initial-scale=1\">\n<title>{0}: "
      "training report</title>\n<style>{1}</style>\n</head>\n<body>\n<header>\n"
      "<h1>{0}</h1>\n<p class=\"soft\">{2}</p>\n{3}</header>\n<main>\n",
      title, kReportStyle, escape(data.subtitle), tiles(data));
  std::string curves = reportCurves(data);
  page += section("curves", "Over the epochs",
                  curves.empty() ? "<p>The file is untrained: there are no "
                                   "epochs to show.</p>\n"
                                 : curves);
  if (data.evaluation && data.evaluation->count) {
    page += section("classes", "Class by class",
                    reportMatrix(*data.evaluation, data.labels));
    page += section("mistakes", "Most surely wrong", mistakes(data));
  } else {
    page += section("classes", "Class by class",
                    "<p>" + escape(data.noEvaluation) +
                        "</p>\n<p>Confusions and the pictures that it gets "
                        "wrong are shown by <code>tlrun T.bin --evaluate DIR "
                        "--report FILE</code></p>\n");
  }
  page += section("training", "What was trained", facts(data));
  page += section("costs", "Time and memory",
                  "<div class=\"tables\">\n" + parts(data) + programs(data) +
                      "</div>\n");
  page += section("recipe", "The recipe", recipe(data));
  page += fmt::format("</main>\n<footer>Written by tlrun for a model made by "
                      "{}. Everything is in this file; it loads nothing."
                      "</footer>\n</body>\n</html>\n",
                      escape(data.producer));
  return page;
}

} // namespace tl::tools
