"""Killed or interrupted at any moment and resumed, a run ends with the same
bytes; and what tlrun says of each step, starts from, or searches for."""
import json
import os
import random
import re
import signal
import subprocess
import time
import unittest

import numpy as np

from harness import TLC, TLRUN, ToolTest, mini_recipe, read_bytes, small_pictures

HEAD = "flatten  dropout(0.2)  dense(16, relu)  dense(3, softmax)"
PHASES = ("phase one { epochs 40  optimizer adam(lr: 1e-3)  schedule cosine(warmup: 0.5)  keep best }\n"
          "phase two { optimizer sgd(lr: 1e-3, momentum: 0.9)  early_stop(patience: 30) }")


class Resume(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        small_pictures(cls.path("pictures"))
        cls.write("m.tl", mini_recipe(head=HEAD, phases=PHASES, batch=2))
        cls.succeed(TLC, "m.tl", "-o", "m.bin")
        cls.train = [TLRUN, "m.bin", "--train", "pictures", "-o", "out.bin", "--threads", "2"]
        cls.succeed(*cls.train)  # fills the cache
        began = time.monotonic()
        cls.succeed(*cls.train)
        cls.seconds = time.monotonic() - began
        cls.whole = read_bytes(cls.path("out.bin"))
        cls.state = cls.path("out.bin.state")

    def setUp(self):
        for name in ("out.bin", "out.bin.state"):
            if os.path.exists(self.path(name)):
                os.remove(self.path(name))

    def popen(self, *more):
        return subprocess.Popen([*self.train, *more], cwd=self.folder, env=self.environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    # 50 kills at random moments; whenever there is a state, the run goes on.
    # Checkpoints are flushed to the disk, so that a run lasts many kills.
    def test_kills(self):
        moments = random.Random(3)
        kills = gone_on = 0
        while kills < 50:
            resume = os.path.exists(self.state)
            gone_on += resume
            process = self.popen("--checkpoint-every", "7", *(["--resume"] if resume else []))
            try:
                out, err = process.communicate(timeout=moments.uniform(0.02, 1.5) * self.seconds)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                kills += 1
            else:
                self.assert_finished(process.returncode, out + err)
        self.assertGreater(gone_on, 30)
        result = self.start(*self.train, *(["--resume"] if os.path.exists(self.state) else []))
        self.assert_finished(result.returncode, result.stderr)

    def assert_finished(self, code, text):
        self.assertEqual(code, 0, text)
        self.assertEqual(read_bytes(self.path("out.bin")), self.whole)
        self.assertFalse(os.path.exists(self.state))
        os.remove(self.path("out.bin"))

    # The first Ctrl-C ends the step, saves, says how to go on; what it says works.
    def test_interrupt(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.popen()
            line = process.stdout.readline()
            while "one 2/" not in line:
                line = process.stdout.readline()
            process.send_signal(number)
            out, err = process.communicate()
            self.assertEqual(process.returncode, 130, out + err)
            self.assertTrue(err.startswith("tlrun: interrupted; the state is in out.bin.state; to go on:\n"), err)
            self.assertTrue(os.path.exists(self.state))
            self.assertFalse(os.path.exists(self.path("out.bin")))
            command = err.splitlines()[1].strip()
            self.assertTrue(command.endswith(" --resume"), command)
            result = subprocess.run(command, shell=True, cwd=self.folder, env=self.environment, capture_output=True,
                                    text=True)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(read_bytes(self.path("out.bin")), self.whole)
            self.assertFalse(os.path.exists(self.state))
            self.setUp()

    # Another model, seed, picture list or option is refused by name.
    def test_refusals(self):
        process = self.popen("--checkpoint-every", "1")
        while not os.path.exists(self.state):
            time.sleep(0.01)
        process.kill()
        process.communicate()
        state = read_bytes(self.state)
        resume = [*self.train, "--resume"]
        self.fail_resume("seed 0, this run has 5", resume, "--seed", 5)
        self.fail_resume("epochs (0: the recipe's) 0, this run has 3", resume, "--epochs", 3)
        self.fail_resume("no shuffling 0, this run has 1", resume, "--no-shuffle")
        self.write("other.tl", mini_recipe(head=HEAD, phases=PHASES, batch=4))
        self.succeed(TLC, "other.tl", "-o", "other.bin")
        self.fail_resume("another model file", [TLRUN, "other.bin", *resume[2:]])
        extra = self.path("pictures", "train", "leaves", "extra.png")
        one = read_bytes(self.path("pictures", "train", "leaves", "000.png"))
        with open(extra, "wb") as f:
            f.write(one)
        self.fail_resume("training pictures: 33, this run has 34", resume)
        os.remove(extra)
        # The same names and classes, another picture behind one of them.
        first = self.path("pictures", "train", "flowers", "000.png")
        before = read_bytes(first)
        with open(first, "wb") as f:
            f.write(one)
        self.fail_resume("other pictures or labels", resume)
        with open(first, "wb") as f:
            f.write(before)
        with open(self.state, "wb") as f:
            f.write(state[:-1])
        self.fail_with("no undamaged state", *resume)
        with open(self.state, "wb") as f:
            f.write(state)
        self.succeed(*resume)
        self.assertEqual(read_bytes(self.path("out.bin")), self.whole)
        self.fail_with("no state to go on from", *resume)

    def fail_resume(self, what, command, *more):
        self.fail_with(f'cannot go on from "out.bin.state": it was made with {what}', *command, *more)

    # --export of a trained file, --init on the untrained one: the same values.
    def test_export_and_init(self):
        self.succeed(*self.train, "--epochs", 1)
        self.succeed(TLRUN, "out.bin", "--export", "w.safetensors")
        # A run whose only phases change nothing worth a float's last bit.
        self.write("still.tl", mini_recipe(head=HEAD, batch=64,
                                           phases="phase p { epochs 1  optimizer sgd(lr: 1e-30) }"))
        self.succeed(TLC, "still.tl", "-o", "still.bin")
        self.succeed(TLRUN, "still.bin", "--train", "pictures", "-o", "back.bin", "--init", "w.safetensors")
        self.succeed(TLRUN, "back.bin", "--export", "w2.safetensors")
        self.assertEqual(read_bytes(self.path("w.safetensors")), read_bytes(self.path("w2.safetensors")))
        data = read_bytes(self.path("w.safetensors"))
        length = int.from_bytes(data[:8], "little")
        for old, new, message in (("dense.bias", "dense.bios", 'no parameter "dense.bios"; the trained ones are'),
                                  ('"shape":[3]', '"shape":[1,3]', "expected the shape [3], found [1, 3]")):
            self.assertIn(old.encode(), data)
            header = data[8:8 + length].replace(old.encode(), new.encode())
            with open(self.path("bad.safetensors"), "wb") as f:
                f.write(len(header).to_bytes(8, "little") + header + data[8 + length:])
            self.fail_with(message, TLRUN, "still.bin", "--train", "pictures", "--init", "bad.safetensors")
        self.fail_with("none.safetensors", TLRUN, "still.bin", "--train", "pictures", "--init", "none.safetensors")

    # A line a step, in the log or on stdout: the rates are the schedule's, the
    # epoch's loss is the mean of its steps'.
    def test_log_steps(self):
        self.succeed(*self.train, "--epochs", 2, "--log", "log.jsonl", "--log-steps", "--no-shuffle")
        with open(self.path("log.jsonl")) as f:
            text = f.read()
        lines = [json.loads(line) for line in text.splitlines()]
        steps = [line for line in lines if "step" in line]
        epochs = [line for line in lines if "step" not in line and "epoch" in line]
        self.assertEqual((len(steps), len(epochs)), (2 * 2 * 17, 4))
        self.assertEqual([s["step"] for s in steps[:34]], list(range(1, 35)))
        first = steps[:17]
        weights = [2] * 16 + [1]
        self.assertAlmostEqual(np.average([s["loss"] for s in first], weights=weights), epochs[0]["loss"], places=6)
        # cosine(warmup: 0.5) of 34 steps: 8.5 of rise.
        for t, line in enumerate(steps[:34]):
            rate = 1e-3 * (min(1, (t + 1) / 8.5) if t < 8.5 else (1 + np.cos(np.pi * (t - 8.5) / 25.5)) / 2)
            self.assertAlmostEqual(line["learning_rate"] / rate, 1, places=5)
        self.assertRegex(text, r'"loss":\d\.\d{6,9}')
        again = self.succeed(*self.train, "--epochs", 2, "--log-steps", "--no-shuffle").stdout
        on_stdout = [json.loads(line) for line in again.splitlines() if line.startswith("{")]
        self.assertEqual(on_stdout, steps)

    # A rise through all decades, and a suggestion between them; nothing is written.
    def test_find_lr(self):
        before = sorted(os.listdir(self.folder))
        text = self.succeed(TLRUN, "m.bin", "--train", "pictures", "--find-lr").stdout
        rates = [float(line.split()[0]) for line in text.splitlines() if re.match(r" *\d\.\d\de[-+]\d\d ", line)]
        self.assertEqual(rates, sorted(rates))
        self.assertEqual(rates[0], 1e-7)
        suggestion = float(re.search(r"suggestion +(\S+):", text)[1])
        self.assertTrue(1e-6 < suggestion < 1, text)
        self.assertIn("learning rates of phase two",
                      self.succeed(TLRUN, "m.bin", "--train", "pictures", "--find-lr", "--phase", "two").stdout)
        self.fail_with("there is no phase 'three'; the model has 'one', 'two'", TLRUN, "m.bin", "--train", "pictures",
                       "--find-lr", "--phase", "three")
        self.assertEqual(sorted(os.listdir(self.folder)), before)


# Everything that a step or an epoch may depend on, in three phases.
EVERYTHING = """
    phase head { epochs 2  optimizer adam(lr: 1e-3)  schedule one_cycle  ema 0.9  clip_norm 0.5  keep best }
    phase tune { epochs 3  optimizer sgd(lr: 1e-3, momentum: 0.9)  unfreeze backbone[-7:]  batch_norm train
                 lr(backbone: 1e-4)  schedule step(every: 1, factor: 0.5) }
    phase last { epochs 4  optimizer rmsprop(lr: 1e-4)  schedule cosine(warmup: 0.5)  early_stop(patience: 1) }"""
TRAIN = ("augment {{ flip(horizontal)  rotate(10)  brightness(0.2)  views {views} }}  class_weights balanced  {mixup}\n"
         "metrics top_k(2)\n")


class ResumeEverything(ToolTest):
    """Fine-tuning of views, mixed or not, interrupted between any two steps."""

    def interrupt_often(self, name, **how):
        small_pictures(self.path("few"), train=5, val=2)
        self.write(f"{name}.tl", mini_recipe(head="gap  dropout(0.3)  dense(3, softmax)", batch=4,
                                             phases=TRAIN.format(**how) + EVERYTHING))
        self.succeed(TLC, f"{name}.tl", "-o", f"{name}.bin")
        train = [TLRUN, f"{name}.bin", "--train", "few", "-o", f"{name}.out", "--log-steps"]
        state = self.path(f"{name}.out.state")
        whole = [line for line in self.succeed(*train).stdout.splitlines() if line.startswith("{")]
        expected = read_bytes(self.path(f"{name}.out"))
        os.remove(self.path(f"{name}.out"))
        seen, parts = [], 0
        while True:
            process = subprocess.Popen([*train, *(["--resume"] if os.path.exists(state) else [])], cwd=self.folder,
                                       env=self.environment, text=True, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
            lines = 0
            for line in process.stdout:
                if line.startswith("{"):
                    seen.append(line.strip())
                    lines += 1
                    if lines == 5:
                        process.send_signal(signal.SIGINT)
            process.stdout.close()
            error = process.stderr.read()
            process.stderr.close()
            process.wait()
            parts += 1
            if process.returncode == 0:
                break
            self.assertEqual(process.returncode, 130, error)
        self.assertGreater(parts, 2)
        self.assertEqual(seen, whole)
        self.assertEqual(read_bytes(self.path(f"{name}.out")), expected)

    def test_kept_views(self):
        self.interrupt_often("kept", views=2, mixup="")

    def test_mixed_fresh_views(self):
        self.interrupt_often("mixed", views="unlimited", mixup="mixup 0.3")


if __name__ == "__main__":
    unittest.main()
