// The report as a function of plain values: what may come from a user's files
// is escaped, numbers are right, and whatever is missing or not a number leaves
// a page that says so. Opened in a browser by test/e2e/test_report.py.
#include "runtime/tools/Report.h"
#include "runtime/tools/ReportChart.h"
#include "runtime/tools/ReportHtml.h"
#include "runtime/tools/Thumbnail.h"

#include "runtime/data/Decode.h"

#include <cmath>
#include <gtest/gtest.h>

namespace tl::tools {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

size_t countOf(const std::string &text, const std::string &what) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at)
    ++count;
  return count;
}

bool contains(const std::string &text, const std::string &what) {
  return countOf(text, what) > 0;
}

// Two phases of two and three epochs; three classes, of which nothing is ever
// said to be the last.
ReportData makeData() {
  ReportData data;
  data.name = "animals";
  data.subtitle = "A classifier.";
  data.producer = "tlc 1";
  data.labels = {"ants", "bees", "wasps"};
  data.facts = {{"Backbone", "mini"}};
  data.phases = {{"warmup", 2, "adam", "0.001", {}, {"dense"}, 1234},
                 {"tune", 4, "rmsprop", "1e-05", {}, {"conv5"}, 7654321}};
  for (uint32_t i = 0; i < 5; ++i)
    data.history.push_back({i / 2 ? 1u : 0u, i < 2 ? i : i - 2,
                            1.0f / float(i + 1), 0.5f + 0.1f * float(i),
                            1.5f / float(i + 1), 0.4f + 0.1f * float(i), kNan,
                            kNan});
  ReportEvaluation evaluation;
  evaluation.validation = true;
  evaluation.count = 20;
  evaluation.loss = 0.125;
  evaluation.confusion = {{9, 1, 0}, {2, 6, 0}, {0, 2, 0}};
  evaluation.mistakeCount = 5;
  evaluation.mistakes = {{"ants/1.png", 0, 1, 0.9f, 0.05f, "jpeg", 16, 9}};
  data.evaluation = evaluation;
  data.parts = {{"reading", 3, 1u << 20}, {"phase warmup", 1, 3u << 20}};
  data.batch = 8;
  data.programs = {{"extract", 1000000, 5000000}};
  data.recipe = "model animals { }";
  return data;
}

// The parts of the page, with the figures that the evaluation gives.
TEST(Report, SaysWhatThereIs) {
  std::string page = makeReport(makeData());
  EXPECT_TRUE(contains(page, "<dt>validation accuracy</dt><dd>75.0\u00a0%"));
  EXPECT_TRUE(contains(page, "<dt>wrong</dt><dd>5 of 20</dd>"));
  EXPECT_TRUE(contains(page, "<dt>time</dt><dd>4.0\u00a0s</dd>"));
  EXPECT_TRUE(contains(page, "<dt>Backbone</dt><dd>mini</dd>"));
  EXPECT_TRUE(contains(page, "7,654,321 parameters"));
  EXPECT_TRUE(contains(page, "3 epochs run, the recipe says 4"));
  EXPECT_TRUE(contains(page, "The 1 of 5 wrong ones"));
  EXPECT_TRUE(contains(page, "src=\"data:image/jpeg;base64,anBlZw==\" "
                             "width=\"16\" height=\"9\""));
  EXPECT_TRUE(contains(page, "<code>model animals { }</code>"));
  for (const char *id :
       {"curves", "classes", "mistakes", "training", "costs", "recipe"})
    EXPECT_EQ(countOf(page, std::string("<h2 id=\"") + id + "\">"), 1u) << id;
  EXPECT_FALSE(contains(page, "nan"));
}

// Precision is of what was said, recall of what there is; a class that is
// never said has no precision, one without pictures no recall.
TEST(Report, PrecisionAndRecall) {
  ReportData data = makeData();
  std::string page = makeReport(data);
  auto row = [&](const char *name) {
    size_t at = page.find(std::string("<th scope=\"row\"><bdi>") + name,
                          page.find("class=\"classes\""));
    return page.substr(at, page.find("</tr>", at) - at);
  };
  EXPECT_TRUE(contains(row("ants"), ">81.8\u00a0%<")) << row("ants");
  EXPECT_TRUE(contains(row("ants"), ">90.0\u00a0%<")) << row("ants");
  EXPECT_TRUE(contains(row("wasps"), "size:0.0% 100%\">–<")) << row("wasps");
  EXPECT_TRUE(contains(row("wasps"), ">0.0\u00a0%<")) << row("wasps");
  data.evaluation->confusion[2] = {0, 0, 0};
  page = makeReport(data);
  EXPECT_EQ(countOf(row("wasps"), "–"), 2u) << row("wasps");
}

