// The flatbuffer of a container, built from a planned RT program.
#pragma once

#include "compiler/Target/CodeImage.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/schema/model_generated.h"

namespace tl {

/// Everything of the container but the places of segments, which the writer
/// fills in (segment offsets, sizes, checksums). `segments` is laid out as:
/// constants, parameters, then one code image each.
llvm::FailureOr<std::unique_ptr<schema::ModelT>>
buildMetadata(mlir::ModuleOp module, llvm::ArrayRef<CodeImage> images);

/// Indices into ModelT::segments.
inline constexpr uint32_t kConstantsSegment = 0;
inline constexpr uint32_t kParametersSegment = 1;
inline constexpr uint32_t kFirstCodeSegment = 2;

} // namespace tl
