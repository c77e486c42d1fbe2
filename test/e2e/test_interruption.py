"""A kill at any moment, or a full disk, leaves the old file or the new one."""
import os
import resource
import signal
import subprocess
import time
import unittest

from harness import TLC, TLRUN, ToolTest, mini_recipe, read_bytes, small_pictures


class Interruption(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        small_pictures(cls.path("pictures"))
        cls.write("m.tl", mini_recipe(head="flatten  dense(64, relu)  dense(3, softmax)",
                                      phases="phase head { epochs 2  optimizer adam(lr: 1e-3) }"))
        cls.succeed(TLC, "m.tl", "-o", "m.bin")
        cls.train = [TLRUN, "m.bin", "--train", "pictures", "-o", "out.bin"]
        # Files of two seeds: one lies there before, the other is being written.
        began = time.monotonic()
        cls.succeed(*cls.train, "--seed", 1)
        cls.old = read_bytes(cls.path("out.bin"))
        cls.succeed(*cls.train, "--seed", 2)
        cls.seconds = (time.monotonic() - began) / 2
        cls.new = read_bytes(cls.path("out.bin"))

    def restore(self):
        with open(self.path("out.bin"), "wb") as f:
            f.write(self.old)

    # Killed at 20 moments spread over the run, the last ones around the save.
    def test_kill(self):
        self.assertNotEqual(self.old, self.new)
        for i in range(20):
            self.restore()
            process = subprocess.Popen([*self.train, "--seed", "2"], cwd=self.folder, env=self.environment,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(self.seconds * (i + 1) / 20)
            process.send_signal(signal.SIGKILL)
            process.wait()
            self.assertIn(read_bytes(self.path("out.bin")), (self.old, self.new), f"moment {i}")
        self.succeed(TLRUN, "out.bin", "--info")

    # Too small a limit on file sizes is a disk that fills while saving.
    def test_full_disk(self):
        self.restore()
        before = sorted(os.listdir(self.folder))

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(self.new) // 2, len(self.new) // 2))

        result = self.start(*self.train, "--seed", 2, "--no-cache", preexec_fn=limit)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn("tlrun: error:", result.stderr)
        self.assertIn("out.bin", result.stderr)
        self.assertEqual(read_bytes(self.path("out.bin")), self.old)
        self.assertEqual(sorted(os.listdir(self.folder)), before, "a temporary file was left behind")

    # A full disk under the cache means recomputing, to the same bytes.
    def test_full_cache(self):
        os.makedirs(self.path("tiny"), exist_ok=True)

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            # Larger than the trained file, smaller than the features' file.
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(self.new) + 4096, len(self.new) + 4096))

        result = self.start(*self.train, "--seed", 2, "--cache-dir", "tiny", preexec_fn=limit)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(read_bytes(self.path("out.bin")), self.new)


if __name__ == "__main__":
    unittest.main()
