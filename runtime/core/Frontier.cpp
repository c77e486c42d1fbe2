// A phase's row is laid out as its evaluation takes it; a model without phases
// has the row that its extraction gives.
#include "runtime/core/Frontier.h"

#include "runtime/core/Program.h"

namespace tl {

namespace {

constexpr uint32_t kNone = 4294967295u;

using Ports = flatbuffers::Vector<flatbuffers::Offset<schema::Port>>;

Frontier layOut(const Ports *ports, int32_t extractEntry) {
  Frontier frontier;
  frontier.extractEntry = extractEntry;
  for (uint32_t i = 0; ports && i < ports->size(); ++i) {
    const schema::Port &port = *ports->Get(i);
    if (!crosses(port.name()->string_view()))
      continue;
    frontier.ports.push_back(
        {port.name()->string_view(), frontier.count, portCount(port)});
    frontier.count += portCount(port);
  }
  return frontier;
}

// Without phases: what extraction gives, or the pixels that prediction takes.
Frontier withoutPhases(const schema::Model &model) {
  const auto &entries = *model.entries();
  for (uint32_t e = 0; e < entries.size(); ++e)
    if (entries.Get(e)->kind() == schema::EntryKind::extract)
      return layOut(entries.Get(e)->outputs(), int32_t(e));
  const schema::Preprocess &p = *model.preprocess();
  Frontier pixels;
  pixels.count = uint64_t(p.height()) * p.width() * p.channels();
  pixels.ports.push_back({"pixels", 0, pixels.count});
  return pixels;
}

} // namespace

Frontiers findFrontiers(const schema::Model &model) {
  Frontiers found;
  std::vector<uint32_t> evaluations; // of found.all
  const schema::Train *train = model.train();
  for (uint32_t p = 0; train && train->phases() && p < train->phases()->size();
       ++p) {
    const schema::Phase &phase = *train->phases()->Get(p);
    uint32_t index = 0;
    while (index < evaluations.size() &&
           evaluations[index] != phase.evaluate_entry())
      ++index;
    if (index == evaluations.size()) {
      evaluations.push_back(phase.evaluate_entry());
      found.all.push_back(layOut(
          model.entries()->Get(phase.evaluate_entry())->inputs(),
          phase.extract_entry() == kNone ? -1
                                         : int32_t(phase.extract_entry())));
    }
    found.phases.push_back(index);
  }
  if (found.all.empty())
    found.all.push_back(withoutPhases(model));
  else if (train->extract_all_entry() != kNone)
    found.extractAllEntry = int32_t(train->extract_all_entry());
  return found;
}

} // namespace tl
