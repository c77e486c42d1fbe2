// The feature cache: what comes back, and everything that may go wrong with
// files without the run noticing more than a miss.
#include "runtime/data/FeatureCache.h"

#include "test/unit/data/TemporaryFolder.h"

#include <array>
#include <csignal>
#include <gtest/gtest.h>
#include <thread>

#include <sys/resource.h>

namespace tl::data {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kFloats = 100;
using Row = std::array<float, kFloats>;

Row makeRow(int seed) {
  Row row;
  for (size_t i = 0; i < kFloats; ++i)
    row[i] = float(seed) + float(i) / 1000;
  return row;
}

Hash128 keyOf(int i) { return {uint64_t(i) * 7919, uint64_t(i)}; }

FeatureCacheOptions optionsFor(const TemporaryFolder &folder,
                               uint64_t context = 1) {
  FeatureCacheOptions options;
  options.folder = folder / "cache/deeper";
  options.context = {context, 99};
  options.rowFloats = kFloats;
  return options;
}

void fill(const FeatureCacheOptions &options, int first, int count) {
  FeatureCache cache(options);
  for (int i = first; i < first + count; ++i)
    cache.write(keyOf(i), makeRow(i).data());
  cache.commit();
  EXPECT_EQ(cache.problem(), "");
}

int countHits(const FeatureCacheOptions &options, int first, int count) {
  FeatureCache cache(options);
  int hits = 0;
  for (int i = first; i < first + count; ++i) {
    Row row{};
    if (!cache.read(keyOf(i), row.data()))
      continue;
    EXPECT_EQ(row, makeRow(i)) << i;
    ++hits;
  }
  return hits;
}

std::vector<fs::path> filesIn(const FeatureCacheOptions &options) {
  std::vector<fs::path> files;
  for (const auto &entry : fs::directory_iterator(options.folder))
    files.push_back(entry.path());
  return files;
}

// Rows come back in another run, for their context and row size only.
TEST(FeatureCache, KeepsRows) {
  TemporaryFolder folder;
  FeatureCacheOptions options = optionsFor(folder);
  fill(options, 0, 10);
  fill(options, 10, 5);
  EXPECT_EQ(countHits(options, 0, 20), 15);
  EXPECT_EQ(countHits(optionsFor(folder, 2), 0, 20), 0);
  EXPECT_EQ(filesIn(options).size(), 2u);
}

// Rows that were not committed leave no file, also no temporary one.
TEST(FeatureCache, UncommittedRowsVanish) {
  TemporaryFolder folder;
  FeatureCacheOptions options = optionsFor(folder);
  {
    FeatureCache cache(options);
    cache.write(keyOf(1), makeRow(1).data());
  }
  EXPECT_TRUE(filesIn(options).empty());
}

// Any byte flipped, any length cut: a miss or the right values, never others.
TEST(FeatureCache, DamageIsAMiss) {
  TemporaryFolder folder;
  FeatureCacheOptions options = optionsFor(folder);
  fill(options, 0, 3);
  fs::path pack = filesIn(options).at(0);
  std::ifstream in(pack, std::ios::binary);
  std::string whole{std::istreambuf_iterator<char>(in), {}};
  auto rewrite = [&](const std::string &content) {
    std::ofstream(pack, std::ios::binary) << content;
  };
  int lost = 0;
  for (size_t at = 0; at < whole.size(); at += 5) {
    std::string damaged = whole;
    damaged[at] = char(damaged[at] ^ 0x40);
    rewrite(damaged);
    lost += 3 - countHits(options, 0, 3); // Right values only: checked inside.
  }
  EXPECT_GT(lost, int(whole.size() / 5) - 1);
  for (size_t size = 0; size < whole.size(); size += 13) {
    rewrite(whole.substr(0, size));
    EXPECT_EQ(countHits(options, 0, 3), 0) << size;
  }
  rewrite(whole + "x");
  EXPECT_EQ(countHits(options, 0, 3), 0);
  // Refused files are gone, so that a new run can write good ones.
  EXPECT_TRUE(filesIn(options).empty());
}

// A pack cut short while it is open: misses, no crash.
TEST(FeatureCache, TruncatedWhileOpen) {
  TemporaryFolder folder;
  FeatureCacheOptions options = optionsFor(folder);
  fill(options, 0, 10);
  FeatureCache cache(options);
  fs::resize_file(filesIn(options).at(0), 1000);
  Row row;
  EXPECT_TRUE(cache.read(keyOf(0), row.data()));
  EXPECT_FALSE(cache.read(keyOf(9), row.data()));
}

// Past the limit the packs that were unused for longest go, never the new one.
TEST(FeatureCache, EvictsTheOldest) {
  TemporaryFolder folder;
  for (uint64_t context : {1, 2, 3}) {
    fill(optionsFor(folder, context), 0, 10);
    for (const fs::path &path : filesIn(optionsFor(folder)))
      fs::last_write_time(path,
                          fs::last_write_time(path) - std::chrono::hours(1));
  }
  EXPECT_EQ(countHits(optionsFor(folder, 1), 0, 10), 10); // Used: newest now.
  FeatureCacheOptions last = optionsFor(folder, 4);
  last.maxBytes = 3 * fs::file_size(filesIn(last).at(0));
  fill(last, 0, 10);
  EXPECT_EQ(countHits(optionsFor(folder, 1), 0, 10), 10);
  EXPECT_EQ(countHits(optionsFor(folder, 2), 0, 10), 0);
  EXPECT_EQ(countHits(optionsFor(folder, 3), 0, 10), 10);
  EXPECT_EQ(countHits(last, 0, 10), 10);
}

// Full packs are finished on the way, so that a kill loses little.
TEST(FeatureCache, FinishesFullPacks) {
  TemporaryFolder folder;
  FeatureCacheOptions options = optionsFor(folder);
  options.packBytes = 4 * kFloats * sizeof(float);
  {
    FeatureCache cache(options);
    for (int i = 0; i < 10; ++i)
      cache.write(keyOf(i), makeRow(i).data());
  }
  EXPECT_EQ(countHits(options, 0, 10), 8);
}

// A disk that is full (here: a limit on the size of files) costs the rows, not
// the run, and leaves no remains.
TEST(FeatureCache, FullDisk) {
  TemporaryFolder folder;
  FeatureCacheOptions options = optionsFor(folder);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 1000;
  setrlimit(RLIMIT_FSIZE, &small);
  FeatureCache cache(options);
  for (int i = 0; i < 10; ++i)
    cache.write(keyOf(i), makeRow(i).data());
  cache.commit();
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_NE(cache.problem(), "");
  EXPECT_TRUE(filesIn(options).empty());
}

// A folder that cannot be made is a note, not a failure.
TEST(FeatureCache, UnusableFolder) {
  TemporaryFolder folder;
  FeatureCacheOptions options = optionsFor(folder);
  options.folder = folder.write("file", "x") + "/cache";
  FeatureCacheOptions none;
  EXPECT_EQ(FeatureCache(none).problem(), "no folder for them is known");
  FeatureCache cache(options);
  EXPECT_TRUE(cache.problem().starts_with(options.folder + ": "));
  cache.write(keyOf(1), makeRow(1).data());
  cache.commit();
  Row row;
  EXPECT_FALSE(cache.read(keyOf(1), row.data()));
}

// Several writers and readers in one folder, as several processes would be.
TEST(FeatureCache, SharedFolder) {
  TemporaryFolder folder;
  FeatureCacheOptions options = optionsFor(folder);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int round = 0; round < 5; ++round) {
        fill(options, t / 2 * 100, 50); // Two of them write the same rows.
        countHits(options, 0, 200);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(countHits(options, 0, 200), 100);
}

} // namespace
} // namespace tl::data
