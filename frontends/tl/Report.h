// Prints MLIR diagnostics the way the tools promise: "file.tl:3:12: error:
// message", then the line with a mark under the place. MLIR's own handler would
// do the first part, but looks for files on disk only; the built-in backbones
// are in the program.
#pragma once

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/raw_ostream.h"

namespace tl::frontend {

/// Lives as long as messages shall be printed to `os`. Messages without a place
/// begin with `tool`: "tlc: error: ...".
class DiagnosticPrinter : public mlir::ScopedDiagnosticHandler {
public:
  DiagnosticPrinter(mlir::MLIRContext *context, llvm::raw_ostream &os,
                    llvm::StringRef tool = "tlc");

private:
  void print(mlir::Location location, mlir::DiagnosticSeverity severity,
             llvm::StringRef text);

  llvm::raw_ostream &os;
  std::string tool;
};

} // namespace tl::frontend
