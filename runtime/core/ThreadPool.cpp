// The pool's protocol: publish (fields, then `unclaimed`, then `job`), claim by
// compare-and-swap, count what is done.
#include "runtime/core/ThreadPool.h"

#include <algorithm>

namespace tl {

namespace {

constexpr int kSpins = 2000; // about 50 microseconds

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

} // namespace

ThreadPool::ThreadPool(uint32_t threads) {
  try {
    for (uint32_t thread = 1; thread < threads; ++thread)
      workers.emplace_back([this, thread] { worker(thread); });
  } catch (...) {
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  stopping.store(true);
  job.fetch_add(1);
  job.notify_all();
  for (std::thread &thread : workers)
    thread.join();
}

void ThreadPool::help(uint32_t thread) {
  uint64_t state = unclaimed.load(std::memory_order_acquire);
  while (uint32_t left = uint32_t(state)) {
    // A share that shrinks towards the end: few claims, and even finish.
    uint32_t share = std::max(1u, left / (4 * size()));
    if (!unclaimed.compare_exchange_weak(state, state - share,
                                         std::memory_order_acq_rel,
                                         std::memory_order_acquire))
      continue;
    uint32_t total = tiles, first = total - left;
    for (uint32_t i = 0; i < share; ++i)
      tileFunction(tileContext, first + i, thread);
    if (done.fetch_add(share, std::memory_order_acq_rel) + share == total)
      done.notify_one();
    state = unclaimed.load(std::memory_order_acquire);
  }
}

void ThreadPool::worker(uint32_t thread) {
  uint32_t seen = 0;
  while (!stopping.load(std::memory_order_relaxed)) {
    for (int i = 0; i < kSpins && job.load(std::memory_order_acquire) == seen;
         ++i)
      pause();
    job.wait(seen, std::memory_order_acquire);
    seen = job.load(std::memory_order_acquire);
    help(thread);
  }
}

void ThreadPool::run(uint32_t count, TileFunction function, void *context) {
  if (workers.empty() || count == 1) {
    for (uint32_t tile = 0; tile < count; ++tile)
      function(context, tile, 0);
    return;
  }
  tiles = count;
  tileFunction = function;
  tileContext = context;
  done.store(0, std::memory_order_relaxed);
  uint32_t number = job.load(std::memory_order_relaxed) + 1;
  unclaimed.store(uint64_t(number) << 32 | count, std::memory_order_release);
  job.store(number, std::memory_order_release);
  job.notify_all();
  help(0);
  for (;;) {
    uint32_t finished = done.load(std::memory_order_acquire);
    for (int i = 0; i < kSpins && finished != count; ++i) {
      pause();
      finished = done.load(std::memory_order_acquire);
    }
    if (finished == count)
      return;
    done.wait(finished, std::memory_order_acquire);
  }
}

} // namespace tl
