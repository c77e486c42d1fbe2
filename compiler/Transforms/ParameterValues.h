// Values of parameters as plain float arrays: one way in, one way out.
#pragma once

#include "dialects/NN/NN.h"

namespace tl {

/// The values of an attribute: in place where they lie as floats, else
/// expanded into `room`.
llvm::ArrayRef<float> valuesOf(mlir::ElementsAttr values,
                               std::vector<float> &room);

/// The canonical values, or an empty array for a parameter without values.
/// Valid as long as the attribute lives.
llvm::ArrayRef<float> parameterValues(nn::ParameterOp parameter);

/// Uninitialised storage of `type`, owned by the MLIR context; fill `data`
/// before anything reads the attribute.
struct NewValues {
  mlir::ElementsAttr attribute;
  llvm::MutableArrayRef<float> data;
};
NewValues allocateValues(mlir::RankedTensorType type, llvm::StringRef name);

/// Gives the memory of values from `allocateValues` back. Nothing may read
/// them afterwards.
void releaseValues(mlir::ElementsAttr values);

} // namespace tl
