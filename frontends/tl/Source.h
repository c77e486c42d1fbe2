// A .tl file in memory and places in it. A place is a pair of byte offsets, so
// that tokens and syntax trees stay small; line and column are computed only
// when a message or an MLIR location needs them.
#pragma once

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"

#include <memory>
#include <string>
#include <vector>

namespace tl::frontend {

/// One file: what it is called in messages, and its text.
class SourceFile {
public:
  SourceFile(std::string path, std::string text);

  llvm::StringRef path() const { return name; }
  llvm::StringRef text() const { return content; }
  /// Line and column, both from 1; columns count bytes.
  std::pair<unsigned, unsigned> lineAndColumn(size_t offset) const;

private:
  std::string name, content;
  std::vector<size_t> lineStarts;
};

/// The bytes [begin, end) of a file.
struct SourceRange {
  const SourceFile *file = nullptr;
  size_t begin = 0, end = 0;

  SourceRange to(SourceRange last) const { return {file, begin, last.end}; }
  mlir::Location location(mlir::MLIRContext *context) const;
};

/// Where messages go: MLIR's diagnostic engine, with a place in a .tl file.
/// Counts errors, so that several can be reported before giving up. While a
/// `Within` is alive, every error carries its note (a block's call, the use of
/// a backbone), innermost first.
class Reporter {
public:
  explicit Reporter(mlir::MLIRContext *context) : context(context) {}

  mlir::InFlightDiagnostic error(SourceRange range);
  /// Exactly "not supported yet: <construct>".
  void notSupported(SourceRange range, const llvm::Twine &construct);
  void note(mlir::InFlightDiagnostic &diagnostic, SourceRange range,
            const llvm::Twine &text);
  bool failed() const { return errors != 0; }
  unsigned count() const { return errors; }

  class Within {
  public:
    Within(Reporter &reporter, SourceRange range, std::string text)
        : reporter(reporter) {
      reporter.surroundings.push_back({range, std::move(text)});
    }
    ~Within() { reporter.surroundings.pop_back(); }
    Within(const Within &) = delete;

  private:
    Reporter &reporter;
  };

  mlir::MLIRContext *const context;

private:
  struct Surrounding {
    SourceRange range;
    std::string text;
  };
  std::vector<Surrounding> surroundings;
  unsigned errors = 0;
};

/// The candidate nearest to `found`, or "" when none is near.
llvm::StringRef nearestName(llvm::StringRef found,
                            llvm::ArrayRef<llvm::StringRef> candidates);

/// "; did you mean 'x'?" or "".
std::string suggestion(llvm::StringRef found,
                       llvm::ArrayRef<llvm::StringRef> candidates);

/// "'a', 'b' or 'c'".
std::string alternatives(llvm::ArrayRef<llvm::StringRef> names);

} // namespace tl::frontend
