// See ReportMatrix.h.
#include "runtime/tools/ReportMatrix.h"

#include "runtime/tools/Report.h"
#include "runtime/tools/ReportHtml.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace tl::tools {
namespace {

constexpr size_t kMostColumns = 20;
constexpr size_t kMostConfusions = 20;
constexpr size_t kMostClasses = 1000;   // rows of the table of classes
constexpr size_t kMostLetters = 40;     // of a class's name
constexpr size_t kMostHeadLetters = 24; // of a class's name above a column
// Names side by side above the columns, else written upwards.
constexpr size_t kLevelLetters = 12;
constexpr size_t kLevelColumns = 6;

using Labels = std::vector<std::string>;
using Confusion = std::vector<std::vector<uint64_t>>;

std::string nameOf(const Labels &labels, size_t i,
                   size_t limit = kMostLetters) {
  return "<bdi>" + escapeShort(labels[i], limit) + "</bdi>";
}

uint64_t sumOfRow(const Confusion &confusion, size_t row) {
  uint64_t sum = 0;
  for (uint64_t count : confusion[row])
    sum += count;
  return sum;
}

// The power makes the few wrong ones visible beside the many right ones.
std::string cell(uint64_t count, uint64_t ofRow, bool right) {
  if (!count)
    return "<td class=\"zero\">0</td>";
  return fmt::format("<td class=\"{}\" style=\"--a:{:.2f}\">{}</td>",
                     right ? "right" : "wrong",
                     0.62 * std::pow(double(count) / double(ofRow), 0.35),
                     showCount(count));
}

std::string matrix(const Confusion &confusion, const Labels &labels) {
  bool upwards = labels.size() > kLevelColumns;
  for (const std::string &label : labels)
    upwards |= label.size() > kLevelLetters;
  std::string head, body;
  for (size_t i = 0; i < labels.size(); ++i)
    head += "<th scope=\"col\"><span>" + nameOf(labels, i, kMostHeadLetters) +
            "</span></th>";
  for (size_t row = 0; row < labels.size(); ++row) {
    body += "<tr><th scope=\"row\">" + nameOf(labels, row) + "</th>";
    uint64_t all = sumOfRow(confusion, row);
    for (size_t said = 0; said < labels.size(); ++said)
      body += cell(confusion[row][said], all, row == said);
    body += "</tr>\n";
  }
  return fmt::format(
      "<div class=\"scroll\" role=\"region\" aria-label=\"Confusion matrix\" "
      "tabindex=\"0\"><table class=\"matrix{}\"><caption><span>Rows: what the "
      "picture shows. Columns: what the model "
      "says.</span></caption><thead><tr><td>"
      "</td>{}</tr></thead>\n<tbody>{}</tbody></table></div>\n",
      upwards ? " upwards" : "", head, body);
}

std::string commonestConfusions(const Confusion &confusion,
                                const Labels &labels) {
  struct Pair {
    uint64_t count;
    size_t label, said;
  };
  std::vector<Pair> pairs;
  for (size_t row = 0; row < labels.size(); ++row)
    for (size_t said = 0; said < labels.size(); ++said)
      if (row != said && confusion[row][said])
        pairs.push_back({confusion[row][said], row, said});
  std::stable_sort(
      pairs.begin(), pairs.end(),
      [](const Pair &a, const Pair &b) { return a.count > b.count; });
  pairs.resize(std::min(pairs.size(), kMostConfusions));
  if (pairs.empty())
    return "<p>No class is taken for another.</p>\n";
  std::string body;
  for (const Pair &pair : pairs) {
    uint64_t all = sumOfRow(confusion, pair.label);
    body += "<tr><th scope=\"row\">" + nameOf(labels, pair.label) +
            "</th><td>" + nameOf(labels, pair.said) + "</td>" +
            barCell(double(pair.count) / double(all),
                    fmt::format("{} of {}", showCount(pair.count),
                                showCount(all))) +
            "</tr>\n";
  }
  return fmt::format(
      "<div class=\"scroll\" role=\"region\" aria-label=\""
      "Confusions\" tabindex=\"0\"><table><caption><span>The "
      "commonest confusions; a matrix of {} classes would not "
      "fit.</span></caption><thead><tr><th scope=\"col\">shows</th>"
      "<th scope=\"col\">said to be</th><th scope=\"col\">"
      "pictures</th></tr></thead>\n<tbody>{}</tbody></table>"
      "</div>\n",
      labels.size(), body);
}

// Share of `whole`; nan where that is none.
double share(uint64_t part, uint64_t whole) {
  return whole ? double(part) / double(whole)
               : std::numeric_limits<double>::quiet_NaN();
}

std::string classes(const Confusion &confusion, const Labels &labels) {
  std::vector<uint64_t> saidOf(labels.size());
  for (const std::vector<uint64_t> &row : confusion)
    for (size_t said = 0; said < labels.size(); ++said)
      saidOf[said] += row[said];
  std::string body;
  size_t rows = std::min(labels.size(), kMostClasses);
  for (size_t i = 0; i < rows; ++i) {
    uint64_t all = sumOfRow(confusion, i), right = confusion[i][i];
    double recall = share(right, all), precision = share(right, saidOf[i]);
    body +=
        fmt::format("<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td>"
                    "<td class=\"n\">{}</td>",
                    nameOf(labels, i), showCount(all), showCount(saidOf[i])) +
        barCell(precision, showPercent(precision)) +
        barCell(recall, showPercent(recall)) + "</tr>\n";
  }
  std::string cut =
      rows < labels.size()
          ? fmt::format(" The first {} of {} classes.", rows, labels.size())
          : "";
  return fmt::format(
      "<div class=\"scroll\" role=\"region\" aria-label=\"Precision and "
      "recall\" tabindex=\"0\"><table "
      "class=\"classes\"><caption><span>Precision: of "
      "the pictures said to be of a class, those that are. Recall: of the "
      "pictures of a class, those found.{}</span></caption><thead><tr><th "
      "scope=\"col"
      "\">class</th><th scope=\"col\">pictures</th><th scope=\"col\">said</th>"
      "<th scope=\"col\">precision</th><th scope=\"col\">recall</th></tr>"
      "</thead>\n<tbody>{}</tbody></table></div>\n",
      cut, body);
}

} // namespace

std::string reportMatrix(const ReportEvaluation &evaluation,
                         const std::vector<std::string> &labels) {
  return "<div class=\"tables\">\n" +
         (labels.size() > kMostColumns
              ? commonestConfusions(evaluation.confusion, labels)
              : matrix(evaluation.confusion, labels)) +
         classes(evaluation.confusion, labels) + "</div>\n";
}

} // namespace tl::tools
