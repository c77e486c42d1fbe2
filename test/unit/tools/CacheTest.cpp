// What a run keeps: no budget, no cache, no order of events changes a byte of
// the trained file, with one frontier or several, with views or without.
#include "test/unit/tools/TlrunFixture.h"

namespace tl::tools {
namespace {

namespace fs = std::filesystem;
using test::linesOf;
using test::SecondStart;

// A row of features has 32 bytes, a resized picture 48; there are 27 pictures
// to train on and 9 to validate with.
class Cache : public test::Tlrun {
protected:
  void build(SecondStart second, std::optional<uint32_t> views = {},
             float mixup = 0) {
    test::TestModelOptions options;
    options.second = second;
    options.mixed = mixup != 0;
    options.change = [=](schema::ModelT &model) {
      model.train->mixup = mixup;
      if (!views)
        return;
      model.train->augment = std::make_unique<schema::AugmentT>();
      model.train->augment->brightness = 0.3f;
      model.train->augment->hue = 0.1f;
      model.train->augment->views = *views;
    };
    test::writeFile(folder / "m.bin", test::buildTestModel(options));
  }

  // The trained file's bytes.
  std::string train(const std::string &options) {
    EXPECT_EQ(run("m.bin --train pictures -o t.bin " + options), 0)
        << options << "\n"
        << err;
    std::string bytes = file("t.bin");
    fs::remove(folder / "t.bin");
    return bytes;
  }

  bool says(const std::string &line) const {
    std::vector<std::string> lines = linesOf(out);
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  }

