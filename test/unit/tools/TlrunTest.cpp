// What a user of tlrun sees: files, exit codes, messages. The model is a small
// one of hand-written kernels; the end-to-end tests do the same with compiled
// ones where the compiler is built.
#include "runtime/data/Npy.h"
#include "test/unit/tools/TlrunFixture.h"

namespace tl::tools {
namespace {

using test::Tlrun;
namespace fs = std::filesystem;
using data::makeTinyPng;
using test::linesOf;

// The default name of the result, a line an epoch and a part, the log's keys.
TEST_F(Tlrun, Trains) {
  ASSERT_EQ(run("m.bin --train pictures --log log.jsonl --epochs 2"), 0) << err;
  EXPECT_EQ(err, "");
  std::vector<std::string> lines = linesOf(out);
  ASSERT_EQ(lines.size(), 12u) << out; // Two phases of two epochs.
  EXPECT_EQ(lines[5], "training on 27 pictures of 3 classes, validating on 9");
  EXPECT_TRUE(lines[6].starts_with("first 1/2  loss ")) << lines[6];
  EXPECT_EQ(lines[10], "saved m.trained.bin");
  EXPECT_EQ(lines[11], "report m.trained.report.html");
  std::vector<std::string> log = linesOf(file("log.jsonl"));
  // Two phases of two epochs, then the five parts of the run.
  ASSERT_EQ(log.size(), 9u);
  EXPECT_TRUE(log[2].starts_with("{\"phase\":\"second\",\"epoch\":1,"));
  for (const char *key : {"loss", "accuracy", "val_loss", "val_accuracy",
                          "seconds", "images_per_second"})
    EXPECT_NE(log[0].find(std::string("\"") + key + "\":"), std::string::npos);
  ASSERT_EQ(run("m.trained.bin --info"), 0) << err;
  EXPECT_NE(out.find("blue, green, red"), std::string::npos) << out;
}

// The same bytes with a cold cache, a warm one, none, and other threads.
TEST_F(Tlrun, CacheChangesNoByte) {
  ASSERT_EQ(run("m.bin --train pictures -o cold.bin --cache-dir rows"), 0);
  EXPECT_FALSE(fs::is_empty(folder / "rows"));
  ASSERT_EQ(run("m.bin --train pictures -o warm.bin --cache-dir rows"), 0);
  ASSERT_EQ(run("m.bin --train pictures -o none.bin --no-cache"), 0);
  ASSERT_EQ(run("m.bin --train pictures -o five.bin --threads 5"), 0);
  ASSERT_EQ(run("m.bin --train pictures -o seed.bin --seed 99"), 0);
  EXPECT_EQ(file("cold.bin"), file("warm.bin"));
  EXPECT_EQ(file("cold.bin"), file("none.bin"));
  EXPECT_EQ(file("cold.bin"), file("five.bin"));
  EXPECT_NE(file("cold.bin"), file("seed.bin"));
}

// A damaged cache is recomputed from, to the same bytes.
TEST_F(Tlrun, DamagedCache) {
  ASSERT_EQ(run("m.bin --train pictures -o cold.bin --cache-dir rows"), 0);
  for (const auto &entry : fs::directory_iterator(folder / "rows"))
    std::ofstream(entry.path(), std::ios::in | std::ios::out) << "damage";
  ASSERT_EQ(run("m.bin --train pictures -o again.bin --cache-dir rows"), 0);
  EXPECT_EQ(file("cold.bin"), file("again.bin"));
}

// Unreadable pictures are named and counted, and change nothing else.
TEST_F(Tlrun, SkipsBadPictures) {
  ASSERT_EQ(run("m.bin --train pictures -o good.bin"), 0);
  folder.write("pictures/train/blue/0 bad.png", "\x89PNG\r\n\x1a\nnot really");
  folder.write("pictures/val/red/bad.jpg", "text");
  ASSERT_EQ(run("m.bin --train pictures -o mixed.bin"), 0) << err;
  EXPECT_NE(err.find("tlrun: warning: skipped pictures/train/blue/0 bad.png: "
                     "damaged PNG: "),
            std::string::npos)
      << err;
  EXPECT_NE(err.find("tlrun: warning: 2 skipped in all\n"), std::string::npos);
  EXPECT_EQ(file("good.bin"), file("mixed.bin"));
  ASSERT_EQ(run("mixed.bin --evaluate pictures --json"), 0) << err;
  EXPECT_NE(out.find("\"count\":9,\"skipped\":1,"), std::string::npos) << out;

  EXPECT_EQ(run("m.bin --train pictures -o strict.bin --strict"), 1);
  EXPECT_NE(err.find("tlrun: error: pictures/train/blue/0 bad.png: "),
            std::string::npos);
  EXPECT_FALSE(fs::exists(folder / "strict.bin"));
}

// A class without a readable picture, or classes that are not the model's.
TEST_F(Tlrun, ClassesMustHavePictures) {
  for (const auto &entry :
       fs::directory_iterator(folder / "pictures/train/red"))
    std::ofstream(entry.path()) << "spoiled";
  EXPECT_EQ(run("m.bin --train pictures"), 1);
  EXPECT_EQ(linesOf(err).back(),
            "tlrun: error: class 'red' has no readable picture to train on");
  fs::remove_all(folder / "pictures/train/red");
  fs::remove_all(folder / "pictures/val/red");
  fails("m.bin --train pictures",
        "pictures: there are 2 class folders ('blue', "
        "'green'), the model has 3 classes");
}

// Where the result goes is checked before any work.
TEST_F(Tlrun, Output) {
  std::string before = file("m.bin");
  fails("m.bin --train pictures -o ./m.bin",
        "./m.bin: this is the input; give another -o, or --force to overwrite "
        "it");
  fails("m.bin --train pictures -o none/x.bin",
        "none/x.bin: there is no folder none");
  fails("m.bin --train pictures -o pictures",
        "pictures: is a folder, expected the name of a file");
  fails("m.bin --train pictures --log none/log",
        "none/log: the log cannot be written");
  EXPECT_EQ(file("m.bin"), before);
  EXPECT_EQ(run("m.bin --train pictures -o m.bin --force"), 0) << err;
  EXPECT_NE(file("m.bin"), before);
}

// A loss that explodes: exit 1, the phase named, the last good state kept.
TEST_F(Tlrun, NonFiniteLoss) {
  test::TestModelOptions options;
  options.learningRate = 1e38f;
  test::writeFile(folder / "wild.bin", test::buildTestModel(options));
  EXPECT_EQ(run("wild.bin --train pictures -o last.bin"), 1);
  EXPECT_TRUE(err.starts_with("tlrun: error: ")) << err;
  EXPECT_NE(err.find("first"), std::string::npos) << err;
  EXPECT_NE(err.find("; the last good state is in last.bin\n"),
            std::string::npos)
      << err;
  EXPECT_EQ(run("last.bin --info"), 0) << err;
}

// Text and JSON of the same evaluation; untrained files warn.
TEST_F(Tlrun, Evaluates) {
  ASSERT_EQ(run("m.bin --train pictures -o t.bin"), 0);
  ASSERT_EQ(run("t.bin --evaluate pictures --json"), 0) << err;
  EXPECT_TRUE(out.starts_with("{\"accuracy\":1.0,\"loss\":")) << out;
  EXPECT_NE(out.find("\"confusion\":[[3,0,0],[0,3,0],[0,0,3]]}"),
            std::string::npos)
      << out;
  ASSERT_EQ(run("t.bin --evaluate pictures/train"), 0) << err;
  EXPECT_NE(out.find("pictures 27  skipped 0"), std::string::npos) << out;
  fs::rename(folder / "pictures/val/red", folder / "pictures/val/pink");
  EXPECT_EQ(run("t.bin --evaluate pictures"), 1);
  EXPECT_NE(err.find("'pink' is not one of the model's classes"),
            std::string::npos);
  EXPECT_EQ(run("m.bin --evaluate pictures"), 0) << err;
  EXPECT_EQ(err, "tlrun: warning: m.bin is untrained: run --train first\n");
}

// What can be predicted is; a file that cannot be read makes the exit code 1.
TEST_F(Tlrun, Predicts) {
  ASSERT_EQ(run("m.bin --train pictures -o t.bin"), 0);
  std::string two = "pictures/val/red/9.png pictures/val/blue/9.png";
  ASSERT_EQ(run("t.bin --predict " + two + " --top 1"), 0) << err;
  std::vector<std::string> lines = linesOf(out);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[0].starts_with("pictures/val/red/9.png: red (red 0."));
  ASSERT_EQ(run("t.bin --json --predict " + two), 0) << err;
  EXPECT_TRUE(linesOf(out)[1].starts_with(
      "{\"file\":\"pictures/val/blue/9.png\",\"label\":\"blue\",\"scores\":{"
      "\"blue\":0."));
  EXPECT_EQ(run("t.bin --predict no.png " + two), 1);
  EXPECT_EQ(linesOf(out).size(), 2u);
  EXPECT_EQ(err, "tlrun: error: no.png: cannot be opened: No such file or "
                 "directory (1 of 3 files skipped)\n");
}

// An array of pixels gives what the same pictures give; other values by name.
TEST_F(Tlrun, PredictsArrays) {
  std::vector<float> floats(5 * 4 * 4 * 3);
  for (size_t i = 0; i < floats.size(); ++i)
    floats[i] = float(i * 37 % 256);
  std::vector<uint64_t> shape = {5, 4, 4, 3};
  ASSERT_TRUE(data::writeNpy(folder / "x.npy", shape, floats));
  ASSERT_EQ(run("m.bin --predict x.npy -o y.npy"), 0) << err;
  auto scores = data::readNpy(folder / "y.npy");
  ASSERT_TRUE(scores);
  EXPECT_EQ(scores->shape, (std::vector<uint64_t>{5, 3}));
  ASSERT_EQ(run("m.bin --predict x.npy --tap features -o f.npy"), 0) << err;
  EXPECT_EQ(data::readNpy(folder / "f.npy")->shape,
            (std::vector<uint64_t>{5, 2, 4}));
  ASSERT_EQ(run("m.bin --predict x.npy --preprocessed -o p.npy"), 0) << err;
  EXPECT_NE(file("p.npy"), file("y.npy"));

  fails("m.bin --predict x.npy --tap conv1 -o z.npy",
        "'conv1' cannot be read; kept in the file are 'features', 'frontier', "
        "'logits', 'scores'; compile it with tlc --keep conv1");
  fails("m.bin --predict x.npy",
        "--predict X.npy needs -o Y.npy for what it computes");
  shape = {5, 2, 8, 3};
  ASSERT_TRUE(data::writeNpy(folder / "w.npy", shape, floats));
  EXPECT_EQ(run("m.bin --predict w.npy -o z.npy"), 0) << err; // Resized.
  fails("m.bin --predict w.npy --preprocessed -o z.npy",
        "w.npy: the shape is (5, 2, 8, 3), the network reads (N, 4, 4, 3)");
}

// A report at the end of training, of an evaluation, of the file alone.
TEST_F(Tlrun, Reports) {
  ASSERT_EQ(run("m.bin --train pictures -o t.bin --no-report"), 0) << err;
  EXPECT_FALSE(fs::exists(folder / "t.report.html"));
  ASSERT_EQ(run("m.bin --train pictures -o t2.bin --report r.html"), 0) << err;
  EXPECT_EQ(linesOf(out).back(), "report r.html");
  EXPECT_EQ(file("t.bin"), file("t2.bin"));
  EXPECT_NE(file("r.html").find("<dt>validation accuracy</dt><dd>100.0"),
            std::string::npos);
  // Validating on red pictures that lie among the blue makes three mistakes.
  fs::remove_all(folder / "pictures/val/blue");
  fs::rename(folder / "pictures/val/red", folder / "pictures/val/blue");
  ASSERT_EQ(run("t.bin --evaluate pictures --report e.html"), 0) << err;
  EXPECT_EQ(linesOf(out).back(), "report e.html");
  std::string page = file("e.html");
  EXPECT_NE(page.find("All 3 wrong ones"), std::string::npos);
  EXPECT_NE(page.find("alt=\"blue/9.png\""), std::string::npos);
  EXPECT_EQ(run("t.bin --evaluate pictures --report e.html --json"), 0) << err;
  EXPECT_EQ(linesOf(out).size(), 1u) << out;
  ASSERT_EQ(run("t.bin --report alone.html"), 0) << err;
  EXPECT_EQ(out, "report alone.html\n");
  EXPECT_NE(file("alone.html").find("made from the trained file alone"),
            std::string::npos);
}

// That a page cannot be written is a warning after training, an error where
// the page was all that was asked for.
TEST_F(Tlrun, ReportCannotBeWritten) {
  ASSERT_EQ(run("m.bin --train pictures -o t.bin --report none/r.html"), 0);
  EXPECT_EQ(linesOf(out).back(), "saved t.bin");
  EXPECT_TRUE(err.starts_with("tlrun: warning: there is no report: none/r.html"
                              ": "))
      << err;
  EXPECT_EQ(run("t.bin --report none/r.html"), 1);
  EXPECT_TRUE(err.starts_with("tlrun: error: none/r.html: ")) << err;
  fails("m.bin --train pictures --report r.html --no-report",
        "give --report or --no-report, not both");
  fails("t.bin --info --report r.html",
        "--report goes with --train or --evaluate");
}

// The rest of the verbs in their plain and their JSON form.
TEST_F(Tlrun, InfoExportBench) {
  ASSERT_EQ(run("m.bin --info --json"), 0) << err;
  EXPECT_TRUE(out.starts_with("{\"name\":\"test\",")) << out;
  ASSERT_EQ(run("m.bin --export w.safetensors"), 0) << err;
  EXPECT_GT(fs::file_size(folder / "w.safetensors"), 8u);
  ASSERT_EQ(run("m.bin --bench --batch 2 --json"), 0) << err;
  for (const char *entry : {"extract", "train_step.second", "predict"})
    EXPECT_NE(out.find("{\"entry\":\"" + std::string(entry) +
                       "\",\"batch\":2,\"median_seconds\":"),
              std::string::npos)
        << out;
  EXPECT_EQ(run("--version"), 0);
  EXPECT_TRUE(out.starts_with("tlrun ")) << out;
}

// Mistakes on the command line, and what is not a model.
TEST_F(Tlrun, CommandLine) {
  fails("m.bin",
        "say what to do: --train DIR, --evaluate DIR, --predict FILE..., "
        "--info, --export FILE, --report FILE or --bench");
  fails("m.bin --info --bench", "give one of --train, --evaluate, --predict, "
                                "--info, --export and --bench, not several");
  fails("m.bin --info --top 3", "--top goes with --predict");
  fails("m.bin --train pictures --json",
        "--json goes with --evaluate or --predict or --info or --bench");
  fails("m.bin --train pictures --device cuda",
        "--device cuda is not supported by this build; use cpu");
  fails("m.bin --train nowhere", "nowhere: there is no such folder");
  folder.write("text.bin", "not a model");
  EXPECT_EQ(run("text.bin --info"), 1);
  EXPECT_NE(err.find("text.bin"), std::string::npos) << err;
  EXPECT_EQ(std::system("'" TLRUN "' --version >/dev/full 2>&1") >> 8, 1);
}

} // namespace
} // namespace tl::tools