// Markup in any text of the user's is text: the page has the same elements as
// one with harmless names.
TEST(Report, EscapesEverything) {
  std::string evil = "<script src='http://x.y/'>\"&amp;</title></style>";
  ReportData data = makeData();
  data.name = data.subtitle = data.producer = data.recipe = evil;
  data.labels = {evil, evil, evil};
  data.facts = {{evil, evil}};
  for (ReportPhase &phase : data.phases)
    phase = {evil, 3, evil, evil, {evil}, {evil}, 1};
  data.evaluation->mistakes[0].file = evil;
  data.parts[0].name = data.programs[0].name = evil;
  std::string page = makeReport(data);
  EXPECT_FALSE(contains(page, "<script"));
  EXPECT_FALSE(contains(page, "'http"));
  EXPECT_FALSE(contains(page, "\"&amp;</title>"));
  EXPECT_EQ(countOf(page, "</title>"),
            countOf(makeReport(makeData()), "</title>"));
  EXPECT_EQ(countOf(page, "</style>"), 1u);
  EXPECT_TRUE(contains(page, "&lt;script src=&#39;http://x.y/&#39;&gt;&quot;"
                             "&amp;amp;&lt;/title&gt;"));
}

// An untrained file, and one whose pictures are not at hand.
TEST(Report, SaysWhatIsMissing) {
  ReportData data = makeData();
  data.history.clear();
  data.evaluation.reset();
  data.parts.clear();
  data.noEvaluation = "There is no <reason>.";
  std::string page = makeReport(data);
  EXPECT_TRUE(contains(page, "The file is untrained"));
  EXPECT_TRUE(contains(page, "There is no &lt;reason&gt;."));
  EXPECT_TRUE(contains(page, "--evaluate DIR --report FILE"));
  EXPECT_TRUE(contains(page, "the trained file holds no clock"));
  EXPECT_FALSE(contains(page, "<svg"));
  EXPECT_FALSE(contains(page, "id=\"mistakes\""));
}

// Without validation the curves are of training alone, and the page says so.
TEST(Report, NoValidation) {
  ReportData data = makeData();
  data.evaluation.reset();
  for (tl_epoch_record &record : data.history)
    record.val_loss = record.val_accuracy = kNan;
  std::string page = makeReport(data);
  EXPECT_EQ(countOf(page, "points="), 4u); // Two lines and their keys.
  EXPECT_TRUE(contains(page, "There were no validation pictures"));
  EXPECT_TRUE(contains(page, "training accuracy, last epoch"));
}

// Top-k and AUC where the recipe asks for them; a 0 of older files is not one.
TEST(Report, MoreMeasures) {
  ReportData data = makeData();
  for (tl_epoch_record &record : data.history)
    record.val_top_k = record.val_auc = 0.75f;
  EXPECT_FALSE(contains(makeReport(data), "line top-k"));
  data.topK = 5;
  data.auc = true;
  std::string page = makeReport(data);
  EXPECT_TRUE(contains(page, "validation, in the top 5 <b>75.0\u00a0%</b>"));
  EXPECT_EQ(countOf(page, "\"line auc\""), 2u);
}

// Nothing wrong, and pictures that are gone since.
TEST(Report, Mistakes) {
  ReportData data = makeData();
  data.evaluation->mistakes[0].jpeg.clear();
  EXPECT_TRUE(contains(makeReport(data), "cannot be read any more"));
  data.evaluation->mistakes.clear();
  data.evaluation->mistakeCount = 0;
  EXPECT_TRUE(contains(makeReport(data),
                       "None of the 20 validation pictures is wrong."));
}

// A thousand classes, ten thousand epochs and a long recipe stay a page that a
// browser opens at once: a few hundred KB.
TEST(Report, StaysSmall) {
  ReportData data = makeData();
  data.labels.clear();
  for (int i = 0; i < 1000; ++i)
    data.labels.push_back("class number " + std::to_string(i));
  data.evaluation->confusion.assign(1000, std::vector<uint64_t>(1000, 1));
  data.history.assign(10000, data.history[0]);
  data.recipe.assign(1 << 20, '&');
  data.evaluation->mistakes.assign(24, data.evaluation->mistakes[0]);
  std::string page = makeReport(data);
  EXPECT_LT(page.size(), 900u << 10);
  EXPECT_TRUE(contains(page, "a matrix of 1000 classes would not fit"));
  EXPECT_TRUE(contains(page, "The numbers of 501 of 10000 epochs"));
}

// What is not finite is a gap: here a line of two, a gap, a single point.
TEST(ReportChart, Gaps) {
  Chart chart{"c", "Loss", false, {}, {{"only", 60}}};
  std::vector<float> values(60, kNan);
  values[3] = values[4] = 1;
  values[20] = INFINITY;
  values[40] = 2;
  chart.lines = {{"training", "training", values}};
  std::string svg = drawChart(chart);
  EXPECT_EQ(countOf(svg, "<polyline"), 1u) << svg;
  EXPECT_EQ(countOf(svg, "<circle"), 1u) << svg;
  EXPECT_FALSE(contains(svg, "nan") || contains(svg, "inf")) << svg;
  EXPECT_TRUE(contains(svg, "training: 1.0000 in epoch 4, 2.0000 in epoch 41, "
                            "best 1.0000 in epoch 4."))
      << svg;
}

