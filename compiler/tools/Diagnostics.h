// Prints diagnostics the way compilers do: `file.tl:3:12: error: ...` with the
// line and a caret where the file can be read, `tlc: error: ...` without a
// place.
#pragma once

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringMap.h"

#include <string>
#include <vector>

namespace tl {

class DiagnosticPrinter {
public:
  /// Takes over the diagnostics of `context` for its lifetime.
  DiagnosticPrinter(mlir::MLIRContext *context, llvm::raw_ostream &os);

  /// True once an error said that the compiler itself is wrong.
  bool sawInternalError() const { return internal; }

  /// `tlc: error: message`.
  void error(const llvm::Twine &message);

private:
  void print(mlir::Diagnostic &diagnostic);
  void printLine(mlir::FileLineColRange place);

  llvm::raw_ostream &os;
  mlir::ScopedDiagnosticHandler handler;
  llvm::StringMap<std::vector<std::string>> files;
  bool internal = false;
};

} // namespace tl
