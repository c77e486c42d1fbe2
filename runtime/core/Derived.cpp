// Values that kernels make of constants (runtime/schema/model.fbs: Derived).
// They can be larger than all else that a model needs, so that programs share
// them and the last one to use a value frees it.
#include "runtime/core/Executor.h"

namespace tl {

static std::shared_ptr<const Memory> derive(const tl_model &model,
                                            const schema::Derived &derived,
                                            Machine &machine) {
  auto result = std::make_shared<Memory>(derived.bytes());
  void *args[] = {const_cast<float *>(model.value(derived.source())),
                  result->data()};
  const schema::KernelCode &place =
      *model.code->kernels()->Get(derived.kernel());
  machine.run({model.kernel(derived.kernel()), args, /*n=*/1,
               uint32_t(place.fixed_tiles() + place.tiles_per_group()),
               /*small=*/false});
  // Kernels read the derived value in its source's place.
  model.container.release(args[0],
                          model.root.tensors()->Get(derived.source())->bytes());
  return result;
}

} // namespace tl

// Who comes while another session derives the value waits and then shares it.
std::shared_ptr<const tl::Memory>
tl_model::derived(uint32_t index, tl::Machine &machine) const {
  std::lock_guard<std::mutex> lock(deriving);
  std::shared_ptr<const tl::Memory> known = derivedValues[index].lock();
  if (!known) {
    known = tl::derive(*this, *root.derived()->Get(index), machine);
    derivedValues[index] = known;
  }
  return known;
}
