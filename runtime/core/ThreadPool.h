// A small pool that hands out the tiles of one kernel call at a time. The
// caller takes part; idle workers spin for some microseconds, then sleep on a
// futex, so that the calls of a step follow each other without system calls
// and an idle program costs nothing. Which thread runs which tile is left to
// chance: tiles write disjoint bytes, so no result depends on it.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace tl {

class ThreadPool {
public:
  using TileFunction = void (*)(void *context, int64_t tile, uint32_t thread);

  // `threads` counts the caller; 1 starts none.
  explicit ThreadPool(uint32_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  uint32_t size() const { return uint32_t(workers.size()) + 1; }

  // Runs tiles 0 .. count-1 (count below 2^32) and returns when all are done.
  void run(uint32_t count, TileFunction function, void *context);

private:
  void worker(uint32_t thread);
  void help(uint32_t thread);
  void stop();

  std::vector<std::thread> workers;
  // Job number in the high half, tiles not yet claimed in the low half. A
  // claim is a compare-and-swap, so a late worker can never take a tile of a
  // job other than the one it looked at; the fields below are stable from a
  // successful claim until that tile is done.
  std::atomic<uint64_t> unclaimed{0};
  std::atomic<uint32_t> job{0};
  std::atomic<uint32_t> done{0};
  std::atomic<bool> stopping{false};
  uint32_t tiles = 0;
  TileFunction tileFunction = nullptr;
  void *tileContext = nullptr;
};

} // namespace tl
