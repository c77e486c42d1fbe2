// Decodes and resizes pictures on several threads ahead of whoever consumes
// them. Results come in the order of the paths, whatever thread made them, and
// only a bounded number waits, so that a large set does not fill the memory.
#pragma once

#include "runtime/data/Hash.h"
#include "runtime/data/Preprocess.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace tl::data {

struct LoadedPicture {
  size_t index = 0;   // into the paths
  std::string error;  // not empty: unreadable, and why; starts with the path
  bool known = false; // Loader::Known said so: not decoded
  Hash128 hash;       // of the file's bytes
  Prepared pixels;    // of the network's size
};

class Loader {
public:
  // Called on the loader's threads with a file's hash before it is decoded;
  // true: what the pixels are wanted for is known already.
  using Known = std::function<bool(size_t index, const Hash128 &)>;

  Loader(std::vector<std::string> paths, Preprocess preprocess,
         unsigned threads, Known known = nullptr);
  ~Loader(); // may come before all is read
  Loader(const Loader &) = delete;
  Loader &operator=(const Loader &) = delete;

  // Waits for the next picture; nothing after the last. One consumer.
  std::optional<LoadedPicture> next();

private:
  LoadedPicture load(size_t index) const;
  void work();

  const std::vector<std::string> paths;
  const Preprocess preprocess;
  const Known known;

  std::mutex mutex;
  std::condition_variable ready, room;
  std::vector<std::optional<LoadedPicture>> waiting; // ring, by index
  size_t taken = 0;    // indices that threads have begun
  size_t consumed = 0; // indices given out
  bool stopping = false;
  std::vector<std::thread> threads;
};

} // namespace tl::data
