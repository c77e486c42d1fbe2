// The table of instruction sets; see the header.
#include "compiler/Conversion/KernelsToCPU/Isa.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

namespace tl::cpu {

// Micro-tiles: accumulators plus live operands must fit in the registers.
// v3: 6x2 accumulators + 2 weights + 1 broadcast = 15 of 16. v4: 14x2 + 2 + 1
// = 31 of 32. Without FMA a product needs a register of its own: 2x4 + 4
// weights + 1 broadcast + 1 product = 14 of 16 (3 rows spilled).
static const Isa kIsas[] = {
    {"x86_64", "x86-64", 4, false, 2, 16, 16},
    {"x86_64_v3", "x86-64-v3", 8, true, 6, 16, 16},
    {"x86_64_v4", "x86-64-v4", 16, true, 14, 32, 32},
};

llvm::ArrayRef<Isa> allIsas() { return kIsas; }

const Isa *findIsa(llvm::StringRef name) {
  const Isa *isa =
      llvm::find_if(kIsas, [&](const Isa &i) { return i.name == name; });
  return isa == std::end(kIsas) ? nullptr : isa;
}

bool hostRuns(const Isa &isa) {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  auto all = [&](std::initializer_list<llvm::StringRef> names) {
    return llvm::all_of(names,
                        [&](auto name) { return features.lookup(name); });
  };
  if (isa.lanes == 4)
    return true;
  bool v3 = all(
      {"avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "xsave"});
  if (isa.lanes == 8)
    return v3;
  return v3 && all({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"});
}

} // namespace tl::cpu
