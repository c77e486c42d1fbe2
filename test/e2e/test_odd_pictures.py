"""Bad pictures are named, skipped and counted; they never end a run."""
import csv
import os
import shutil
import unittest

from harness import TLC, TLRUN, ToolTest, mini_recipe, needs_shared, shared, small_pictures


class BadPictures(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.write("m.tl", mini_recipe(phases="phase head { epochs 1  optimizer adam(lr: 1e-3) }"))
        cls.succeed(TLC, "m.tl", "-o", "m.bin")

    def pictures(self, name):
        return small_pictures(self.path(name), train=4, val=2)

    def spoil(self, *parts):
        with open(self.path(*parts), "wb") as f:
            f.write(b"\x89PNG\r\n\x1a\nnot really")

    def test_skipped_and_counted(self):
        self.pictures("some")
        self.spoil("some", "train", "leaves", "torn.png")
        self.spoil("some", "val", "shells", "torn too.png")
        result = self.succeed(TLRUN, "m.bin", "--train", "some", "-o", "some.bin")
        self.assertIn(os.path.join("some", "train", "leaves", "torn.png"), result.stderr)
        evaluation = self.json(TLRUN, "some.bin", "--evaluate", "some", "--json")
        self.assertEqual((evaluation["count"], evaluation["skipped"]), (6, 1))

    # Skipping changes nothing but the skipped picture: --strict makes it an error.
    def test_strict(self):
        self.pictures("strict")
        self.spoil("strict", "train", "leaves", "torn.png")
        self.fail_with("torn.png", TLRUN, "m.bin", "--train", "strict", "-o", "strict.bin", "--strict")
        self.assertFalse(os.path.exists(self.path("strict.bin")))

    def test_class_without_a_readable_picture(self):
        self.pictures("empty")
        for file in os.listdir(self.path("empty", "train", "shells")):
            self.spoil("empty", "train", "shells", file)
        self.fail_with("shells", TLRUN, "m.bin", "--train", "empty", "-o", "empty.bin")

    # All odd files stand among good ones, and the run ends well. Decoders may
    # differ on damaged files; they may not on what is surely readable (PNGs with
    # a reference checksum) or surely not a picture.
    @needs_shared("odd")
    def test_odd_files_mixed_in(self):
        self.pictures("odd")
        with open(shared("odd", "expected.csv")) as f:
            rows = list(csv.DictReader(f))
        for row in rows:
            shutil.copy(shared("odd", row["file"]),
                        self.path("odd", "train", "leaves", row["file"].replace("/", "_")))
        result = self.succeed(TLRUN, "m.bin", "--train", "odd", "-o", "odd.bin")
        for row in rows:
            named = os.path.join("leaves", row["file"].replace("/", "_")) in result.stderr
            if row["png_rgb8_sha256"]:
                self.assertFalse(named, row["file"])
        for hopeless in ("empty.jpg", "one_byte.jpg", "header_only.jpg", "text_named.jpg"):
            self.assertIn(f"damaged_{hopeless}", result.stderr)


if __name__ == "__main__":
    unittest.main()
