// Features out of an extraction and into a head's program, scores out of that:
// the same for sessions and trainers, so that both see the same bits.
#pragma once

#include "runtime/core/Executor.h"
#include "runtime/core/Program.h"

#include <algorithm>

namespace tl {

// Rows of the frontier's floats into the ports that the program has.
inline void writeFeatures(const Frontier &frontier, const Program &program,
                          const float *features) {
  for (const FeaturePort &feature : frontier.ports)
    if (const schema::Port *port =
            findPort(program.entry.inputs(), feature.name))
      program.write(*port, features + feature.offset, frontier.count);
}

// Rows of the frontier's floats for n pictures, out of a program that has run;
// null where the pixels alone cross.
inline void readFeatures(const tl_model &model, const Frontier &frontier,
                         const Program *extraction, const float *pixels,
                         uint32_t n, float *features) {
  uint64_t width = model.tables.info.pixel_count;
  for (const FeaturePort &feature : frontier.ports) {
    float *to = features + feature.offset;
    if (feature.name != "pixels") {
      extraction->read(*findPort(extraction->entry.outputs(), feature.name), to,
                       frontier.count);
      continue;
    }
    for (uint32_t i = 0; i < n; ++i)
      std::copy_n(pixels + i * width, width, to + i * frontier.count);
  }
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
