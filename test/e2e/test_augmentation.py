"""Views of training pictures, from the recipe to the trained file: the same
bytes however they are kept, fresh ones where asked for, none in validation."""
import os
import re
import shutil
import subprocess
import time
import unittest

from harness import TLC, TLRUN, ToolTest, mini_recipe, read_bytes, small_pictures

EVERYTHING = "flip(horizontal)  rotate(40)  shift(0.2)  zoom(0.2)  crop(0.8..1)  color(0.2)  hue(0.05)"
PHASES = """
    phase first { epochs 2  optimizer adam(lr: 3e-3) }
    phase second { epochs 2  optimizer sgd(lr: 0.01, momentum: 0.9) }"""


def recipe(augment, **options):
    options = {"phases": PHASES, **options}
    return mini_recipe(**{**options, "phases": f"augment {{ {augment} }} {options['phases']}"})


class Augmentation(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        small_pictures(cls.path("pictures"))  # 33 to train on, 12 to validate with
        for name, augment in (("three", f"{EVERYTHING}  views 3"), ("four", f"{EVERYTHING}  views 4"),
                              ("fresh", f"{EVERYTHING}  views unlimited"), ("other", "rotate(10)  views 3")):
            cls.write(f"{name}.tl", recipe(augment))
            cls.succeed(TLC, f"{name}.tl", "-o", f"{name}.bin")

    def train(self, name, *options):
        result = self.succeed(TLRUN, f"{name}.bin", "--train", "pictures", "-o", "t.bin", *options)
        self.said = result.stdout
        return read_bytes(self.path("t.bin"))

    def features(self):
        """How many features the last run found, and how many it computed."""
        return tuple(map(int, re.search(r"^features: (\d+) of an earlier run, (\d+) computed$", self.said,
                                        re.MULTILINE).groups()))

    # Kept in memory, on the disk, or made again at each step from pictures that
    # are kept or decoded again: the same bytes, with any number of threads.
    def test_same_bytes(self):
        self.write("taken", "no folder can be made in a file")
        for name in ("three", "fresh"):
            expected = self.train(name, "--cache-dir", "roomy")
            for options in (("--cache-dir", "roomy"), ("--no-cache",), ("--no-cache", "--threads", 1),
                            ("--cache-memory", 0, "--cache-disk", 0, "--threads", 5),
                            ("--cache-memory", 0, "--cache-dir", "spill"),
                            ("--cache-memory", "20K", "--cache-disk", "30K"),
                            ("--no-cache", "--cache-memory", "500K"),
                            ("--cache-memory", "20K", "--cache-dir", "taken/deeper")):
                with self.subTest(name=name, options=options):
                    self.assertEqual(expected, self.train(name, *options))
            self.assertNotEqual(expected, self.train(name, "--seed", 4))

    # Four epochs see each of three views; what another number of views, another
    # head or another run needs is found.
    def test_starts_warm(self):
        self.train("three", "--cache-dir", "warm")
        self.assertEqual(self.features(), (0, 33 * 3 + 12))
        self.train("three", "--cache-dir", "warm")
        self.assertEqual(self.features(), (33 * 3 + 12, 0))
        self.train("four", "--cache-dir", "warm")
        self.assertEqual(self.features(), (33 * 3 + 12, 33))
        self.write("head.tl", recipe(f"{EVERYTHING}  views 3", head="gap  dense(8, relu)  dense(3, softmax)"))
        self.succeed(TLC, "head.tl", "-o", "head.bin")
        self.train("head", "--cache-dir", "warm")
        self.assertEqual(self.features(), (33 * 3 + 12, 0))
        self.train("other", "--cache-dir", "warm")
        self.assertEqual(self.features(), (12, 33 * 3))

    # Fresh views differ from epoch to epoch, so training pictures have no
    # features to keep.
    def test_unlimited(self):
        self.train("fresh", "--cache-dir", "fresh")
        self.assertEqual(self.features(), (0, 12))
        self.assertIn("33 to train on, a new view of each in every epoch", self.said)

    # One view is the same in each epoch; a rate of zero shows it, for then
    # nothing but the pictures can change the loss.
    def test_views_take_turns(self):
        def losses(views, *epochs):
            phases = "  ".join(f"phase p{i} {{ epochs {n}  optimizer sgd(lr: 1e-30) }}"
                               for i, n in enumerate(epochs))
            self.write("turns.tl", recipe(f"rotate(90)  views {views}", phases=phases))
            self.succeed(TLC, "turns.tl", "-o", "turns.bin")
            self.train("turns")
            return re.findall(r"loss (\S+)  accuracy", self.said)
        one, three, fresh = losses(1, 4), losses(3, 6), losses("unlimited", 4)
        # Counted through the phases: the third shows what the first did.
        phases = losses(2, 1, 1, 1)
        self.assertEqual(phases[0], phases[2])
        self.assertNotEqual(phases[0], phases[1])
        self.assertEqual(len(set(one)), 1)
        self.assertEqual(three[:3], three[3:])
        self.assertGreater(len(set(three[:3])), 1)
        self.assertGreater(len(set(fresh)), 1)

    # Validation and prediction show pictures as they are: the last loss of the
    # run is the one of --evaluate.
    def test_validation(self):
        self.train("three")
        logged = re.findall(r"val_loss (\S+)", self.said)[-1]
        evaluated = self.json(TLRUN, "t.bin", "--evaluate", "pictures", "--json")["loss"]
        self.assertAlmostEqual(float(logged), evaluated, delta=1e-4)  # Printed with four digits.

    # A picture that is read again at each step must be what it was: one that
    # goes away or changes ends the run by its name.
    def test_pictures_that_change(self):
        for change, message in (("removed", "it was readable when the run began"),
                                ("replaced", "changed while the run read it again")):
            with self.subTest(change):
                small_pictures(self.path(change), train=3, val=1)
                label = sorted(os.listdir(self.path(change, "train")))[0]
                name, other = sorted(os.listdir(self.path(change, "train", label)))[:2]
                victim = os.path.join(change, "train", label, name)
                shutil.copy(self.path(change, "train", label, other), self.path("new"))
                run = subprocess.Popen([TLRUN, "fresh.bin", "--train", change, "-o", "x.bin", "--epochs", "1000000",
                                        "--no-cache", "--cache-memory", "0", "--log", f"{change}.jsonl"],
                                       cwd=self.folder, env=self.environment, text=True,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                log = self.path(f"{change}.jsonl")
                while run.poll() is None and not (os.path.exists(log) and read_bytes(log)):
                    time.sleep(0.01)
                if change == "removed":
                    os.remove(self.path(victim))
                else:
                    os.replace(self.path("new"), self.path(victim))
                error = run.communicate(timeout=60)[1]
                self.assertEqual(run.returncode, 1, error)
                self.assertIn(victim, error)
                self.assertIn(message, error)

    # What is told beforehand: every figure of bytes, by the sizes in --info.
    def test_estimate(self):
        info = self.json(TLRUN, "three.bin", "--info", "--json")
        floats, rows = info["features"], 33 * 3 + 12
        self.train("three", "--cache-memory", "16M")
        lines = self.said.splitlines()
        self.assertEqual(lines[0], "pictures: 33 to train on, 3 views of each, 12 to validate with")
        size = f"{floats * rows * 4 / 1000:.1f} kB"
        self.assertEqual(lines[1], f"features of first, second: {floats} floats x {rows} rows = {size}: "
                                   f"{size} in memory")
        self.assertRegex(lines[2], f"^memory: .*, cache {size}$")
        self.assertRegex(lines[3], "^time: ")


if __name__ == "__main__":
    unittest.main()
