// What the mapping of a file keeps in memory.
#include "runtime/core/Container.h"
#include "TestModel.h"
#include "runtime/core/Memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

using namespace tl;
using namespace tl::test;

namespace {

constexpr uint64_t kLimit = uint64_t(1) << 30;

// Of the pages that hold these bytes, those that are in this process's memory:
// bit 63 of their words in pagemap (Linux, Documentation/admin-guide/mm).
uint64_t pagesPresent(const uint8_t *first, uint64_t count) {
  auto page = uint64_t(sysconf(_SC_PAGESIZE));
  uint64_t begin = uint64_t(first) / page;
  uint64_t end = (uint64_t(first) + count - 1) / page + 1;
  std::vector<uint64_t> words(end - begin);
  int file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  ssize_t read = pread(file, words.data(), words.size() * 8, off_t(begin * 8));
  close(file);
  EXPECT_EQ(read, ssize_t(words.size() * 8));
  return uint64_t(std::count_if(words.begin(), words.end(),
                                [](uint64_t word) { return word >> 63; }));
}

class ContainerTest : public testing::Test {
protected:
  void SetUp() override { writeFile(path, file); }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::string folder = temporaryFolder(), path = folder + "/m.bin";
  std::vector<uint8_t> file = buildTestModel();
};

// The first byte of the file; metadata begins right after the header.
const uint8_t *begin(const Container &container) {
  return container.segment(0) - container.model().segments()->Get(0)->offset();
}

// What was released takes no memory, and reads as before.
TEST_F(ContainerTest, ReleasesAFilesPages) {
  Container container(path.c_str(), kLimit);
  const uint8_t *first = begin(container);
  uint64_t size = container.size(), page = uint64_t(sysconf(_SC_PAGESIZE));
  ASSERT_EQ(pagesPresent(first, size), (size + page - 1) / page);
  container.release();
  EXPECT_EQ(pagesPresent(first, size / page * page), 0u);
  EXPECT_TRUE(std::equal(file.begin(), file.end(), first));
}

// Pages that hold other bytes as well stay; so do all where nothing is mapped.
TEST_F(ContainerTest, ReleasesNoOtherBytes) {
  Container container(path.c_str(), kLimit);
  const uint8_t *first = begin(container);
  uint64_t size = container.size(), page = uint64_t(sysconf(_SC_PAGESIZE));
  ASSERT_GT(size, page);
  uint64_t present = pagesPresent(first, size);
  container.release(first + 1, page);
  EXPECT_EQ(pagesPresent(first, size), present);
  container.release(file.data(), file.size());
  EXPECT_EQ(pagesPresent(first, size), present);

  OpenModel lent(file);
  std::vector<uint8_t> copy = file;
  Container borrowed(lent.memory.get(), file.size(), kLimit);
  borrowed.release();
  EXPECT_TRUE(std::equal(copy.begin(), copy.end(), lent.memory.get()));
}

// Memory that was discarded reads as fresh from the system, at its place.
TEST(Memory, DiscardsWhatItHolds) {
  Memory memory(uint64_t(1) << 16);
  uint8_t *place = memory.data();
  std::fill_n(place, memory.size(), uint8_t(7));
  memory.discard();
  EXPECT_EQ(memory.data(), place);
  EXPECT_EQ(std::count(place, place + memory.size(), 0),
            ptrdiff_t(memory.size()));
}

} // namespace
