// Checks of what crosses from extraction to the programs that start there: one
// meaning for each name in the whole file, and for each phase an extraction
// that gives what its step and its evaluation take.
#include "runtime/core/Failure.h"
#include "runtime/core/Program.h"
#include "runtime/core/Verify.h"

#include <algorithm>

namespace tl {

namespace {

constexpr uint32_t kNone = 4294967295u;

#define TL_BAD(...) fail(TL_STATUS_BAD_FILE, __VA_ARGS__)

using Ports = flatbuffers::Vector<flatbuffers::Offset<schema::Port>>;

class FrontierVerifier {
public:
  explicit FrontierVerifier(const schema::Model &model) : model(model) {}

  void names() const;
  void phases() const;
  void prediction() const;

private:
  const schema::Entry &entry(uint32_t index, schema::EntryKind kind,
                             const schema::Phase &phase) const;
  void extraction(uint32_t index, const schema::Entry &evaluation,
                  const schema::Phase &phase) const;
  void subset(const schema::Entry &entry, const Ports *of) const;

  const schema::Model &model;
};

bool sameShape(const schema::Port &a, const schema::Port &b) {
  return std::equal(a.shape()->begin(), a.shape()->end(), b.shape()->begin(),
                    b.shape()->end());
}

// Each extracted value has the same shape wherever its name occurs.
void FrontierVerifier::names() const {
  std::vector<const schema::Port *> extracted;
  for (const schema::Entry *entry : *model.entries())
    for (const Ports *ports : {entry->inputs(), entry->outputs()})
      for (uint32_t i = 0; ports && i < ports->size(); ++i)
        if (entry->kind() != schema::EntryKind::tap &&
            isFeature(ports->Get(i)->name()->string_view()))
          extracted.push_back(ports->Get(i));
  auto name = [](const schema::Port *p) { return p->name()->string_view(); };
  std::stable_sort(extracted.begin(), extracted.end(),
                   [&](auto *a, auto *b) { return name(a) < name(b); });
  for (size_t i = 1; i < extracted.size(); ++i)
    if (name(extracted[i - 1]) == name(extracted[i]) &&
        !sameShape(*extracted[i - 1], *extracted[i]))
      TL_BAD("damaged: \"%s\" has two shapes", extracted[i]->name()->c_str());
}

const schema::Entry &FrontierVerifier::entry(uint32_t index,
                                             schema::EntryKind kind,
                                             const schema::Phase &phase) const {
  if (index >= model.entries()->size() ||
      model.entries()->Get(index)->kind() != kind)
    TL_BAD("damaged: the entries of phase \"%s\"", phase.name()->c_str());
  return *model.entries()->Get(index);
}

// Every value that `entry` takes is one of `of`, or, where there are none, the
// picture itself.
void FrontierVerifier::subset(const schema::Entry &entry,
                              const Ports *of) const {
  for (uint32_t i = 0; entry.inputs() && i < entry.inputs()->size(); ++i) {
    const flatbuffers::String &name = *entry.inputs()->Get(i)->name();
    bool wants =
        of ? crosses(name.string_view()) : isFeature(name.string_view());
    if (wants && !findPort(of, name.string_view()))
      TL_BAD("damaged: input \"%s\" of \"%s\" is nothing that is extracted",
             name.c_str(), entry.name()->c_str());
  }
}

// What `evaluation` takes, the picture itself aside, is what entry `index`
// gives.
void FrontierVerifier::extraction(uint32_t index,
                                  const schema::Entry &evaluation,
                                  const schema::Phase &phase) const {
  const Ports *given = nullptr;
  if (index != kNone)
    given = entry(index, schema::EntryKind::extract, phase).outputs();
  for (const schema::Port *port : *evaluation.inputs())
    if (isFeature(port->name()->string_view()) &&
        !findPort(given, port->name()->string_view()))
      TL_BAD("damaged: nothing extracts \"%s\" for phase \"%s\"",
             port->name()->c_str(), phase.name()->c_str());
}

void FrontierVerifier::phases() const {
  const schema::Train *train = model.train();
  uint32_t count = train && train->phases() ? train->phases()->size() : 0;
  for (uint32_t p = 0; p < count; ++p) {
    const schema::Phase &phase = *train->phases()->Get(p);
    const schema::Entry &step =
        entry(phase.train_entry(), schema::EntryKind::train_step, phase);
    const schema::Entry &evaluation =
        entry(phase.evaluate_entry(), schema::EntryKind::evaluate, phase);
    if (step.phase() != p)
      TL_BAD("damaged: the entries of phase \"%s\"", phase.name()->c_str());
    subset(step, evaluation.inputs());
    extraction(phase.extract_entry(), evaluation, phase);
    if (train->extract_all_entry() != kNone)
      extraction(train->extract_all_entry(), evaluation, phase);
    for (uint32_t q = 0; q < p; ++q) {
      const schema::Phase &other = *train->phases()->Get(q);
      if (other.evaluate_entry() == phase.evaluate_entry() &&
          other.extract_entry() != phase.extract_entry())
        TL_BAD("damaged: phases \"%s\" and \"%s\" share an evaluation but not "
               "an extraction",
               other.name()->c_str(), phase.name()->c_str());
    }
  }
}

// Prediction starts where the last phase does; without phases, where the
// extraction ends.
void FrontierVerifier::prediction() const {
  const schema::Entry *extract = nullptr, *predict = nullptr;
  uint32_t extracts = 0;
  for (const schema::Entry *entry : *model.entries()) {
    if (entry->kind() == schema::EntryKind::extract && !extracts++)
      extract = entry;
    if (entry->kind() == schema::EntryKind::predict)
      predict = entry;
  }
  const schema::Train *train = model.train();
  bool phases = train && train->phases() && train->phases()->size();
  if (!phases && extracts > 1)
    TL_BAD("damaged: %u extract entries without phases", extracts);
  if (!predict)
    return;
  if (phases) {
    const schema::Phase &last =
        *train->phases()->Get(train->phases()->size() - 1);
    subset(*predict, model.entries()->Get(last.evaluate_entry())->inputs());
  } else {
    subset(*predict, extract ? extract->outputs() : nullptr);
  }
}

} // namespace

void verifyFrontiers(const schema::Model &model) {
  FrontierVerifier verifier(model);
  verifier.names();
  verifier.phases();
  verifier.prediction();
}

} // namespace tl
