// Statements to layers: runs loops, conditions and blocks, and applies each
// layer's rule to the shape it finds. Everything that a hostile file could make
// endless has a limit here.
#pragma once

#include "frontends/tl/Layers.h"

namespace tl::frontend {

using Blocks = llvm::StringMap<const BlockDecl *>;

/// The file's blocks by name; reports doubled ones and those named as a layer.
Blocks collectBlocks(const FileDecl &file, Reporter &reporter);

/// Binds arguments to the parameters of a block or a backbone: given values
/// first, then defaults, which may use the parameters before them.
std::optional<Scope> bindParameters(llvm::StringRef callee, SourceRange range,
                                    llvm::ArrayRef<Argument> arguments,
                                    llvm::ArrayRef<ParameterDecl> parameters,
                                    const Scope &callerScope,
                                    Reporter &reporter);

class Elaborator {
public:
  enum class Place { Backbone, Head };

  Elaborator(const Blocks &blocks, Convention convention, Place place,
             Reporter &reporter)
      : blocks(blocks), convention(convention), place(place),
        reporter(reporter) {}

  /// Appends the statements' layers behind `network.output`. False after an
  /// error was reported; the first one ends the run, since the shapes behind
  /// it would be guesses.
  bool run(const Statements &statements, const Scope &scope, Network &network);

  /// The names of the statements' layers and their modules, without a look at
  /// shapes: what a file may hold of a top that is not used.
  std::optional<std::vector<std::string>> names(const Statements &statements,
                                                const Scope &scope,
                                                llvm::ArrayRef<Layer> before);

private:
  bool statements(const Statements &statements, const Scope &scope);
  Scope withExtents(const Scope &scope) const;
  bool statement(const Statement &statement, const Scope &scope);
  bool forStatement(const Statement &statement, const Scope &scope);
  bool forElement(const Statement &statement, const Value &element,
                  const Scope &scope);
  bool require(const Statement &statement, const Scope &scope);
  bool tap(const Statement &statement, const Scope &scope);
  bool merge(const Statement &statement, const Scope &scope);
  bool call(const Statement &statement, const Scope &scope);
  bool blockCall(const BlockDecl &block, const Statement &statement,
                 const Scope &scope);
  bool layerCall(const LayerRule &rule, const Statement &statement,
                 const Scope &scope);
  bool append(Layer layer);
  bool step(SourceRange range);

  const Blocks &blocks;
  Convention convention;
  Place place;
  Reporter &reporter;
  Network *network = nullptr;
  bool namesOnly = false;
  unsigned steps = 0, blockDepth = 0;
};

} // namespace tl::frontend
