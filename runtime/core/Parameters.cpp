// Layout and initial values of trainable tensors.
#include "runtime/core/Parameters.h"

#include "runtime/core/Initialize.h"

#include <algorithm>
#include <cstring>

namespace tl {

Parameters::Parameters(const tl_model &model, uint64_t seed) : model(model) {
  const auto &tensors = *model.root.tensors();
  std::vector<uint64_t> offsets(tensors.size());
  for (schema::TensorRole role :
       {schema::TensorRole::parameter, schema::TensorRole::slot}) {
    stateBegin = used; // of the second round
    for (uint32_t i = 0; i < tensors.size(); ++i)
      if (tensors.Get(i)->role() == role) {
        offsets[i] = used;
        used += (tensors.Get(i)->bytes() + 63) / 64 * 64;
      }
  }
  memory.reserve(used + 64);
  addresses.resize(tensors.size(), nullptr);
  for (uint32_t i = 0; i < tensors.size(); ++i) {
    const schema::Tensor &tensor = *tensors.Get(i);
    if (tensor.role() == schema::TensorRole::constant)
      continue;
    addresses[i] = memory.data() + offsets[i];
    if (tensor.role() == schema::TensorRole::slot)
      continue;
    if (tensor.segment() != 4294967295u)
      memcpy(addresses[i], model.value(i), tensor.bytes());
    else
      drawTensor(tensor, seed, static_cast<float *>(addresses[i]));
  }
}

void Parameters::draw(uint64_t seed) {
  const auto &tensors = *model.root.tensors();
  for (uint32_t i = 0; i < tensors.size(); ++i) {
    const schema::Tensor &tensor = *tensors.Get(i);
    if (tensor.role() == schema::TensorRole::parameter && tensor.init() &&
        tensor.init()->kind() != schema::InitKind::none)
      drawTensor(tensor, seed, static_cast<float *>(addresses[i]));
  }
}

void Parameters::zeroState() {
  memset(memory.data() + stateBegin, 0, used - stateBegin);
}

void Parameters::swapAverages(uint32_t phase) {
  const auto &tensors = *model.root.tensors();
  for (uint32_t i = 0; i < tensors.size(); ++i) {
    const schema::Tensor &slot = *tensors.Get(i);
    if (slot.role() != schema::TensorRole::slot || !slot.average() ||
        tensors.Get(slot.of())->first_phase() > phase)
      continue;
    auto *own = static_cast<uint8_t *>(addresses[slot.of()]);
    std::swap_ranges(own, own + slot.bytes(),
                     static_cast<uint8_t *>(addresses[i]));
  }
}

void Parameters::resolve(const schema::Entry &entry) {
  for (uint32_t c = 0; entry.calls() && c < entry.calls()->size(); ++c)
    for (const schema::ArgRef *ref : *entry.calls()->Get(c)->args())
      if (ref->kind() == schema::ArgKind::tensor && !addresses[ref->index()])
        addresses[ref->index()] =
            const_cast<float *>(model.value(ref->index()));
}

bool allFinite(const float *values, uint64_t count) {
  uint32_t worst = 0; // a branch-free loop that vectorises
  for (uint64_t i = 0; i < count; ++i) {
    uint32_t bits;
    memcpy(&bits, values + i, sizeof bits);
    bits &= 0x7f800000u;
    worst = bits > worst ? bits : worst;
  }
  return worst != 0x7f800000u;
}

int64_t Parameters::firstNotFinite() const {
  const auto &tensors = *model.root.tensors();
  for (uint32_t i = 0; i < tensors.size(); ++i)
    if (tensors.Get(i)->role() == schema::TensorRole::parameter &&
        !allFinite(tensor(i), tensors.Get(i)->bytes() / sizeof(float)))
      return i;
  return -1;
}

} // namespace tl
