// For the loops that are written on the calls of runtime.h alone (Fit,
// FindRate): a call that failed becomes a Failure again, a snapshot an object.
#pragma once

#include "runtime/core/Failure.h"

#include <memory>

namespace tl {

template <typename Call> void need(Call call) {
  tl_error error;
  if (call(&error) != TL_STATUS_OK)
    throw Failure{error.status, error.message};
}

class Snapshot {
public:
  explicit Snapshot(tl_trainer *trainer) : trainer(trainer) {}

  void take() {
    renew([&](tl_snapshot **raw, tl_error *e) {
      return tl_trainer_snapshot(trainer, raw, e);
    });
  }
  // call(&snapshot, error) overwrites or replaces what is held.
  template <typename Call> void renew(Call call) {
    tl_snapshot *raw = held.release();
    tl_error error;
    tl_status status = call(&raw, &error);
    held.reset(raw);
    if (status != TL_STATUS_OK)
      throw Failure{error.status, error.message};
  }
  void restore() const {
    need([&](tl_error *e) {
      return tl_trainer_restore(trainer, held.get(), e);
    });
  }
  const tl_snapshot *get() const { return held.get(); }

private:
  struct Deleter {
    void operator()(tl_snapshot *snapshot) const {
      tl_snapshot_destroy(snapshot);
    }
  };
  tl_trainer *trainer;
  std::unique_ptr<tl_snapshot, Deleter> held;
};

} // namespace tl
