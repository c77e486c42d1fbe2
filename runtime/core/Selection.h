// Which epoch of a phase is the best one so far, and whether the phase has
// waited long enough for a better one. A plain value, so that it can be saved
// with the run's state.
#pragma once

#include <tl/runtime.h>

namespace tl {

struct Selection {
  tl_epoch_record best{};
  uint32_t epochs = 0; // seen
  uint32_t stale = 0;  // since the best

  // Whether `record` is the new best: the highest val_accuracy, then the lowest
  // val_loss; without validation the lowest loss; the earlier when equal. A
  // loss that is not a number counts as the worst.
  bool offer(const tl_epoch_record &record, bool validated) {
    bool first = epochs++ == 0;
    if (!first && !isBetter(record, validated)) {
      ++stale;
      return false;
    }
    best = record;
    stale = 0;
    return true;
  }

  // As Keras's EarlyStopping: `patience` epochs in a row without a new best.
  bool stops(uint32_t patience) const { return patience && stale >= patience; }

private:
  bool isBetter(const tl_epoch_record &record, bool validated) const {
    auto lower = [](float x, float y) { return x < y || (y != y && x == x); };
    if (!validated)
      return lower(record.loss, best.loss);
    if (record.val_accuracy != best.val_accuracy)
      return record.val_accuracy > best.val_accuracy;
    return lower(record.val_loss, best.val_loss);
  }
};

} // namespace tl
