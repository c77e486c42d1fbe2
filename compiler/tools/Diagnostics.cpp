// See the header.
#include "compiler/tools/Diagnostics.h"

#include "frontends/tl/Frontend.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace tl {

/// The place in a source file that a location stands for, or null.
static FileLineColRange placeOf(Location location) {
  FileLineColRange place;
  location->walk([&](Location part) {
    if (auto range = dyn_cast<FileLineColRange>(part)) {
      place = range;
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return place;
}

/// The lines of a file, or of a built-in backbone ("backbones/vgg16.tl").
static std::vector<std::string> linesOf(StringRef path) {
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  StringRef text;
  for (const frontend::EmbeddedBackbone &backbone :
       frontend::embeddedBackbones())
    if (path == ("backbones/" + backbone.name + ".tl").str())
      text = backbone.text;
  if (text.empty())
    if (auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/true)) {
      buffer = std::move(*file);
      text = buffer->getBuffer();
    }
  SmallVector<StringRef> lines;
  text.split(lines, '\n');
  std::vector<std::string> result;
  for (StringRef line : lines)
    result.push_back(line.rtrim('\r').str());
  return result;
}

static StringRef severityName(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Error:
    return "error";
  case DiagnosticSeverity::Warning:
    return "warning";
  case DiagnosticSeverity::Note:
    return "note";
  case DiagnosticSeverity::Remark:
    return "remark";
  }
  llvm_unreachable("every severity is listed");
}

DiagnosticPrinter::DiagnosticPrinter(MLIRContext *context,
                                     llvm::raw_ostream &os)
    : os(os), handler(context, [this](Diagnostic &diagnostic) {
        print(diagnostic);
        return success();
      }) {}

void DiagnosticPrinter::error(const llvm::Twine &message) {
  os << "tlc: error: " << message << "\n";
}

void DiagnosticPrinter::print(Diagnostic &diagnostic) {
  std::string message = diagnostic.str();
  internal |= StringRef(message).contains("internal: ");
  if (FileLineColRange place = placeOf(diagnostic.getLocation())) {
    os << place.getFilename().getValue() << ":" << place.getStartLine() << ":"
       << place.getStartColumn() << ": "
       << severityName(diagnostic.getSeverity()) << ": " << message << "\n";
    printLine(place);
  } else {
    os << "tlc: " << severityName(diagnostic.getSeverity()) << ": " << message
       << "\n";
  }
  for (Diagnostic &note : diagnostic.getNotes())
    print(note);
}

void DiagnosticPrinter::printLine(FileLineColRange place) {
  StringRef path = place.getFilename().getValue();
  auto [known, inserted] = files.try_emplace(path);
  if (inserted)
    known->second = linesOf(path);
  unsigned line = place.getStartLine(), column = place.getStartColumn();
  if (line == 0 || column == 0 || line > known->second.size())
    return;
  const std::string &text = known->second[line - 1];
  if (column > text.size() + 1 || text.size() > 200)
    return;
  unsigned end = place.getEndLine() == line ? place.getEndColumn() : 0;
  os << "  " << text << "\n  ";
  for (char c : StringRef(text).take_front(column - 1))
    os << (c == '\t' ? '\t' : ' ');
  os << '^' << std::string(end > column + 1 ? end - column - 1 : 0, '~')
     << "\n";
}

} // namespace tl
