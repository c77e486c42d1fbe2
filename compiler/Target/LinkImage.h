// Object files to one position-independent image, with LLD in this process.
#pragma once

#include "compiler/Target/ObjectCode.h"
#include "llvm/Support/Error.h"

#include <map>
#include <vector>

namespace tl {

struct LinkedImage {
  std::vector<uint8_t> bytes;              ///< segments at their addresses
  std::map<std::string, uint64_t> symbols; ///< functions: offset in `bytes`
};

/// Links and checks: no undefined symbol, relocation, needed library, text
/// relocation or writable data. One link at a time (LLD has global state).
llvm::Expected<LinkedImage> linkImage(llvm::ArrayRef<ObjectBytes> objects);

/// The checks and the extraction alone, of a shared object's bytes.
llvm::Expected<LinkedImage> extractImage(llvm::StringRef elf);

} // namespace tl
