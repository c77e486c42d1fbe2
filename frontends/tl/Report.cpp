// Diagnostics as text; see the header.
#include "frontends/tl/Report.h"

#include "frontends/tl/Frontend.h"

#include "mlir/IR/Location.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;

namespace tl::frontend {

DiagnosticPrinter::DiagnosticPrinter(MLIRContext *context,
                                     llvm::raw_ostream &os, StringRef tool)
    : ScopedDiagnosticHandler(context), os(os), tool(tool.str()) {
  setHandler([this](Diagnostic &diagnostic) {
    print(diagnostic.getLocation(), diagnostic.getSeverity(), diagnostic.str());
    for (Diagnostic &note : diagnostic.getNotes())
      print(note.getLocation(), note.getSeverity(), note.str());
    return success();
  });
}

static StringRef severityName(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Note:
    return "note";
  case DiagnosticSeverity::Warning:
    return "warning";
  case DiagnosticSeverity::Error:
    return "error";
  case DiagnosticSeverity::Remark:
    return "remark";
  }
  llvm_unreachable("every severity is listed");
}

/// The line from the file on disk or the built-in backbone; empty if neither
/// has it (a text that was only in memory).
static std::string lineOf(StringRef path, unsigned number) {
  std::string text;
  for (const EmbeddedBackbone &backbone : embeddedBackbones())
    if (path == ("backbones/" + backbone.name + ".tl").str())
      text = backbone.text.str();
  if (text.empty())
    if (auto file = llvm::MemoryBuffer::getFile(path))
      text = (*file)->getBuffer().str();
  StringRef rest = text;
  for (unsigned i = 1; i < number; ++i)
    rest = rest.split('\n').second;
  return rest.split('\n').first.rtrim('\r').str();
}

void DiagnosticPrinter::print(Location location, DiagnosticSeverity severity,
                              StringRef text) {
  auto range = location->findInstanceOf<FileLineColRange>();
  if (!range) {
    os << tool << ": " << severityName(severity) << ": " << text << "\n";
    return;
  }
  unsigned line = range.getStartLine(), column = range.getStartColumn();
  os << range.getFilename().getValue() << ":" << line << ":" << column << ": "
     << severityName(severity) << ": " << text << "\n";
  std::string source = lineOf(range.getFilename(), line);
  if (source.empty() || column > source.size() + 1)
    return;
  unsigned end = range.getEndLine() == line ? range.getEndColumn()
                                            : unsigned(source.size()) + 1;
  os << "  " << source << "\n  ";
  // Tabs stay tabs, so that the mark stands under its place.
  for (unsigned i = 1; i < column; ++i)
    os << (source[i - 1] == '\t' ? '\t' : ' ');
  os << '^';
  for (unsigned i = column + 1; i < end; ++i)
    os << '~';
  os << "\n";
}

} // namespace tl::frontend
