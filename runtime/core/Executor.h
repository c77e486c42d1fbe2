// Runs an entry of the container for a batch of n pictures: calls in order,
// each call's tiles over the pool. A Machine is what a session or trainer owns:
// threads, arena, scratch. A Program is one entry bound to addresses; binding
// again (another n, a grown arena) allocates nothing after the first time.
#pragma once

#include "runtime/core/Memory.h"
#include "runtime/core/Model.h"
#include "runtime/core/ThreadPool.h"

#include <memory>
#include <vector>

namespace tl {

// A kernel with all that its tiles need.
struct BoundCall {
  schema::KernelFunction function;
  void *const *args;
  int64_t n;
  uint32_t tiles;
  bool small; // too little work to wake anyone
};

class Machine {
public:
  Machine(const tl_model &model, uint32_t threads);

  void run(const BoundCall &call);

  ThreadPool pool;
  Memory arena;   // shared by all programs: none keeps values between runs
  Memory scratch; // a share for each thread
  uint64_t scratchShare = 0;
};

// What tl_model_default_batch gives: memory stays small, and every thread has
// something to do.
uint32_t chooseBatch(const schema::Model &model, uint32_t threads);

class Program {
public:
  Program(const tl_model &model, uint32_t entryIndex);

  // `tensors` and `step` must keep their addresses while the program lives.
  // Throws OUT_OF_MEMORY beyond the model's memory limit. From the first time
  // on the program holds the derived values that it reads.
  void bind(Machine &machine, uint32_t n, void *const *tensors, void *step);

  // Calls [begin, end); bound before.
  void run(Machine &machine, int64_t begin, int64_t end) const;
  void run(Machine &machine) const { run(machine, 0, callCount()); }
  int64_t callCount() const { return int64_t(calls.size()); }

  // n rows of the port's values, `stride` elements apart, 4 bytes each; the
  // halo is written as zeros.
  void write(const schema::Port &port, const void *rows, uint64_t stride) const;
  void read(const schema::Port &port, void *rows, uint64_t stride) const;

  // The layer of the first call in [0, end) with an input tensor or, once it
  // has run, an output that is not finite; runs them. Empty when none is.
  std::string findNotFinite(Machine &machine, int64_t end,
                            void *const *tensors) const;

  const schema::Entry &entry;

private:
  void holdDerived(Machine &machine);
  void *address(const schema::ArgRef &ref, void *const *tensors,
                void *step) const;
  uint8_t *portBase(const schema::Port &port) const;

  const tl_model &model;
  std::vector<BoundCall> calls;
  std::vector<void *> args; // of all calls, one after another
  uint32_t boundBatch = 0;
  uint8_t *boundArena = nullptr;
  std::vector<std::shared_ptr<const Memory>> derived; // those that it reads
};

} // namespace tl
