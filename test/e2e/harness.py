"""What the end-to-end tests share: running the tools, JSON lines, recipes.

The tests are unittest files run by ctest with the distribution's Python, numpy
and Pillow, against the tools named by TL_BIN. They look at the command lines
alone: what a user types, what comes back, what lies in the files.
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("TL_BIN", os.path.join(SOURCE, "build", "dev", "bin"))
DEFAULT_SHARED = os.path.join(SOURCE, "..", "shared", "data")
SHARED = os.environ.get("TL_SHARED_DATA", DEFAULT_SHARED)
# A place that was asked for has data: a typing error must not skip every test.
if os.path.realpath(SHARED) != os.path.realpath(DEFAULT_SHARED) and not os.path.isdir(os.path.join(SHARED, "models")):
    sys.exit(f"TL_SHARED_DATA is {SHARED}, which has no folder 'models'")
TLC, TLRUN = os.path.join(BIN, "tlc"), os.path.join(BIN, "tlrun")
MINI_WEIGHTS = os.path.join(SOURCE, "backbones", "mini", "mini.safetensors")

sys.path.insert(0, os.path.join(SOURCE, "examples"))
import draw_pictures  # noqa: E402,F401


def needs_shared(*parts):
    """Skips a test where the folder of real weights and pictures is missing: all of it,
    or the network's."""
    path = os.path.join(SHARED, *parts[:2])
    return unittest.skipUnless(os.path.exists(path), f"needs {path}")


def shared(*parts):
    return os.path.join(SHARED, *parts)


class ToolTest(unittest.TestCase):
    """A test class with one temporary folder, `self.folder`, for all its cases."""

    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="tl-e2e-")
        cls.addClassCleanup(holder.cleanup)
        cls.folder = holder.name
        # The feature cache of this test alone, not the user's.
        cls.environment = dict(os.environ, XDG_CACHE_HOME=os.path.join(cls.folder, "cache"))

    @classmethod
    def path(cls, *parts):
        return os.path.join(cls.folder, *parts)

    @classmethod
    def write(cls, name, text):
        path = cls.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        return path

    @classmethod
    def start(cls, *command, **options):
        """Runs a command in the folder; the result has returncode, stdout, stderr."""
        return subprocess.run([str(c) for c in command], cwd=cls.folder, text=True,
                              env=cls.environment, capture_output=True, timeout=1500, **options)

    @classmethod
    def succeed(cls, *command, **options):
        result = cls.start(*command, **options)
        if result.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))}: exit {result.returncode}\n"
                                 f"{result.stdout}{result.stderr}")
        return result

    def epochs_of(self, log):
        """The lines that a training log (--log) has for epochs."""
        with open(self.path(log)) as f:
            return [line for line in map(json.loads, f) if "epoch" in line and "step" not in line]

    def fail_with(self, message, *command):
        """The command exits 1 and says `message` on stderr, nothing on stdout."""
        result = self.start(*command)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn(message, result.stderr)
        return result

    @classmethod
    def json(cls, *command):
        return json.loads(cls.succeed(*command).stdout)

    @classmethod
    def json_lines(cls, *command):
        return [json.loads(line) for line in cls.succeed(*command).stdout.splitlines()]


def read_bytes(path):
    with open(path, "rb") as f:
        return f.read()


def mini_recipe(head="gap  dense(3, softmax)", loss="categorical_crossentropy", batch=16,
                phases="phase head { epochs 3  optimizer adam(lr: 3e-3) }", labels=""):
    """A recipe on the shipped backbone, as text."""
    train = f"train {{ batch {batch}  loss {loss}  {phases} }}" if phases else ""
    return (f'model shapes {{\n  input image(96, 96, 3)\n  {labels}\n'
            f'  backbone mini {{ weights "{MINI_WEIGHTS}"  freeze all }}\n'
            f"  head {{ {head} }}\n  {train}\n}}\n")


def small_pictures(out, train=11, val=4):
    """The demo's classes, a few pictures of each: 33 and 12 by default."""
    draw_pictures.draw(out, "demo", counts={"train": train, "val": val})
    return out
