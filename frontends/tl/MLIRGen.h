// The Recipe as a TL module. Nothing can fail here but our own mistakes, which
// the verifier finds.
#pragma once

#include "frontends/tl/Recipe.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace tl::frontend {

struct ModuleTexts {
  llvm::StringRef recipe; // the text of the .tl file
  std::string weights;    // the path to load from, or empty
  llvm::ArrayRef<std::string> keep;
};

mlir::OwningOpRef<mlir::ModuleOp> generate(const Recipe &recipe,
                                           const ModuleTexts &texts,
                                           mlir::MLIRContext *context);

} // namespace tl::frontend
