// tl_trainer_set_parameter: a canonical value from outside into the stored form
// in which the kernels want it.
#include "runtime/core/Failure.h"
#include "runtime/core/Trainer.h"
#include "runtime/schema/WeightForm.h"

using namespace tl;

namespace {

std::string describe(const int64_t *shape, uint64_t rank) {
  std::string text = "[";
  for (uint64_t d = 0; d < rank; ++d)
    text += (d ? ", " : "") + std::to_string(shape[d]);
  return text + "]";
}

uint32_t findParameter(const tl_trainer &trainer, std::string_view name) {
  const auto &tensors = *trainer.model.root.tensors();
  std::string names;
  for (uint32_t i = 0; i < tensors.size(); ++i) {
    if (tensors.Get(i)->role() != schema::TensorRole::parameter)
      continue;
    if (tensors.Get(i)->name()->string_view() == name)
      return i;
    names += (names.empty() ? "" : ", ") + tensors.Get(i)->name()->str();
  }
  fail(TL_STATUS_NOT_FOUND, "no parameter \"%.*s\"; the trained ones are %s",
       int(name.size()), name.data(), names.c_str());
}

} // namespace

extern "C" tl_status
tl_trainer_set_parameter(tl_trainer *trainer, const char *name,
                         const int64_t *shape, uint32_t rank,
                         const float *values, tl_error *error) {
  return guarded(error, [&] {
    requireArgument(name, "name");
    if (rank)
      requireArgument(shape, "shape");
    requireArgument(values, "values");
    uint32_t index = findParameter(*trainer, name);
    const schema::Tensor &tensor = *trainer->model.root.tensors()->Get(index);
    std::vector<int64_t> own(tensor.shape()->begin(), tensor.shape()->end());
    if (own != std::vector<int64_t>(shape, shape + rank))
      fail(TL_STATUS_INVALID_ARGUMENT,
           "parameter \"%s\": expected the shape %s, found %s", name,
           describe(own.data(), own.size()).c_str(),
           describe(shape, rank).c_str());
    schema::packWeights(static_cast<schema::Form>(tensor.form()), own, values,
                        trainer->parameters.values(index));
  });
}
