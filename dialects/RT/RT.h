// The RT dialect: how it runs. Meaning, constraints and examples: RT.td.
#pragma once

#include "dialects/NN/NN.h"
#include "mlir/IR/RegionKindInterface.h"

#include "dialects/RT/RTDialect.h.inc"
#include "dialects/RT/RTEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/RT/RTAttributes.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/RT/RTTypes.h.inc"
#define GET_OP_CLASSES
#include "dialects/RT/RTOps.h.inc"

namespace tl::rt {

/// Whether a training runs such an entry: parameters change between its runs.
/// The others serve a finished file.
inline bool runsInTraining(EntryKind kind) {
  return kind != EntryKind::Predict && kind != EntryKind::Tap;
}

} // namespace tl::rt
