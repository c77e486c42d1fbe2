// Rows of one run: memory first, then a file that nobody sees; what cannot be
// had is missing, without a failure.
#include "runtime/data/RowStore.h"

#include "runtime/data/Room.h"
#include "test/unit/data/TemporaryFolder.h"

#include <csignal>
#include <cstring>
#include <gtest/gtest.h>

#include <sys/resource.h>

namespace tl::data {
namespace {

namespace fs = std::filesystem;

// Every row keeps its own bytes, on either side of the border between memory
// and file; the folder stays empty.
TEST(RowStore, KeepsRows) {
  TemporaryFolder folder;
  RowStore store(1000, 5, 7, folder / "new/deeper");
  EXPECT_EQ(store.problem(), "");
  EXPECT_EQ(store.memoryRows(), 5u);
  EXPECT_EQ(store.fileRows(), 7u);
  EXPECT_TRUE(fs::is_empty(folder / "new/deeper"));
  for (uint64_t i = 0; i < 12; ++i) {
    ASSERT_TRUE(store.holds(i));
    EXPECT_EQ(store.row(i)[999], 0);
    std::memset(store.row(i), int(i + 1), 1000);
  }
  EXPECT_FALSE(store.holds(12));
  RowStore moved(std::move(store));
  EXPECT_FALSE(store.holds(0)); // NOLINT: moved from, and empty
  for (uint64_t i = 0; i < 12; ++i) {
    EXPECT_EQ(moved.row(i)[0], i + 1);
    EXPECT_EQ(moved.row(i)[999], i + 1);
  }
}

// Nothing asked for, nothing made: no folder either.
TEST(RowStore, Empty) {
  TemporaryFolder folder;
  RowStore store(1000, 0, 0, folder / "rows");
  EXPECT_FALSE(store.holds(0));
  EXPECT_EQ(store.problem(), "");
  EXPECT_FALSE(fs::exists(folder / "rows"));
}

// A disk that is full (here: a limit on the size of files), a folder that
// cannot be made, more memory than there are addresses: rows are missing, and
// the reason is known.
TEST(RowStore, NoRoom) {
  TemporaryFolder folder;
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 4096;
  setrlimit(RLIMIT_FSIZE, &small);
  RowStore full(1000, 2, 10, folder.path);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_NE(full.problem().find("no room for a file of 10000 bytes"),
            std::string::npos)
      << full.problem();
  EXPECT_TRUE(full.holds(1));
  EXPECT_FALSE(full.holds(2));
  EXPECT_TRUE(fs::is_empty(folder.path));

  RowStore nowhere(1000, 0, 1, folder.write("file", "x") + "/rows");
  EXPECT_NE(nowhere.problem(), "");
  EXPECT_FALSE(nowhere.holds(0));
  RowStore huge(uint64_t(1) << 30, uint64_t(1) << 30, 0, folder.path);
  EXPECT_NE(huge.problem(), "");
  EXPECT_FALSE(huge.holds(0));
}

// Both figures are there on any Linux, also for a folder yet to be made.
TEST(Room, IsKnown) {
  TemporaryFolder folder;
  EXPECT_GT(availableMemory(), uint64_t(1) << 20);
  EXPECT_GT(freeDisk(folder / "not/there"), 0u);
  EXPECT_NE(freeDisk("relative"), 0u);
}

} // namespace
} // namespace tl::data
