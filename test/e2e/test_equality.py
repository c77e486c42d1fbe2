"""The equality contract: the trained file's bytes depend on the recipe, the
pictures and the seed alone; not on the cache, the threads, or where it ran."""
import os
import unittest

import numpy as np

from harness import TLC, TLRUN, ToolTest, mini_recipe, read_bytes, small_pictures


class Equality(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # 33 pictures: the last batch of 20 has 13, of 32 one.
        small_pictures(cls.path("pictures"))

    def compile(self, name, **recipe):
        self.write(f"{name}.tl", mini_recipe(**recipe))
        self.succeed(TLC, f"{name}.tl", "-o", f"{name}.bin")

    def train(self, name, out, *options):
        self.succeed(TLRUN, f"{name}.bin", "--train", "pictures", "-o", out, *options)
        return read_bytes(self.path(out))

    # Every batch size, with dropout and two phases, with a cold cache, a warm
    # one and none.
    def test_cache_and_batches(self):
        for batch in (1, 3, 20, 32):
            with self.subTest(batch=batch):
                name = f"batch{batch}"
                self.compile(name, batch=batch, head="gap  dropout(0.3)  dense(3, softmax)", phases="""
                    phase first { epochs 2  optimizer adam(lr: 3e-3) }
                    phase second { epochs 1  optimizer sgd(lr: 0.01, momentum: 0.9) }""")
                cache = self.path(f"cache-{name}")
                cold = self.train(name, "cold.bin", "--cache-dir", cache)
                self.assertTrue(os.listdir(cache), "nothing was cached")
                self.assertEqual(cold, self.train(name, "warm.bin", "--cache-dir", cache))
                self.assertEqual(cold, self.train(name, "none.bin", "--no-cache"))

    # Room for all features, for some in memory and some on the disk, for none
    # but the pictures, for nothing at all.
    def test_budgets(self):
        self.compile("budgets", batch=20, head="flatten  dropout(0.3)  dense(3, softmax)", phases="""
            phase first { epochs 2  optimizer adam(lr: 3e-3) }
            phase second { epochs 1  optimizer sgd(lr: 0.01) }""")
        whole = self.train("budgets", "whole.bin")
        for budget in (("--cache-memory", "100K", "--cache-disk", "100K"), ("--cache-memory", 0),
                       ("--cache-memory", "1M", "--cache-disk", 0), ("--cache-memory", 0, "--cache-disk", 0),
                       ("--no-cache", "--cache-memory", 0)):
            for threads in (1, 3):
                with self.subTest(budget=budget, threads=threads):
                    self.assertEqual(whole, self.train("budgets", "some.bin", "--threads", threads, *budget))

    # Phases with features of their own: extracted in one pass, or in one each,
    # or partly one and partly the other; with views as well.
    def test_frontiers(self):
        backbone = ("backbone small { preprocess torch  conv(8, 3x3, relu, stride: 2)  max_pool(2x2)  "
                    "conv(16, 3x3, relu)  gap  dense(24, relu)  dense(12, relu) }")
        for name, augment in (("plain", ""), ("views", "augment { flip(horizontal)  rotate(20)  views 3 }")):
            self.write(f"{name}.tl", backbone + f"""
                model m {{ input image(24, 24, 3)  backbone small {{ freeze all }}
                  head {{ dropout(0.2)  dense(3, softmax) }}
                  train {{ batch 8  loss categorical_crossentropy  {augment}
                    phase first {{ epochs 2  optimizer adam(lr: 3e-3) }}
                    phase second {{ epochs 2  optimizer sgd(lr: 0.01)  unfreeze backbone[-1:] }} }} }}""")
            self.succeed(TLC, f"{name}.tl", "-o", f"{name}.bin", "--weights", "random:3")
            cache = ("--cache-dir", f"cache-{name}")
            whole = self.train(name, "whole.bin", *cache)
            for options in (cache, (*cache, "--epochs", 2), ("--no-cache",), ("--cache-memory", 0, "--cache-disk", 0),
                            ("--cache-memory", "5K", "--cache-disk", "3K", "--threads", 3)):
                with self.subTest(name=name, options=options):
                    self.assertEqual(whole, self.train(name, "other.bin", *options))
            # Some rows are found on the disk, others are not.
            self.train(name, "first.bin", "--cache-dir", "some", "--cache-memory", "1K", "--cache-disk", "2K")
            self.assertEqual(whole, self.train(name, "rest.bin", "--cache-dir", "some"))

    def test_threads(self):
        self.compile("threads", batch=20, head="flatten  dense(17, relu)  dropout(0.5)  dense(3, softmax)",
                     phases="phase head { epochs 2  optimizer rmsprop(lr: 1e-4) }")
        one = self.train("threads", "one.bin", "--threads", 1, "--no-cache")
        for threads in (2, 5):
            with self.subTest(threads=threads):
                self.assertEqual(one, self.train("threads", "other.bin", "--threads", threads, "--no-cache"))
        # The comparison can fail: another seed gives other bytes.
        self.assertNotEqual(one, self.train("threads", "seed.bin", "--threads", 1, "--seed", 5))

    # tlc itself is deterministic, wherever it writes.
    def test_compiled_file(self):
        self.compile("again")
        os.makedirs(self.path("elsewhere"), exist_ok=True)
        self.succeed(TLC, "again.tl", "-o", "elsewhere/other.bin")
        self.assertEqual(read_bytes(self.path("again.bin")), read_bytes(self.path("elsewhere/other.bin")))

    # A prediction has the same bits alone, in a batch, and with any threads.
    def test_prediction(self):
        self.compile("predict")
        rng = np.random.default_rng(0)
        x = rng.integers(0, 256, (7, 96, 96, 3), np.uint8)

        def predict(pixels, *options):
            np.save(self.path("x.npy"), pixels)
            self.succeed(TLRUN, "predict.bin", "--predict", "x.npy", "--tap", "logits", "-o", "y.npy", *options)
            return np.load(self.path("y.npy"))

        together = predict(x, "--threads", 1)
        self.assertEqual(together.shape, (7, 3))
        self.assertTrue(np.array_equal(together, predict(x, "--threads", 5)))
        for i in (0, 3, 6):
            self.assertTrue(np.array_equal(together[i:i + 1], predict(x[i:i + 1])))

    # --keep makes more readable and changes no bit.
    def test_keep(self):
        self.compile("plain")
        self.succeed(TLC, "plain.tl", "-o", "kept.bin", "--keep", "conv1_relu,block3_pw_relu")
        np.save(self.path("x.npy"), np.random.default_rng(1).integers(0, 256, (3, 96, 96, 3), np.uint8))
        for model in ("plain", "kept"):
            self.succeed(TLRUN, f"{model}.bin", "--predict", "x.npy", "--tap", "logits", "-o", f"{model}.npy")
        self.assertEqual(read_bytes(self.path("plain.npy")), read_bytes(self.path("kept.npy")))
        self.succeed(TLRUN, "kept.bin", "--predict", "x.npy", "--tap", "block3_pw_relu", "-o", "tap.npy")
        self.assertEqual(np.load(self.path("tap.npy")).shape, (3, 24, 24, 64))

    # The trained file holds no clock and no path: two runs in two folders agree,
    # and the log, which has both, is beside it.
    def test_log(self):
        self.compile("log")
        first = self.train("log", "first.bin", "--log", "log.jsonl", "--epochs", 2)
        self.assertEqual(first, self.train("log", "second.bin", "--epochs", 2))
        lines = self.epochs_of("log.jsonl")
        self.assertEqual([line["epoch"] for line in lines][-1] - lines[0]["epoch"], 1)
        for key in ("phase", "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds",
                    "images_per_second"):
            self.assertIn(key, lines[0])


if __name__ == "__main__":
    unittest.main()
