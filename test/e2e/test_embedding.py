"""The C program of examples/embed_c with a file that tlc and tlrun made: it
predicts, goes on training with its own pictures, and saves what tlrun reads."""
import os
import re
import unittest

from harness import BIN, TLC, TLRUN, ToolTest, mini_recipe, small_pictures

EMBED = os.path.join(BIN, "embed_c")


class Embedding(ToolTest):
    def test_goes_on_training_a_trained_file(self):
        recipe = self.write("model.tl", mini_recipe())
        small_pictures(self.path("pictures"))
        self.succeed(TLC, recipe, "-o", "model.bin")
        self.succeed(TLRUN, "model.bin", "--train", "pictures", "-o", "trained.bin", "--no-cache")
        output = self.succeed(EMBED, "trained.bin", "embedded.bin").stdout
        before, pictures, after = map(int, re.search(r"(\d+) of (\d+) right before, (\d+) after", output).groups())
        # Its pictures are bands at three heights, told apart by none of the
        # features that flowers and leaves taught; twenty epochs must show.
        self.assertGreater(after, before)
        self.assertGreaterEqual(after, pictures // 2)
        info = self.json(TLRUN, "embedded.bin", "--info", "--json")
        self.assertTrue(info["trained"])
        self.assertEqual(info["labels"], ["flowers", "leaves", "shells"])

    def test_links_the_runtime_alone(self):
        libraries = self.succeed("ldd", EMBED).stdout
        self.assertIn("libc.so", libraries)
        self.assertIsNone(re.search("LLVM|MLIR|jpeg|png|hdf5|fmt", libraries), libraries)


if __name__ == "__main__":
    unittest.main()