// Ticks are round and cover the values, whatever their size.
TEST(ReportChart, Ticks) {
  auto draw = [](std::vector<float> values, bool share) {
    Chart chart{"c", "t", share, {{"l", "l", std::move(values)}}, {{"p", 2}}};
    return drawChart(chart);
  };
  std::string loss = draw({0.93f, 0.17f}, false);
  for (const char *tick : {">0.0<", ">0.2<", ">0.8<", ">1.0<"})
    EXPECT_TRUE(contains(loss, tick)) << tick << loss;
  EXPECT_FALSE(contains(loss, ">1.2<"));
  std::string share = draw({0.971f, 0.99f}, true);
  for (const char *tick : {">97%<", ">98%<", ">99%<"})
    EXPECT_TRUE(contains(share, tick)) << tick << share;
  // One value alone, zero, a huge one, none: still a drawing of finite numbers.
  for (const std::vector<float> &values :
       {std::vector<float>{0.5f, 0.5f}, {0, 0}, {1e30f, 1e-30f}, {kNan, kNan}})
    for (bool shares : {false, true}) {
      std::string svg = draw(values, shares);
      EXPECT_FALSE(contains(svg, "nan") || contains(svg, "inf")) << svg;
    }
}

// A phase's name over its band, its number where that is too narrow.
TEST(ReportChart, Phases) {
  Chart chart{"c", "t", false, {}, {{"warmup", 90}, {"polish", 10}}};
  chart.lines = {{"l", "l", std::vector<float>(100, 1)}};
  std::string svg = drawChart(chart);
  EXPECT_TRUE(contains(svg, "text-anchor=\"middle\">warmup</text>")) << svg;
  EXPECT_TRUE(contains(svg, "class=\"phase\"")) << svg;
  EXPECT_FALSE(contains(svg, ">polish<")) << svg;
  EXPECT_TRUE(contains(svg, "text-anchor=\"middle\">2</text>")) << svg;
}

// RFC 4648's examples.
TEST(ReportHtml, Base64) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xFF\xFE\xFD"), "//79");
}

// What is not UTF-8 does not reach the page: stray and missing continuations,
// overlong forms, surrogates, control characters.
TEST(ReportHtml, Utf8) {
  EXPECT_EQ(escape("gr\u00fcn \u6f22 \U0001F41D"),
            "gr\u00fcn \u6f22 \U0001F41D");
  EXPECT_EQ(escape("a\xFC"
                   "b"),
            "a\uFFFDb");
  EXPECT_EQ(escape("\xC3"), "\uFFFD");
  EXPECT_EQ(escape("\xC0\xAF"), "\uFFFD\uFFFD");
  EXPECT_EQ(escape("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(escape(std::string_view("\0\x1B", 2)), "\uFFFD\uFFFD");
  EXPECT_EQ(escapeShort("\u6f22\u6f22\u6f22", 4), "\u6f22…");
  EXPECT_EQ(escapeShort("abc", 3), "abc");
}

TEST(ReportHtml, Numbers) {
  EXPECT_EQ(showCount(0), "0");
  EXPECT_EQ(showCount(999), "999");
  EXPECT_EQ(showCount(1234567), "1,234,567");
  EXPECT_EQ(showPercent(0.97549), "97.5\u00a0%");
  EXPECT_EQ(showPercent(NAN), "–");
  EXPECT_EQ(showLoss(0.00012), "1.20e-04");
  EXPECT_EQ(showLoss(NAN), "–");
  EXPECT_EQ(showLoss(INFINITY), "inf");
  EXPECT_EQ(showSeconds(0.0123), "0.012\u00a0s");
  EXPECT_EQ(showSeconds(185), "3\u00a0min 05\u00a0s");
  EXPECT_EQ(showSeconds(7320), "2\u00a0h 02\u00a0min");
  EXPECT_EQ(showBytes(1), "1\u00a0KB");
  EXPECT_EQ(showOperations(3120), "3,120");
  EXPECT_EQ(showOperations(12600000), "12.6\u00a0million");
  EXPECT_EQ(showBytes(1500000000), "1.50\u00a0GB");
}

// A wide picture keeps its shape, a small one its size, and both can be read.
TEST(Thumbnail, KeepsShape) {
  auto check = [](uint32_t width, uint32_t height, uint32_t w, uint32_t h) {
    data::Image picture(width, height, 3);
    for (size_t i = 0; i < picture.values.size(); i += 3)
      picture.values[i] = 200; // Red.
    Thumbnail small = makeThumbnail(picture, 160);
    EXPECT_EQ(small.width, w);
    EXPECT_EQ(small.height, h);
    auto again =
        data::decodeImage({reinterpret_cast<const uint8_t *>(small.jpeg.data()),
                           small.jpeg.size()});
    ASSERT_TRUE(again);
    EXPECT_EQ(again->width, w);
    EXPECT_EQ(again->height, h);
    // A flat colour survives JPEG but for rounding.
    EXPECT_NEAR(again->row(0)[0], 200, 3);
    EXPECT_NEAR(again->row(0)[1], 0, 3);
  };
  check(640, 320, 160, 80);
  check(31, 7, 31, 7);
  check(4000, 3, 160, 1);
}

} // namespace
} // namespace tl::tools
