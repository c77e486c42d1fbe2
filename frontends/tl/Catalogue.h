// The built-in backbones as a list: what their files say of themselves, and
// what elaboration counts. `tlc --list-backbones` prints it, and the page
// backbones/README.md is made of it.
#pragma once

#include "mlir/IR/MLIRContext.h"

#include <optional>
#include <string>
#include <vector>

namespace tl::frontend {

struct CatalogueEntry {
  std::string name;
  std::string use;   // with its parameters: "mobilenet(width: 1.0)"
  std::string title; // the beginning of the file's first comment
  std::string paper; // "arXiv:1704.04861", or empty
  std::string convention;
  std::string preprocess, published; // as written; published may be empty
  std::string licence;
  std::vector<std::string> weightsFrom;
  int64_t imageSize = 0, leastSize = 1;
  bool top = false;
  // With its top, at its image size.
  int64_t layers = 0, parameters = 0, multiplyAdds = 0;
};

/// All of them, by name. Nothing after an error was reported, which is a fault
/// of a file in backbones/.
std::optional<std::vector<CatalogueEntry>>
listBackbones(mlir::MLIRContext &context);

} // namespace tl::frontend
