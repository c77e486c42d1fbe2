// Places, messages and nearest names; see the header.
#include "frontends/tl/Source.h"

#include <algorithm>

using namespace mlir;

namespace tl::frontend {

SourceFile::SourceFile(std::string path, std::string text)
    : name(std::move(path)), content(std::move(text)), lineStarts{0} {
  for (size_t i = 0; i < content.size(); ++i)
    if (content[i] == '\n')
      lineStarts.push_back(i + 1);
}

std::pair<unsigned, unsigned> SourceFile::lineAndColumn(size_t offset) const {
  auto next = std::upper_bound(lineStarts.begin(), lineStarts.end(), offset);
  size_t line = next - lineStarts.begin();
  return {unsigned(line), unsigned(offset - lineStarts[line - 1] + 1)};
}

Location SourceRange::location(MLIRContext *context) const {
  auto [line, column] = file->lineAndColumn(begin);
  auto [endLine, endColumn] = file->lineAndColumn(std::max(begin, end));
  return FileLineColRange::get(context, file->path(), line, column, endLine,
                               endColumn);
}

InFlightDiagnostic Reporter::error(SourceRange range) {
  ++errors;
  InFlightDiagnostic diagnostic = emitError(range.location(context));
  // A deep chain of blocks would bury the message.
  constexpr size_t kMostNotes = 3;
  size_t left = std::min(surroundings.size(), kMostNotes);
  for (auto it = surroundings.rbegin(); left-- > 0; ++it)
    note(diagnostic, it->range, it->text);
  return diagnostic;
}

void Reporter::notSupported(SourceRange range, const Twine &construct) {
  error(range) << "not supported yet: " << construct.str();
}

void Reporter::note(InFlightDiagnostic &diagnostic, SourceRange range,
                    const Twine &text) {
  diagnostic.attachNote(range.location(context)) << text.str();
}

StringRef nearestName(StringRef found, ArrayRef<StringRef> candidates) {
  StringRef best;
  // More wrong letters than that make another word, not a slip.
  unsigned most = found.size() < 3   ? 0
                  : found.size() < 4 ? 1
                  : found.size() < 9 ? 2
                                     : 3;
  unsigned bestDistance = most + 1;
  if (found.size() > 64)
    return best;
  for (StringRef candidate : candidates) {
    if (candidate.size() > 128)
      continue;
    unsigned distance =
        found.edit_distance_insensitive(candidate, true, bestDistance);
    if (distance < bestDistance) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(StringRef found, ArrayRef<StringRef> candidates) {
  StringRef nearest = nearestName(found, candidates);
  return nearest.empty() ? "" : ("; did you mean '" + nearest + "'?").str();
}

std::string alternatives(ArrayRef<StringRef> names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i)
      text += i + 1 == names.size() ? " or " : ", ";
    text += ("'" + names[i] + "'").str();
  }
  return text;
}

} // namespace tl::frontend
