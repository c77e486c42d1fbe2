// The load phase: gives the backbone's parameters their values, from a weight
// file or from a seed. Part of the driver, which alone knows frontends.
#pragma once

#include "dialects/TL/TL.h"
#include "frontends/weights/WeightSource.h"
#include "mlir/IR/BuiltinOps.h"

#include <optional>

namespace tl {

/// Where weights come from.
struct WeightOrigin {
  std::unique_ptr<weights::WeightSource> file; ///< null: drawn from the seed
  std::optional<uint64_t> seed;
};

/// Binds every parameter of the backbone; what is missing, extra or of another
/// shape is one error at the backbone that lists expected and found.
llvm::LogicalResult loadWeights(mlir::ModuleOp module, WeightOrigin &origin);

} // namespace tl
