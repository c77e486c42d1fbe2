// What tlrun does, one function and one source file a verb. Each throws
// Failure; results go to stdout, everything else to stderr.
#pragma once

#include "runtime/tools/Options.h"

namespace tl::tools {

void runTrain(const Options &options);
void runFindRate(const Options &options); // --train DIR --find-lr
void runEvaluate(const Options &options);
void runPredict(const Options &options);
void runPredictArray(const Options &options); // --predict X.npy
void runInfo(const Options &options);
void runExport(const Options &options);
void runReport(const Options &options);
void runBench(const Options &options);

} // namespace tl::tools
