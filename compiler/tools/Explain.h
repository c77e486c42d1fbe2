// `tlc --explain`: what each call of each entry is, what it costs by the cost
// model, and what limits it. The emitters themselves say form, blocks and
// tiles: every kernel is emitted once for each target, and no machine code
// made.
#pragma once

#include "compiler/Analysis/Lifetimes.h"
#include "compiler/Analysis/Traffic.h"
#include "compiler/Conversion/KernelsToCPU/CostModel.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace tl {

/// A kernel on one instruction set.
struct TargetFacts {
  const cpu::Isa *isa;
  cpu::Form form;
  rt::GridAttr grid;
  cpu::Cost cost;
};

struct CallFacts {
  std::string layer, operation;
  uint64_t multiplyAdds = 0; ///< of one picture
  Traffic traffic;
  double bytes = 0; ///< of one picture: its own, and its part of what is shared
  /// Derived values (rt.derived) that it reads, part of what is shared.
  uint64_t derivedBytes = 0;
  std::vector<TargetFacts> targets;
};

struct EntryFacts {
  std::string name;
  int64_t batch = 0;
  std::vector<CallFacts> calls;
  ArenaSize planned, lowerBound;
  /// Of the derived values that its calls read, each counted once: the runtime
  /// keeps them beside the arena, one copy for all entries.
  uint64_t derivedBytes = 0;
};

/// Of a program whose memory is planned. Batches are what the model trains
/// with, else 32. Fails, with a diagnostic, where a kernel cannot be emitted.
llvm::FailureOr<std::vector<EntryFacts>>
explain(mlir::ModuleOp planned, llvm::ArrayRef<const cpu::Isa *> targets);

void printText(llvm::ArrayRef<EntryFacts> entries, llvm::raw_ostream &os);
void printJson(llvm::ArrayRef<EntryFacts> entries, llvm::raw_ostream &os);

} // namespace tl
