// Things made ahead on several threads: order, bounds, exceptions, stopping.
#include "runtime/data/Ahead.h"

#include <atomic>
#include <gtest/gtest.h>
#include <stdexcept>

namespace tl::data {
namespace {

// Things come in their order with any number of threads, far more of them than
// may wait at once, each made once.
TEST(Ahead, KeepsTheOrder) {
  for (unsigned threads : {0u, 1u, 2u, 5u})
    for (size_t most : {1u, 7u, 1000u}) {
      std::vector<std::atomic<int>> made(300);
      Ahead<size_t> things(
          made.size(),
          [&](size_t index) {
            ++made[index];
            return index * index;
          },
          threads, most);
      for (size_t i = 0; i < made.size(); ++i)
        ASSERT_EQ(things.next(), i * i);
      EXPECT_FALSE(things.next());
      for (const std::atomic<int> &times : made)
        EXPECT_EQ(times, 1);
    }
}

// No more are made than may wait, until some are consumed.
TEST(Ahead, WaitsForTheConsumer) {
  std::atomic<size_t> furthest = 0;
  Ahead<size_t> things(
      100,
      [&](size_t index) {
        size_t seen = furthest;
        while (index > seen && !furthest.compare_exchange_weak(seen, index)) {
        }
        return index;
      },
      3, 4);
  for (size_t i = 0; i < 100; ++i) {
    EXPECT_LT(furthest, i + 4);
    things.next();
  }
}

// What is thrown for one thing is thrown where it is consumed, and only there.
TEST(Ahead, ThrowsInPlace) {
  Ahead<int> things(
      20,
      [](size_t index) {
        if (index == 7)
          throw std::runtime_error("seven");
        return int(index);
      },
      3, 4);
  for (int i = 0; i < 20; ++i) {
    if (i == 7)
      EXPECT_THROW(things.next(), std::runtime_error);
    else
      EXPECT_EQ(things.next(), i);
  }
}

// Leaving early ends the threads, with the queue full and with it empty.
TEST(Ahead, StopsEarly) {
  auto make = [](size_t index) { return index; };
  Ahead<size_t> untouched(500, make, 3, 8), begun(500, make, 3, 8);
  EXPECT_TRUE(begun.next());
}

} // namespace
} // namespace tl::data
