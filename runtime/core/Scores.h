// Features into a head's program, scores out of it: the same for sessions and
// trainers, so that both see the same bits.
#pragma once

#include "runtime/core/Executor.h"
#include "runtime/core/Program.h"

namespace tl {

// Rows of model.feature_count floats into the ports that the program has.
inline void writeFeatures(const tl_model &model, const Program &program,
                          const float *features) {
  for (const FeaturePort &feature : model.features)
    if (const schema::Port *port =
            findPort(program.entry.inputs(), feature.name))
      program.write(*port, features + feature.offset,
                    model.tables.info.feature_count);
}

// scores[n][classes]; a single sigmoid output p becomes 1 - p, p.
inline void readScores(const tl_model &model, const Program &program,
                       uint32_t n, float *scores) {
  const schema::Port &port = *findPort(program.entry.outputs(), "scores");
  if (!model.tables.info.sigmoid) {
    program.read(port, scores, model.tables.info.classes);
    return;
  }
  program.read(port, scores + 1, 2);
  for (uint32_t i = 0; i < n; ++i)
    scores[2 * i] = 1 - scores[2 * i + 1];
}

} // namespace tl
