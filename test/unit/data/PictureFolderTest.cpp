// Folder layouts, labels, splits, and what must not hang or be counted.
#include "runtime/data/PictureFolder.h"

#include "test/unit/data/TemporaryFolder.h"

#include <gtest/gtest.h>
#include <set>

#include <sys/stat.h>

namespace tl::data {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> namesOf(const std::vector<PictureFile> &pictures) {
  std::vector<std::string> names;
  for (const PictureFile &picture : pictures)
    names.push_back(picture.relative);
  return names;
}

using Names = std::vector<std::string>;

// train/ and val/: classes in byte order (capitals first), files in byte order,
// spaces and accents as they are, dot files and files beside classes ignored.
TEST(PictureFolder, TrainAndVal) {
  TemporaryFolder folder;
  for (const char *name :
       {"train/bees/b.jpg", "train/bees/a b é.jpg", "train/Ants/x.png",
        "train/Ants/.hidden", "train/readme.txt", "val/bees/v.jpg"})
    folder.write(name, "x");
  Result<PictureFolder> set = scanTraining(folder.path, {}, 0.2);
  ASSERT_TRUE(set) << set.message();
  EXPECT_EQ(set->labels, (Names{"Ants", "bees"}));
  EXPECT_EQ(namesOf(set->training),
            (Names{"Ants/x.png", "bees/a b é.jpg", "bees/b.jpg"}));
  EXPECT_EQ(namesOf(set->validation), (Names{"bees/v.jpg"}));
  EXPECT_EQ(set->training[1].label, 1u);
  EXPECT_EQ(set->training[1].path, folder / "train/bees/a b é.jpg");
}

// Without a validation folder each class gives its share, the same whatever
// else lies in the folder, and never its last picture.
TEST(PictureFolder, SplitsByHash) {
  TemporaryFolder folder;
  for (int i = 0; i < 50; ++i)
    folder.write("a/" + std::to_string(i), "x");
  for (int i = 0; i < 10; ++i)
    folder.write("b/" + std::to_string(i), "x");
  folder.write("c/only", "x");
  Result<PictureFolder> set = scanTraining(folder.path, {}, 0.2);
  ASSERT_TRUE(set) << set.message();
  std::vector<int> counts(3);
  for (const PictureFile &picture : set->validation)
    ++counts[picture.label];
  EXPECT_EQ(counts, (std::vector<int>{10, 2, 0}));
  EXPECT_EQ(set->training.size() + set->validation.size(), 61u);

  // Another picture changes the choice for at most one of the others.
  Names before = namesOf(set->validation);
  folder.write("a/new", "x");
  set = scanTraining(folder.path, {}, 0.2);
  Names after = namesOf(set->validation);
  std::set<std::string> both(before.begin(), before.end());
  size_t kept = 0;
  for (const std::string &name : after)
    kept += both.count(name);
  EXPECT_GE(kept + 1, before.size());

  Result<PictureFolder> none = scanTraining(folder.path, {}, 0);
  EXPECT_TRUE(none->validation.empty());
}

// Which pictures validate is part of results: it can never change.
TEST(PictureFolder, SplitIsPinned) {
  TemporaryFolder folder;
  for (int i = 0; i < 10; ++i)
    folder.write("a/" + std::to_string(i), "x");
  Result<PictureFolder> set = scanTraining(folder.path, {}, 0.3);
  EXPECT_EQ(namesOf(set->validation), (Names{"a/0", "a/2", "a/3"}));
}

// Labels of the model give the order; the folders must be that very set.
TEST(PictureFolder, LabelsOfTheModel) {
  TemporaryFolder folder;
  folder.write("ants/1", "x");
  folder.write("bees/1", "x");
  Names reversed = {"bees", "ants"};
  Result<PictureFolder> set = scanTraining(folder.path, reversed, 0);
  ASSERT_TRUE(set) << set.message();
  EXPECT_EQ(set->labels, reversed);
  EXPECT_EQ(set->training[0].relative, "ants/1");
  EXPECT_EQ(set->training[0].label, 1u);

  Names missing = {"ants", "bees", "wasps"};
  EXPECT_EQ(scanTraining(folder.path, missing, 0).message(),
            folder.path + ": there is no folder for the model's class 'wasps'; "
                          "there are folders 'ants', 'bees'");
  Names fewer = {"ants"};
  EXPECT_EQ(scanTraining(folder.path, fewer, 0).message(),
            folder / "bees: 'bees' is not one of the model's classes: 'ants'");
}

// To evaluate: the validation folder, or the classes directly; some may be
// missing, none may be unknown.
TEST(PictureFolder, Evaluation) {
  TemporaryFolder folder;
  folder.write("train/ants/1", "x");
  folder.write("valid/bees/2", "x");
  Names labels = {"ants", "bees"};
  Result<PictureFolder> set = scanEvaluation(folder.path, labels);
  ASSERT_TRUE(set) << set.message();
  EXPECT_EQ(namesOf(set->validation), (Names{"bees/2"}));
  EXPECT_EQ(set->validation[0].label, 1u);
  set = scanEvaluation(folder / "train", labels);
  EXPECT_EQ(namesOf(set->validation), (Names{"ants/1"}));
  EXPECT_EQ(scanEvaluation(folder.path, {})->labels, (Names{"bees"}));
  Names others = {"ants", "wasps"};
  EXPECT_FALSE(scanEvaluation(folder.path, others));
  folder.write("validation/bees/3", "x");
  EXPECT_NE(scanEvaluation(folder.path, labels).message().find("could be the"),
            std::string::npos);
}

// Links back up, links to one folder twice, FIFOs, broken links, empty class
// folders: everything ends, and what is no file is named.
TEST(PictureFolder, NothingHangs) {
  TemporaryFolder folder;
  folder.write("a/deep/1", "x");
  fs::create_directories(folder / "empty");
  fs::create_directory_symlink(folder / "a", folder / "a/deep/loop");
  fs::create_directory_symlink(folder / "a/deep", folder / "a/again");
  fs::create_symlink(folder / "nowhere", folder / "a/broken");
  ASSERT_EQ(mkfifo((folder / "a/fifo").c_str(), 0600), 0);
  Result<PictureFolder> set = scanTraining(folder.path, {}, 0.2);
  ASSERT_TRUE(set) << set.message();
  EXPECT_EQ(set->labels, (Names{"a", "empty"}));
  EXPECT_EQ(set->training.size(), 1u);
  ASSERT_EQ(set->skipped.size(), 2u);
  EXPECT_EQ(set->skipped[0].path, folder / "a/broken");
  EXPECT_EQ(set->skipped[1].reason, "not a regular file");
}

// The mistakes of a first run.
TEST(PictureFolder, Errors) {
  TemporaryFolder folder;
  EXPECT_EQ(scanTraining(folder / "none", {}, 0).message(),
            folder / "none: there is no such folder");
  folder.write("file", "x");
  EXPECT_EQ(scanTraining(folder / "file", {}, 0).message(),
            folder / "file: not a folder");
  EXPECT_EQ(scanTraining(folder.path, {}, 0).message(),
            folder.path + ": there are no class folders in it; expected one "
                          "folder of pictures for each class");
}

} // namespace
} // namespace tl::data
