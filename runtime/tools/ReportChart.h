// Lines over epochs as one SVG: axes with round numbers, the phases as bands,
// colours from the page's style (so that dark and print follow it).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tl::tools {

struct ChartLine {
  std::string name;          // "validation"
  std::string style;         // its class in the style: "validation"
  std::vector<float> values; // one an epoch; what is not finite is a gap
};

struct ChartPhase {
  std::string name;
  uint32_t epochs = 0; // one after another, from the left
};

struct Chart {
  std::string id;     // unique in the page
  std::string title;  // "Loss"
  bool share = false; // values in [0, 1], shown as percent
  std::vector<ChartLine> lines;
  std::vector<ChartPhase> phases;
};

// The svg element; its description says in words where each line starts, ends
// and is best (the highest share, the lowest of anything else).
std::string drawChart(const Chart &chart);

} // namespace tl::tools
