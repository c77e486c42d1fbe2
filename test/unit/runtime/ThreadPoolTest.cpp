// The pool hands out each tile once, whatever the counts, again and again.
#include "runtime/core/ThreadPool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <memory>

using namespace tl;

namespace {

struct Counts {
  std::vector<std::atomic<uint32_t>> tiles;
  std::atomic<uint32_t> badThread{0};
  uint32_t threads;
};

void count(void *context, int64_t tile, uint32_t thread) {
  auto &counts = *static_cast<Counts *>(context);
  counts.tiles[size_t(tile)].fetch_add(1);
  if (thread >= counts.threads)
    counts.badThread.fetch_add(1);
}

TEST(ThreadPool, EachTileRunsOnce) {
  for (uint32_t threads : {1u, 2u, 5u}) {
    ThreadPool pool(threads);
    for (uint32_t round = 0; round < 3000; ++round) {
      uint32_t tiles = 1 + round % 97;
      Counts counts{std::vector<std::atomic<uint32_t>>(tiles), {}, threads};
      pool.run(tiles, count, &counts);
      for (uint32_t t = 0; t < tiles; ++t)
        ASSERT_EQ(counts.tiles[t].load(), 1u)
            << threads << " threads, tile " << t << " of " << tiles;
      ASSERT_EQ(counts.badThread.load(), 0u);
    }
  }
}

// Workers that have gone to sleep wake up, and a pool may end asleep.
TEST(ThreadPool, SleepersWakeAndStop) {
  ThreadPool pool(3);
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    Counts counts{std::vector<std::atomic<uint32_t>>(64), {}, 3};
    pool.run(64, count, &counts);
    for (auto &tile : counts.tiles)
      ASSERT_EQ(tile.load(), 1u);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

// Workers without work sleep: the process's own CPU time stands still. Three
// that spin would use up to 900 ms of it; a busy machine can only lower that.
TEST(ThreadPool, IdleWorkersUseNoProcessor) {
  ThreadPool pool(4);
  Counts counts{std::vector<std::atomic<uint32_t>>(64), {}, 4};
  pool.run(64, count, &counts);
  std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_LT(std::clock() - before, CLOCKS_PER_SEC / 20);
}

} // namespace
