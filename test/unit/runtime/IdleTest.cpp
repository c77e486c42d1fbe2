// What a session costs while nobody asks it anything.
#include "TestModel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include <unistd.h>

using namespace tl::test;

namespace {

struct TaskState {
  char state;           // R: running or ready, S: asleep
  uint64_t nanoseconds; // on a processor so far

  bool operator==(const TaskState &) const = default;
};

// Of this process's other threads (Linux, Documentation/filesystems/proc).
std::map<std::string, TaskState> otherThreads() {
  std::map<std::string, TaskState> all;
  for (auto &task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string path = task.path(), line;
    if (task.path().filename() == std::to_string(gettid()))
      continue;
    std::getline(std::ifstream(path + "/stat"), line);
    TaskState &here = all[path];
    here.state = line.at(line.rfind(')') + 2);
    std::ifstream(path + "/schedstat") >> here.nanoseconds;
  }
  return all;
}

// Threads that nothing is asked of come to rest, and do not run again until
// something is. However long that takes on a busy machine, they must.
TEST(Idle, SessionUsesNoProcessor) {
  constexpr uint32_t kBatch = 2048; // enough work for threads to be woken
  OpenModel open(buildTestModel());
  Session session = newSession(open.model, 3, kBatch);
  TestPictures pictures = makePictures(kBatch, 3);
  std::vector<float> values(kBatch * kTestFeatures);
  auto work = [&] {
    ASSERT_EQ(tl_session_read(session.get(), "features", pictures.pixels.data(),
                              kBatch, values.data(), nullptr),
              TL_STATUS_OK);
  };
  work();
  std::map<std::string, TaskState> resting;
  do {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    resting = otherThreads();
  } while (std::any_of(resting.begin(), resting.end(), [](const auto &task) {
    return task.second.state != 'S';
  }));
  ASSERT_EQ(resting.size(), 2u);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(otherThreads(), resting);
  work();
  EXPECT_NE(otherThreads(), resting);
}

} // namespace
