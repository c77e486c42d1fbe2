"""The options of tlc and tlrun: what checks outside the repository rely on."""
import json
import os
import shutil
import unittest

import numpy as np

from harness import MINI_WEIGHTS, SOURCE, TLC, TLRUN, ToolTest, mini_recipe, read_bytes, small_pictures


class CommandLines(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        small_pictures(cls.path("pictures"))
        cls.write("m.tl", mini_recipe())
        cls.succeed(TLC, "m.tl", "-o", "m.bin")
        cls.succeed(TLRUN, "m.bin", "--train", "pictures")

    def test_version(self):
        for tool in (TLC, TLRUN):
            self.assertRegex(self.succeed(tool, "--version").stdout, r"\d+\.\d+\.\d+")

    # -o defaults to M.trained.bin.
    def test_default_output(self):
        self.assertTrue(os.path.exists(self.path("m.trained.bin")))

    def test_overwriting_the_input_needs_force(self):
        shutil.copy(self.path("m.bin"), self.path("own.bin"))
        before = read_bytes(self.path("own.bin"))
        command = [TLRUN, "own.bin", "--train", "pictures", "--epochs", 1, "-o", "own.bin"]
        self.fail_with("--force", *command)
        self.assertEqual(read_bytes(self.path("own.bin")), before)
        self.succeed(*command, "--force")
        self.assertTrue(self.json(TLRUN, "own.bin", "--info", "--json")["trained"])

    # --weights is relative to where one stands, a path in the file to the file.
    def test_weights(self):
        self.write("deep/m.tl", mini_recipe().replace(MINI_WEIGHTS, "w.safetensors"))
        shutil.copy(MINI_WEIGHTS, self.path("here.safetensors"))
        self.fail_with("w.safetensors", TLC, "deep/m.tl", "-o", "deep.bin")
        self.succeed(TLC, "deep/m.tl", "--weights", "here.safetensors", "-o", "deep.bin")
        shutil.copy(MINI_WEIGHTS, self.path("deep", "w.safetensors"))
        self.succeed(TLC, "deep/m.tl", "-o", "deep2.bin")
        self.assertEqual(self.predict("deep.bin"), self.predict("m.bin"))
        self.assertEqual(self.predict("deep2.bin"), self.predict("m.bin"))

    def predict(self, model):
        np.save(self.path("x.npy"), np.zeros((2, 96, 96, 3), np.uint8))
        self.succeed(TLRUN, model, "--predict", "x.npy", "-o", "y.npy")
        return read_bytes(self.path("y.npy"))

    # Without --tap a .npy gives the scores of all classes.
    def test_predict_npy(self):
        self.predict("m.trained.bin")
        scores = np.load(self.path("y.npy"))
        self.assertEqual((scores.shape, scores.dtype), ((2, 3), np.float32))
        self.assertTrue(np.allclose(scores.sum(1), 1, atol=1e-6))

    def test_predict_npy_of_another_shape(self):
        np.save(self.path("wrong.npy"), np.zeros((2, 95, 96, 3), np.float32))
        self.fail_with("96", TLRUN, "m.bin", "--predict", "wrong.npy", "--preprocessed", "-o", "y.npy")

    def test_unknown_tap_lists_the_kept(self):
        np.save(self.path("x.npy"), np.zeros((1, 96, 96, 3), np.uint8))
        result = self.fail_with("--keep", TLRUN, "m.bin", "--predict", "x.npy", "--tap", "conv1_relu", "-o", "y.npy")
        for kept in ("features", "logits"):
            self.assertIn(kept, result.stderr)

    def test_train_log(self):
        self.succeed(TLRUN, "m.bin", "--train", "pictures", "-o", "log.bin", "--log", "log.jsonl", "--epochs", 4)
        with open(self.path("log.jsonl")) as f:
            lines = [json.loads(line) for line in f]
        epochs, parts = lines[:4], lines[4:]
        self.assertEqual([line.get("epoch") for line in epochs], [1, 2, 3, 4])
        self.assertEqual({line["phase"] for line in epochs}, {"head"})
        self.assertLess(epochs[-1]["loss"], epochs[0]["loss"])
        # Then where the time went, and the memory.
        self.assertEqual([line["part"] for line in parts],
                         ["reading pictures", "extracting features", "phase head", "saving"])
        for line in parts:
            self.assertGreaterEqual(line["seconds"], 0)
            self.assertGreater(line["peak_bytes"], 1 << 20)

    def test_evaluate_json(self):
        result = self.json(TLRUN, "m.trained.bin", "--evaluate", "pictures", "--json")
        confusion = np.array(result["confusion"])
        self.assertEqual((result["count"], result["skipped"]), (12, 0))
        self.assertEqual(confusion.sum(1).tolist(), [4, 4, 4])
        self.assertAlmostEqual(result["accuracy"], np.trace(confusion) / 12, places=6)
        self.assertGreater(result["loss"], 0)

    # Class folders directly in DIR; a missing class is fine, an unknown one is not.
    def test_evaluate_folders(self):
        os.makedirs(self.path("two"))
        for name in ("leaves", "shells"):
            shutil.copytree(self.path("pictures", "val", name), self.path("two", name))
        self.assertEqual(self.json(TLRUN, "m.trained.bin", "--evaluate", "two", "--json")["count"], 8)
        shutil.copytree(self.path("two", "shells"), self.path("two", "snails"))
        self.fail_with("snails", TLRUN, "m.trained.bin", "--evaluate", "two")

    # --evaluate on an untrained file says so; the numbers are still given.
    def test_untrained_warns(self):
        result = self.succeed(TLRUN, "m.bin", "--evaluate", "pictures")
        self.assertIn("not trained", result.stderr.replace("untrained", "not trained"))

    def test_predict_json(self):
        files = [os.path.join("pictures", "val", c, "000.png") for c in ("flowers", "shells")]
        lines = self.json_lines(TLRUN, "m.trained.bin", "--predict", *files, "--json")
        self.assertEqual([line["file"] for line in lines], files)
        for line in lines:
            self.assertEqual(list(line["scores"]), ["flowers", "leaves", "shells"])
            self.assertEqual(line["label"], max(line["scores"], key=line["scores"].get))

    # One unreadable picture is named; the others are predicted.
    def test_predict_bad_picture(self):
        self.write("bad.png", "no picture")
        result = self.start(TLRUN, "m.trained.bin", "--predict", "bad.png", "pictures/val/leaves/000.png")
        self.assertEqual(result.returncode, 1)
        self.assertIn("bad.png", result.stderr)
        self.assertIn("pictures/val/leaves/000.png", result.stdout)

    def test_info_json(self):
        info = self.json(TLRUN, "m.trained.bin", "--info", "--json")
        self.assertTrue(info["trained"])
        self.assertEqual(info["labels"], ["flowers", "leaves", "shells"])

    def test_export(self):
        self.succeed(TLRUN, "m.trained.bin", "--export", "out.safetensors")
        data = read_bytes(self.path("out.safetensors"))
        header = json.loads(data[8:8 + int.from_bytes(data[:8], "little")])
        shapes = sorted(t["shape"] for name, t in header.items() if name != "__metadata__")
        self.assertEqual(shapes, [[3], [192, 3]])

    def test_bench_json(self):
        result = self.succeed(TLRUN, "m.bin", "--bench", "--batch", 4, "--json").stdout
        for entry in ("extract", "train_step.head", "predict"):
            self.assertIn(entry, result)
        self.assertIn("images_per_second", result)

    # --summary prints the table whose indices the freeze ranges use.
    def test_summary(self):
        table = self.succeed(TLC, "m.tl", "--summary").stdout
        rows = {line.split()[1]: line.split()[0] for line in table.splitlines()
                if len(line.split()) > 1 and line.split()[0].isdigit()}
        self.assertEqual(rows.get("conv1"), "1", table)
        self.assertLess(int(rows["conv1"]), int(rows["block7_pw"]))

    def test_emit(self):
        self.assertIn("tl.model", self.succeed(TLC, "m.tl", "--emit=parse").stdout)

    def test_missing_files(self):
        self.fail_with("none.tl", TLC, "none.tl", "-o", "n.bin")
        self.fail_with("none.bin", TLRUN, "none.bin", "--info")
        self.fail_with("nowhere", TLRUN, "m.bin", "--train", "nowhere", "-o", "n.bin")

    # Errors open with the tool's name.
    def test_error_prefix(self):
        for tool, arguments in ((TLC, ("none.tl", "-o", "n.bin")), (TLRUN, ("none.bin", "--info"))):
            stderr = self.start(tool, *arguments).stderr
            self.assertTrue(stderr.startswith(f"{os.path.basename(tool)}: error: "), stderr)

    def test_damaged_file(self):
        data = read_bytes(self.path("m.trained.bin"))
        for name, bad in (("short.bin", data[:len(data) // 2]), ("empty.bin", b""),
                          ("flipped.bin", data[:200] + bytes([data[200] ^ 1]) + data[201:]),
                          ("other.bin", b"not a model" * 100)):
            with open(self.path(name), "wb") as f:
                f.write(bad)
            self.fail_with(name, TLRUN, name, "--info")

    # Every example compiles, with random weights where its file must be fetched.
    def test_examples_compile(self):
        for example in sorted(os.listdir(os.path.join(SOURCE, "examples"))):
            recipe = os.path.join(SOURCE, "examples", example, "model.tl")
            if os.path.exists(recipe):
                self.succeed(TLC, recipe, "--weights", "random:1", "-o", "example.bin")


if __name__ == "__main__":
    unittest.main()
