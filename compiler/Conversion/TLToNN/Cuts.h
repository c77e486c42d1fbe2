// Where each training phase is cut in two: the values that cross from what it
// keeps frozen into the rest, the names they have in the whole module, and the
// entry points that belong to each cut.
#pragma once

#include "compiler/Conversion/TLToNN/Network.h"
#include "compiler/Conversion/TLToNN/Trainability.h"
#include "llvm/ADT/DenseMap.h"

#include <string>

namespace tl {

/// A frontier, shared by the phases that have it.
struct Cut {
  llvm::SmallVector<mlir::Value> values; ///< in the order of the network
  std::string suffix; ///< of its entries' names: "", or "." and its first phase
};

class Cuts {
public:
  /// The parameters of `symbols` know their first phase.
  Cuts(ask::ModelOp model, const Network &network,
       const Trainability &trainability, mlir::SymbolTable &symbols);

  llvm::ArrayRef<Cut> all() const { return distinct; }
  const Cut &of(size_t phase) const { return distinct[ofPhase[phase]]; }
  /// What prediction starts from.
  const Cut &last() const {
    return ofPhase.empty() ? distinct.front() : of(ofPhase.size() - 1);
  }

  /// "pixels", "frontier", "frontier.1", ...: one name a value.
  llvm::StringRef name(mlir::Value value) const {
    return names.find(value)->second;
  }
  /// Values that an extraction gives (the pixels need none).
  llvm::SmallVector<mlir::Value> extracted(const Cut &cut) const;
  llvm::SmallVector<mlir::Value> extracted() const; ///< of all cuts

private:
  void add(llvm::ArrayRef<mlir::Value> values, llvm::StringRef phase);

  mlir::Value pixels;
  llvm::SmallVector<Cut> distinct;
  llvm::SmallVector<size_t> ofPhase;
  llvm::MapVector<mlir::Value, std::string> names;
};

} // namespace tl