  // Everything in memory, some of it on the disk, nothing anywhere: with each
  // budget the same bytes, cold and warm.
  void expectNoByteChanges() {
    std::string expected = train("--cache-dir roomy");
    for (const char *budget :
         {"--cache-dir roomy", "--cache-memory 0 --cache-disk 0",
          "--cache-memory 500 --cache-disk 0",
          "--cache-memory 500 --cache-disk 700 --cache-dir small",
          "--cache-memory 500 --cache-disk 700 --cache-dir small",
          "--cache-memory 1K --cache-disk 1M --threads 5", "--no-cache",
          "--no-cache --cache-memory 0 --threads 1",
          "--no-cache --cache-memory 600 --threads 3"})
      EXPECT_EQ(train(budget), expected) << budget;
    EXPECT_NE(train("--seed 99"), expected) << "the comparison can fail";
  }
};

// Both phases train on the same features.
TEST_F(Cache, OneFrontier) { expectNoByteChanges(); }

// Each phase has its own, extracted in one pass.
TEST_F(Cache, TwoFrontiers) {
  build(SecondStart::ownFrontier);
  expectNoByteChanges();
}

// The second phase trains everything, and so has no features to keep.
TEST_F(Cache, PixelsAsFrontier) {
  build(SecondStart::pixels);
  expectNoByteChanges();
}

// More views than epochs of a phase: each keeps those that it shows.
TEST_F(Cache, Views) {
  std::string plain = train("");
  build(SecondStart::sameFrontier, 4);
  expectNoByteChanges();
  EXPECT_NE(train(""), plain);
}

// Three views in two phases of three epochs: the second phase begins where the
// first ended, with every view once more.
TEST_F(Cache, ViewsOfTwoFrontiers) {
  for (SecondStart second : {SecondStart::ownFrontier, SecondStart::pixels}) {
    build(second, 3);
    expectNoByteChanges();
  }
}

// Fresh views: features of training pictures are never kept, those of
// validation pictures are.
TEST_F(Cache, UnlimitedViews) {
  build(SecondStart::sameFrontier, 0);
  expectNoByteChanges();
  train("--cache-dir rows");
  EXPECT_TRUE(says("features: 0 of an earlier run, 9 computed")) << out;
  train("--cache-dir rows");
  EXPECT_TRUE(says("features: 9 of an earlier run, 0 computed")) << out;
}

// A second run finds all that the first computed, another head too; another
// augmentation finds what was not changed, and other weights nothing.
TEST_F(Cache, StartsWarm) {
  build(SecondStart::sameFrontier, 3);
  train("--cache-dir rows");
  EXPECT_TRUE(says("features: 0 of an earlier run, 90 computed")) << out;
  train("--cache-dir rows");
  EXPECT_TRUE(says("features: 90 of an earlier run, 0 computed")) << out;
  train("--cache-dir rows --epochs 1"); // Two epochs, two of three views.
  EXPECT_TRUE(says("features: 63 of an earlier run, 0 computed")) << out;
  build(SecondStart::sameFrontier, 4); // One view more.
  train("--cache-dir rows");
  EXPECT_TRUE(says("features: 90 of an earlier run, 27 computed")) << out;
  train("--cache-dir rows --seed 5"); // Other views; validation is the same.
  EXPECT_TRUE(says("features: 9 of an earlier run, 108 computed")) << out;
  build(SecondStart::sameFrontier); // No views.
  train("--cache-dir rows");
  EXPECT_TRUE(says("features: 9 of an earlier run, 27 computed")) << out;
}

// The hash of a file's bytes decides, wherever it lies now and whatever its
// name.
TEST_F(Cache, KnowsPicturesByTheirBytes) {
  train("--cache-dir rows");
  fs::rename(folder / "pictures/train/blue/0.png",
             folder / "pictures/train/blue/00.jpg");
  train("--cache-dir rows");
  EXPECT_TRUE(says("features: 36 of an earlier run, 0 computed")) << out;
}

// Validation pictures are never changed: the log's last loss is the one that
// --evaluate finds.
TEST_F(Cache, ValidationIsNotAugmented) {
  build(SecondStart::sameFrontier, 2);
  ASSERT_EQ(run("m.bin --train pictures -o t.bin --log log.jsonl"), 0) << err;
  std::string log = file("log.jsonl");
  std::string last = log.substr(log.rfind("\"epoch\""));
  std::string key = "\"val_loss\":";
  double logged = std::stod(last.substr(last.find(key) + key.size()));
  ASSERT_EQ(run("t.bin --evaluate pictures --json"), 0) << err;
  double evaluated = std::stod(out.substr(out.find("\"loss\":") + 7));
  EXPECT_NEAR(logged, evaluated, 1e-6); // The log's is a float.
}

// A cache folder that cannot be made: a warning, and the same file.
TEST_F(Cache, NoDisk) {
  std::string expected = train("");
  folder.write("taken", "a file");
  EXPECT_EQ(
      train("--cache-dir taken/deeper --cache-memory 500 --cache-disk 1M"),
      expected);
  EXPECT_NE(err.find("what finds no room is computed again"), std::string::npos)
      << err;
}

// Mixup needs the pixels of training pictures at each step; with each budget
// they are the same.
TEST_F(Cache, Mixup) {
  build(SecondStart::ownFrontier, 3, 0.2f);
  expectNoByteChanges();
  EXPECT_TRUE(says("features: 18 of an earlier run, 0 computed")) << out;
}

// Sizes that are none, and sizes for a verb that keeps nothing.
TEST_F(Cache, BadSizes) {
  EXPECT_EQ(run("m.bin --train pictures --cache-memory lots"), 1);
  EXPECT_NE(err.find("--cache-memory"), std::string::npos) << err;
  fails("m.bin --info --cache-disk 1G", "--cache-disk goes with --train");
}

// The figures before the work: rows, bytes and where they lie. Two frontiers of
// 8 floats; 3 of 4 views in 3 epochs; 2000 bytes are 62 rows of 32, and 16 are
// left, too few for another; 1000 bytes are 31, of which the first frontier
// takes 28.
TEST_F(Cache, Estimate) {
  build(SecondStart::ownFrontier, 4);
  train("--cache-memory 2000 --cache-disk 1000 --cache-dir rows");
  EXPECT_TRUE(says("pictures: 27 to train on, 4 views of each, 9 to validate "
                   "with"));
  EXPECT_TRUE(says("features of first: 8 floats x 90 rows = 2.9 kB: 2.0 kB in "
                   "memory, 896 B on disk"));
  EXPECT_TRUE(says("features of second: 8 floats x 90 rows = 2.9 kB: 96 B on "
                   "disk, 87 of 90 rows computed at each step"));
  EXPECT_TRUE(says("resized pictures: 48 B x 33 = 1.6 kB: 33 of 33 rows "
                   "decoded at each step"));
  // 8 x 3 weights and 3 biases of 4 bytes, and a momentum for each.
  EXPECT_NE(out.find(": parameters 108 B, optimizer 108 B, copies of both 216 "
                     "B, programs "),
            std::string::npos);
  EXPECT_NE(out.find(", cache 2.0 kB\n"), std::string::npos);
  EXPECT_NE(out.find("\ntime: "), std::string::npos);

  build(SecondStart::sameFrontier, 0);
  train("");
  EXPECT_TRUE(says("features of first, second: 8 floats x 9 rows = 288 B: 288 "
                   "B in memory; those to train on computed at each step"));

  build(SecondStart::pixels, 0);
  train("--no-cache");
  EXPECT_TRUE(says("pictures: 27 to train on, a new view of each in every "
                   "epoch, 9 to validate with"));
  EXPECT_TRUE(says("features of first: computed at each step"));
  EXPECT_TRUE(says("features of second: the pixels, nothing is frozen"));
  EXPECT_TRUE(says("resized pictures: 48 B x 36 = 1.7 kB: 1.7 kB in memory"));
}

} // namespace
} // namespace tl::tools
