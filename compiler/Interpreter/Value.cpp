// Values of the reference interpreter; see the header.
#include "compiler/Interpreter/Value.h"

#include <cassert>
#include <cstring>

namespace tl {

static int64_t product(llvm::ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

NNValue::NNValue(llvm::ArrayRef<int64_t> shape)
    : shape(shape), data(product(shape), 0.0) {}

NNValue::NNValue(llvm::ArrayRef<int64_t> shape, std::vector<double> data)
    : shape(shape), data(std::move(data)) {
  assert(int64_t(this->data.size()) == product(shape));
}

int64_t NNValue::perPicture() const {
  return product(llvm::ArrayRef<int64_t>(shape).drop_front());
}

NNValue stepValue(const schema::StepBlock &step) {
  int32_t words[16];
  static_assert(sizeof(words) == sizeof(step));
  std::memcpy(words, &step, sizeof(step));
  return NNValue({16}, std::vector<double>(words, words + 16));
}

schema::StepBlock stepBlock(const NNValue &value) {
  assert(value.data.size() == 16);
  int32_t words[16];
  for (int i = 0; i < 16; ++i)
    words[i] = int32_t(value.data[i]);
  schema::StepBlock step;
  std::memcpy(&step, words, sizeof(step));
  return step;
}

} // namespace tl
