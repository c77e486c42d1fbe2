// Makes things on several threads ahead of whoever consumes them: pictures from
// files, batches of pixels. They come in their order, whatever thread made
// them, and only a bounded number waits, so that a large set does not fill the
// memory.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

namespace tl::data {

template <typename T> class Ahead {
public:
  // Makes thing `index`; called on several threads at once, each index once.
  using Make = std::function<T(size_t index)>;

  // `most`: how many may wait, at least 1.
  Ahead(size_t count, Make make, unsigned threads, size_t most)
      : count(count), make(std::move(make)), waiting(most) {
    try {
      for (size_t i = 0; i < std::min<size_t>(std::max(threads, 1u), count);
           ++i)
        this->threads.emplace_back([this] { work(); });
    } catch (const std::system_error &) {
      // Fewer threads than asked for, or none: next() then works itself.
    }
  }

  // May come before all is consumed.
  ~Ahead() {
    {
      std::lock_guard lock(mutex);
      stopping = true;
    }
    room.notify_all();
    for (std::thread &thread : threads)
      thread.join();
  }
  Ahead(const Ahead &) = delete;
  Ahead &operator=(const Ahead &) = delete;

  // Waits for the next thing; nothing after the last. One consumer. Throws what
  // `make` threw for it.
  std::optional<T> next() {
    if (consumed == count)
      return std::nullopt;
    if (threads.empty())
      return make(consumed++);
    Slot slot;
    {
      std::unique_lock lock(mutex);
      Slot &made = waiting[consumed % waiting.size()];
      ready.wait(lock, [&] { return made.value || made.thrown; });
      std::swap(slot, made);
      ++consumed;
    }
    room.notify_one();
    if (slot.thrown)
      std::rethrow_exception(slot.thrown);
    return std::move(slot.value);
  }

private:
  struct Slot {
    std::optional<T> value;
    std::exception_ptr thrown;
  };

  Slot fill(size_t index) const {
    Slot slot;
    try {
      slot.value.emplace(make(index));
    } catch (...) {
      slot.thrown = std::current_exception();
    }
    return slot;
  }

  void work() {
    for (;;) {
      size_t index;
      {
        std::unique_lock lock(mutex);
        room.wait(lock, [&] {
          return stopping || taken == count ||
                 taken < consumed + waiting.size();
        });
        if (stopping || taken == count)
          return;
        index = taken++;
      }
      Slot slot = fill(index);
      {
        std::lock_guard lock(mutex);
        waiting[index % waiting.size()] = std::move(slot);
      }
      ready.notify_one();
    }
  }

  const size_t count;
  const Make make;
  std::mutex mutex;
  std::condition_variable ready, room;
  std::vector<Slot> waiting; // ring, by index
  size_t taken = 0;          // indices that threads have begun
  size_t consumed = 0;       // indices given out
  bool stopping = false;
  std::vector<std::thread> threads;
};

} // namespace tl::data
