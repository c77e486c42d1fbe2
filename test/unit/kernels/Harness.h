// Runs kernels as the runtime would, and checks what the runtime cannot: that
// nothing is written outside the buffers and nothing depends on what memory
// held before. Buffers lie between guard zones, outputs and scratch start as
// NaN, tiles run in a shuffled order.
#pragma once

#include "compiler/Target/CodeImage.h"
#include "dialects/NN/Storage.h"
#include "mlir/IR/MLIRContext.h"

#include <map>
#include <string>
#include <vector>

namespace tl::test {

/// Logical values, row-major: f32 or, for i32 types, integers held as floats.
using Array = std::vector<float>;

/// A module of rt.kernel operations, parsed once.
class Program {
public:
  explicit Program(const std::string &text, bool threads = false);
  /// One kernel around `body` (which ends with rt.return), whose block
  /// arguments are `arguments`: "%x: tensor<?x4xf32>, ...".
  static std::string kernel(const std::string &arguments,
                            const std::string &body,
                            const std::string &attributes = "");
  mlir::ModuleOp module() { return *module_; }
  rt::KernelOp kernel();
  /// The code for `isa`, compiled once.
  llvm::FailureOr<const CodeImage *> code(const cpu::Isa &isa);
  /// What the last failing call said.
  std::string &diagnostics() { return diagnostics_; }

private:
  mlir::MLIRContext context_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  std::string diagnostics_;
  std::map<const cpu::Isa *, CodeImage> images_;
};

/// The ISAs that this machine can run.
std::vector<const cpu::Isa *> runnableIsas();

/// An image in executable memory.
class LoadedCode {
public:
  explicit LoadedCode(const CodeImage &image);
  ~LoadedCode();
  void *entry(size_t kernel) const;

private:
  const CodeImage &image_;
  void *memory_;
  size_t size_;
};

/// Stored bytes of a logical value (halo and padding zero) and back.
Array store(mlir::RankedTensorType type, int64_t batch, const Array &logical);
Array unstore(mlir::RankedTensorType type, int64_t batch, const Array &stored);
int64_t logicalElements(mlir::RankedTensorType type, int64_t batch);

/// Runs the program's first kernel on `isa`; arguments and results are logical
/// values in the kernel's order. Adds test failures for bad writes and for
/// halos or panel padding that is not zero.
std::vector<Array> run(Program &program, const cpu::Isa &isa, int64_t batch,
                       const std::vector<Array> &arguments, unsigned seed = 1);

/// One picture's values of a batch of so many.
Array pictureOf(const Array &values, size_t picture, size_t batch);

/// Reproducible values in [-1, 1).
Array randomArray(int64_t elements, unsigned seed);

} // namespace tl::test
