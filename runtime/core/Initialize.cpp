// Draws.
#include "runtime/core/Initialize.h"

#include "runtime/core/Elementary.h"
#include "runtime/schema/WeightForm.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace tl {

namespace {

using schema::PhiloxBlock;

double truncatedNormal(uint32_t element, uint32_t stream, uint32_t low,
                       uint32_t high) {
  for (uint32_t attempt = 0;; ++attempt) {
    PhiloxBlock words = schema::philox4x32(
        {element, stream, attempt, schema::kRandomInit}, low, high);
    for (int pair = 0; pair < 4; pair += 2) {
      Pair z = normalPair(words[pair], words[pair + 1]);
      if (std::fabs(z.first) <= 2)
        return z.first;
      if (std::fabs(z.second) <= 2)
        return z.second;
    }
  }
}

} // namespace

void drawCanonical(const schema::Init &init, uint64_t seed, int64_t count,
                   float *to) {
  uint32_t low = uint32_t(seed), high = uint32_t(seed >> 32);
  float scale = init.scale();
  if (init.kind() == schema::InitKind::fill) {
    std::fill(to, to + count, scale);
    return;
  }
  if (init.kind() == schema::InitKind::truncated_normal) {
    for (int64_t i = 0; i < count; ++i)
      to[i] =
          float(scale * truncatedNormal(uint32_t(i), init.stream(), low, high));
    return;
  }
  for (int64_t first = 0; first < count; first += 4) {
    PhiloxBlock words = schema::philox4x32(
        {uint32_t(first / 4), init.stream(), 0, schema::kRandomInit}, low,
        high);
    double draws[4];
    if (init.kind() == schema::InitKind::uniform) {
      for (int i = 0; i < 4; ++i)
        draws[i] = 2.0 * schema::uniformFloat(words[i]) - 1;
    } else {
      Pair a = normalPair(words[0], words[1]);
      Pair b = normalPair(words[2], words[3]);
      draws[0] = a.first, draws[1] = a.second;
      draws[2] = b.first, draws[3] = b.second;
    }
    for (int64_t i = 0; i < std::min<int64_t>(4, count - first); ++i)
      to[first + i] = float(scale * draws[i]);
  }
}

void drawTensor(const schema::Tensor &tensor, uint64_t runSeed, float *to) {
  std::vector<int64_t> shape(tensor.shape()->begin(), tensor.shape()->end());
  schema::FormShape matrix = schema::formShape(shape);
  int64_t count = matrix.leading * matrix.outputs;
  const schema::Init &init = *tensor.init();
  uint64_t seed = init.fixed_seed() ? init.seed() : runSeed;
  if (tensor.form() == schema::WeightForm::canonical) {
    drawCanonical(init, seed, count, to);
    return;
  }
  std::vector<float> canonical(static_cast<size_t>(count));
  drawCanonical(init, seed, count, canonical.data());
  schema::packWeights(static_cast<schema::Form>(tensor.form()), shape,
                      canonical.data(), to);
}

void drawOrder(uint64_t seed, uint32_t phase, uint32_t epoch, uint32_t count,
               uint32_t *order) {
  for (uint32_t i = 0; i < count; ++i)
    order[i] = i;
  for (uint32_t i = count; i-- > 1;) {
    uint32_t chosen = drawBelow(i + 1, [&](uint32_t attempt) {
      return schema::philox4x32(
          {i, attempt, (phase << 20) ^ epoch, schema::kRandomShuffle},
          uint32_t(seed), uint32_t(seed >> 32));
    });
    std::swap(order[i], order[chosen]);
  }
}

} // namespace tl
