// What a model expects of a weight file: its parameters as the weight readers
// see them, by layer, role, canonical shape and module name.
#pragma once

#include "dialects/TL/TL.h"
#include "frontends/weights/Bind.h"

namespace tl {

struct LayerParameter {
  ask::LayerOp layer;
  nn::ParameterOp parameter;
};

/// The backbone's parameters that want values, in the order of its layers.
/// (A batch norm without a scale has its ones already.)
llvm::SmallVector<LayerParameter> backboneParameters(ask::ModelOp model);

/// The same of the head; none without a head.
llvm::SmallVector<LayerParameter> headParameters(ask::ModelOp model);

/// Asks for these, and lets the file have the layers that the model leaves out.
weights::BindRequest bindRequest(ask::ModelOp model);

/// Marks every parameter without values, of the head too, with what files of
/// `convention` call it (nn.source); without one, of the convention that the
/// backbone's layers follow.
void recordSources(ask::ModelOp model,
                   std::optional<weights::Convention> convention);

} // namespace tl
