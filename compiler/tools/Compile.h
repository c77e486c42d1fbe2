// What tlc does once its command line is read.
#pragma once

#include "compiler/Pipeline/Pipeline.h"

#include <string>
#include <vector>

namespace tl {

struct CompileOptions {
  std::string model;
  std::string output;
  std::string weights;              ///< empty: what the recipe names
  std::vector<std::string> targets; ///< empty: x86-64-v3 and x86-64-v4
  std::vector<std::string> keep;
  bool summary = false;
  bool explain = false;
  bool json = false; ///< of explain and listBackbones
  bool listPhases = false;
  bool listBackbones = false;
  PipelineOptions pipeline;
};

/// Compiles; prints errors on stderr; gives the exit code.
int compile(const CompileOptions &options);

} // namespace tl
