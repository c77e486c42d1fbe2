// What every tool of the compiler knows: its dialects and its passes.
#pragma once

namespace mlir {
class DialectRegistry;
}

namespace tl {

/// Adds our dialects and the upstream ones that their programs use.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Makes every pass of this compiler available by its flag.
void registerAllPasses();

} // namespace tl
