// The page at the end of a training: one HTML file with everything in it. No
// scripts, no fonts, nothing from elsewhere (its own policy forbids it), so it
// can be mailed, kept beside the model and opened years later.
//
// A pure function from plain values to text: what the page says is decided
// where ReportData is filled (MakeReport.cpp), how it looks in the Report*
// files, and a test needs neither a model nor pictures. Names of files, of
// classes and of recipes may hold anything; they are escaped here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/runtime.h>
#include <vector>

namespace tl::tools {

struct ReportFact {
  std::string name;
  std::string value;
};

struct ReportPhase {
  std::string name;
  uint32_t epochs = 0; // as the recipe has it; the history may have fewer
  std::string optimizer;
  std::string rate;
  std::vector<std::string> options;   // "keeps the best epoch"
  std::vector<std::string> newLayers; // that no phase before it trains
  uint64_t parameters = 0;            // trained in it, with what it inherits
};

// What a part of the run took.
struct ReportPart {
  std::string name;
  double seconds = 0;
  uint64_t peakBytes = 0; // of the process, when the part ended; 0: not known
};

// A program in the file, and the memory it takes for a batch.
struct ReportProgram {
  std::string name;
  uint64_t bytes = 0;
  uint64_t multiplyAdds = 0; // of one picture
};

struct ReportMistake {
  std::string file; // "class/name"
  uint32_t label = 0;
  uint32_t said = 0;
  float saidScore = 0;
  float labelScore = 0;
  std::string jpeg; // a thumbnail; empty: the picture cannot be read any more
  uint32_t width = 0;
  uint32_t height = 0;
};

struct ReportEvaluation {
  bool validation = false; // of the validation pictures; else of a folder's
  uint64_t count = 0;
  double loss = 0;
  std::vector<std::vector<uint64_t>> confusion; // [label][said]
  uint64_t mistakeCount = 0;
  std::vector<ReportMistake> mistakes; // the first of them, surest first
};

struct ReportData {
  std::string name;     // of the model
  std::string subtitle; // one sentence
  std::string producer;
  std::vector<std::string> labels;
  std::vector<ReportFact> facts;
  std::vector<ReportPhase> phases;
  std::vector<tl_epoch_record> history;
  uint32_t topK = 0; // val_top_k is meant; 0: it is not
  bool auc = false;  // val_auc is meant
  std::optional<ReportEvaluation> evaluation;
  std::string noEvaluation;      // why there is none
  std::vector<ReportPart> parts; // empty: not known
  uint32_t batch = 0;            // that `programs` are for
  std::vector<ReportProgram> programs;
  std::string recipe;
};

// UTF-8; a few hundred KB at most, whatever is in `data`.
std::string makeReport(const ReportData &data);

} // namespace tl::tools
