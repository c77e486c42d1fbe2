// tl_trainer_extract_hashes: what a phase's features depend on besides the
// pixels. Nothing above the phase's frontier goes in, and no name: another
// phase may give the same values other names.
#include "runtime/core/Failure.h"
#include "runtime/core/Trainer.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

using namespace tl;

namespace {

// What goes into a hash, as words.
using Words = std::vector<uint64_t>;

uint64_t hashWords(const Words &words) {
  return XXH64(words.data(), words.size() * sizeof(uint64_t), 0);
}

void addPorts(
    Words &words,
    const flatbuffers::Vector<flatbuffers::Offset<schema::Port>> &ports) {
  for (const schema::Port *port : ports) {
    words.push_back(port->buffer());
    words.insert(words.end(), port->shape()->begin(), port->shape()->end());
    if (port->halo())
      words.insert(words.end(), port->halo()->begin(), port->halo()->end());
  }
}

// Which kernels run on which buffers; tensors are counted in order of first
// use, so that a change of the head's tensors leaves the hash alone.
uint64_t hashCode(const tl_model &model, const schema::Entry &entry,
                  std::vector<uint32_t> &tensors) {
  Words words = {uint64_t(model.code->isa())};
  addPorts(words, *entry.inputs());
  addPorts(words, *entry.outputs());
  for (uint32_t b = 0; entry.buffers() && b < entry.buffers()->size(); ++b)
    words.push_back(entry.buffers()->Get(b)->bytes() * 2 +
                    entry.buffers()->Get(b)->per_picture());
  uint64_t image =
      model.root.segments()->Get(model.code->segment())->checksum();
  auto codeOf = [&](uint32_t kernel) {
    const auto &place = *model.code->kernels()->Get(kernel);
    return place.fingerprint() ? place.fingerprint() : image ^ place.offset();
  };
  for (uint32_t c = 0; entry.calls() && c < entry.calls()->size(); ++c) {
    const schema::Call &call = *entry.calls()->Get(c);
    words.push_back(codeOf(call.kernel()));
    for (const schema::ArgRef *ref : *call.args()) {
      uint32_t index = ref->index();
      // A derived value is its kernel and its source.
      if (ref->kind() == schema::ArgKind::derived) {
        const schema::Derived &derived = *model.root.derived()->Get(index);
        words.push_back(codeOf(derived.kernel()));
        index = derived.source();
      }
      if (ref->kind() == schema::ArgKind::tensor ||
          ref->kind() == schema::ArgKind::derived) {
        auto found = std::find(tensors.begin(), tensors.end(), index);
        uint32_t order = uint32_t(found - tensors.begin());
        if (found == tensors.end())
          tensors.push_back(index);
        index = order;
      }
      words.push_back(uint64_t(ref->kind()) << 32 | index);
    }
  }
  return hashWords(words);
}

// The present values: a weight that a later phase trains is a parameter.
uint64_t hashWeights(const tl_trainer &trainer,
                     const std::vector<uint32_t> &tensors) {
  Words words;
  for (uint32_t index : tensors) {
    const schema::Tensor &tensor = *trainer.model.root.tensors()->Get(index);
    const float *values = tensor.role() == schema::TensorRole::constant
                              ? trainer.model.value(index)
                              : trainer.parameters.tensor(index);
    words.push_back(uint64_t(tensor.form()));
    words.insert(words.end(), tensor.shape()->begin(), tensor.shape()->end());
    words.push_back(XXH64(values, tensor.bytes(), 0));
  }
  return hashWords(words);
}

} // namespace

extern "C" tl_status tl_trainer_extract_hashes(const tl_trainer *trainer,
                                               uint32_t phase, uint64_t *code,
                                               uint64_t *weights,
                                               tl_error *error) {
  return guarded(error, [&] {
    requireArgument(trainer, "trainer");
    requireArgument(code, "code");
    requireArgument(weights, "weights");
    *code = *weights = 0;
    const Frontier &frontier = trainer->frontierOf(phase);
    if (frontier.extractEntry < 0)
      return;
    std::vector<uint32_t> tensors;
    const tl_model &model = trainer->model;
    *code = hashCode(
        model, *model.root.entries()->Get(uint32_t(frontier.extractEntry)),
        tensors);
    *weights = hashWeights(*trainer, tensors);
  });
}
