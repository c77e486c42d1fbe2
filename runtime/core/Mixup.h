// Mixup (H. Zhang et al., "mixup: beyond empirical risk minimization", ICLR
// 2018): each picture of a batch is mixed with a partner of the same batch, all
// by one share drawn from Beta(alpha, alpha), and so are their labels. Drawn
// from (seed, phase, epoch, batch of the epoch): no state is carried.
#pragma once

#include <cstdint>
#include <vector>

namespace tl {

struct MixupPlace {
  uint64_t seed;
  uint32_t phase, epoch, batch;
};

// The picture's own share, in [0, 1].
float drawMixupShare(const MixupPlace &place, float alpha);

// Partners [n]: a permutation of the batch.
void drawMixupPartners(const MixupPlace &place, uint32_t n, uint32_t *partners);

// rows [n][width]: row i becomes share * row i + (1 - share) * row partners[i].
void mixRows(float share, const uint32_t *partners, uint32_t n, uint64_t width,
             std::vector<float> &rows, std::vector<float> &room);

} // namespace tl
