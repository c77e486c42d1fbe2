"""The benchmark suite's own code, with sides that only pretend to work.

No framework and no tool is needed, and nothing here measures time: clocks and
peers are made up, so that each number in a table can be worked out by hand.
"""
import json
import os
import struct
import sys
import tempfile
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "bench"))
from suite import jobs, layers, machine, ours, sides, sizes, tables, timing  # noqa: E402

# A peer's process in five lines: it answers each turn with the next numbers.
FAKE_CHILD = """
import json, sys
print(json.dumps({"versions": {"fake": "1"}, "build_seconds": 0}), flush=True)
for n, line in enumerate(sys.stdin):
    print(json.dumps({"seconds": [float(line), n + 1.0, 9.0], "peak_mb": 7.5}), flush=True)
"""


class Fake:
    """A side whose turns are known; notes in `log` when it had one."""

    def __init__(self, name, log, medians, own=0.0):
        self.name, self.log, self.medians, self.own = name, log, iter(medians), own

    def turn(self, seconds):
        self.log.append(self.name)
        median = next(self.medians)
        if isinstance(median, Exception):
            raise median
        return timing.Turn([median - 0.5, median, median + 3], self.own)


class Interleaving(unittest.TestCase):
    # Each round begins with another side, and every side has one turn in it.
    def test_order_of_turns(self):
        log = []
        made = {name: Fake(name, log, [1, 1, 1]) for name in "abc"}
        turns, errors = timing.interleave(made, 3, 0)
        self.assertEqual("".join(log), "abcbcacab")
        self.assertEqual(errors, {})
        self.assertEqual({name: len(list_) for name, list_ in turns.items()}, {"a": 3, "b": 3, "c": 3})

    # A side that fails is out from then on, with its reason; the others go on.
    def test_a_failure_is_named(self):
        log = []
        made = {"good": Fake("g", log, [1, 2]), "bad": Fake("b", log, [1, ValueError("out of memory")])}
        turns, errors = timing.interleave(made, 2, 0)
        self.assertEqual(errors, {"bad": "out of memory"})
        self.assertEqual(list(turns), ["good"])

    # Two processors, 10 s: of 20 the side used 6 and 9 were busy, so others had 3.
    def test_share_of_others(self):
        self.assertAlmostEqual(timing.others_share((100, 1000), (109, 1020), 6), 0.15)
        self.assertEqual(timing.others_share((100, 1000), (105, 1020), 6), 0)
        clock = iter([(0, 0), (9, 20)])
        turns, _ = timing.interleave({"x": Fake("x", [], [1], own=6)}, 1, 0, clock=lambda: next(clock))
        self.assertAlmostEqual(turns["x"][0][1], 0.15)

    # One slow turn of three moves neither the median nor the least, only the spread.
    def test_summary(self):
        turns, _ = timing.interleave({"x": Fake("x", [], [2, 40, 3])}, 3, 0)
        row = timing.summary(turns["x"])
        self.assertEqual((row["median"], row["low"], row["high"], row["least"]), (3, 2, 40, 1.5))
        self.assertEqual((row["turns"], row["pieces"]), (3, 9))

    # A tool that tells its median and its least is not taken for one piece.
    def test_least_of_a_tool(self):
        row = timing.summary([(timing.Turn([2.0], least=1.0), 0.0)])
        self.assertEqual((row["median"], row["least"]), (2.0, 1.0))


class Processes(unittest.TestCase):
    def child(self, code, metric="seconds"):
        made = sides.Child("", {"threads": 2}, metric, [sys.executable, "-c", code])
        self.addCleanup(made.close)
        return made

    # Lines go back and forth with a process that is stopped between its turns.
    def test_turns_of_a_child(self):
        child = self.child(FAKE_CHILD)
        self.assertEqual(child.ready["versions"], {"fake": "1"})
        self.assertEqual(child.turn(0.25).values, [0.25, 1.0, 9.0])
        with open(f"/proc/{child.process.pid}/stat") as f:
            self.assertEqual(f.read().rsplit(")", 1)[1].split()[0], "T")
        self.assertEqual(child.turn(0.5).values, [0.5, 2.0, 9.0])

    # Memory is asked of the same process.
    def test_memory_of_a_child(self):
        self.assertEqual(self.child(FAKE_CHILD, "peak_mb").turn(0).values, [7.5])

    # A process that dies before it is ready says why.
    def test_a_child_that_ends(self):
        with self.assertRaisesRegex(RuntimeError, "no such framework"):
            self.child("raise SystemExit('no such framework')")

    # One that ends in a turn is out, and its last words are the reason.
    def test_a_child_that_ends_later(self):
        child = self.child("print('{}', flush=True); input(); raise SystemExit('no memory left')")
        with self.assertRaisesRegex(RuntimeError, "no memory left"):
            child.turn(0)

    # A piece of work is a process from its start to its end; a failing one is no number.
    def test_commands(self):
        seconds, own = sides.run([sys.executable, "-c", "pass"])
        self.assertGreater(seconds, 0)
        self.assertGreater(own, 0)
        with self.assertRaisesRegex(RuntimeError, "exit code 3"):
            sides.run([sys.executable, "-c", "raise SystemExit(3)"])

    # What is too long is a sum, and says of what.
    def test_sum(self):
        made = sides.Sum([(10, Fake("a", [], [2]), "step"), (5, Fake("b", [], [1]), "decode")])
        turn = made.turn(0)
        self.assertEqual(turn.values, [25])
        self.assertEqual(turn.facts["note"], "extrapolated: 10 x step 2.0000 s + 5 x decode 1.0000 s")


LAYERS_CHILD = """
import json, sys
print(json.dumps({"versions": {}}), flush=True)
for n, line in enumerate(sys.stdin):
    print(json.dumps({"layers": {k: {"median": 3.0 + n, "least": 2.0} for k in sys.argv[1:]}}), flush=True)
"""

PROGRAM = """  rt.entry  extract @extract {
    rt.call @conv2d_0(%0, %1) -> (%2) {layer = "stem_relu"} : (x) -> y
    rt.call @conv2d_1(%2, %3) -> (%4) {layer = "1.0.relu1"} : (x) -> y
    rt.call @dense_0(%4, %5) -> (%6) {layer = "dense"} : (x) -> y
  }
  rt.entry  tap @tap.features {
    rt.call @conv2d_2(%0, %1) -> (%2) {layer = "1.0.relu1"} : (x) -> y
  }
  rt.kernel @conv2d_0 attributes {in_place = 1 : i64} {
  ^bb0(%arg0: tensor<?x4xf32>):
    rt.return %arg0 : tensor<?x4xf32>
  }
  rt.kernel @conv2d_1 {
  ^bb0(%arg0: tensor<?x5xf32>):
    rt.return %arg0 : tensor<?x5xf32>
  }
"""


class Layers(unittest.TestCase):
    # ResNet-50 has 16 bottlenecks of three convolutions and 4 shortcuts; with its
    # first layer and classifier torchvision counts 4.089 billion multiply-adds.
    def test_resnet50(self):
        found = layers.NETWORKS["resnet50"][2].values()
        self.assertEqual(sum(layer.count for layer in found), 16 * 3 + 4)
        whole = sum(layer.count * layer.multiply_adds() for layer in found)
        self.assertEqual(whole + 112 * 112 * 64 * 147 + 2048 * 1000, 4_089_184_256)
        self.assertEqual(len({layer.name for layer in found}), len(found))

    # Twelve blocks of 197 x 768 x 768 x 12 multiply-adds.
    def test_vit_b16(self):
        found = layers.NETWORKS["vit_b16"][2].values()
        self.assertEqual(sum(layer.count * layer.multiply_adds() for layer in found), 12 * 197 * 768 * 768 * 12)

    # Calls are those of one entry; a kernel's text stands for itself.
    def test_program(self):
        self.assertEqual(layers.calls(PROGRAM), [("conv2d_0", "stem_relu"), ("conv2d_1", "1.0.relu1"),
                                                 ("dense_0", "dense")])
        texts = layers.kernels(PROGRAM)
        self.assertEqual(list(texts), ["conv2d_0", "conv2d_1"])
        self.assertTrue(texts["conv2d_0"].startswith("  rt.kernel @conv2d_0 attributes {in_place = 1 : i64} {\n"))
        self.assertTrue(texts["conv2d_1"].endswith("rt.return %arg0 : tensor<?x5xf32>\n  }\n"))

    # The sum counts each layer as often as the network has it; a layer is all of its kernels.
    def test_side(self):
        child = sides.Child("", {"threads": 2}, command=[sys.executable, "-c", LAYERS_CHILD, "a", "b"])
        self.addCleanup(child.close)
        names = [layer.name for layer in layers.NETWORKS["vit_b16"][2].values()]
        side = layers.Side(child, "vit_b16", {name: ["a", "b"] if name == names[0] else ["a"] for name in names})
        turns, errors = timing.interleave({"x": side}, 3, 0)
        self.assertEqual(errors, {})
        self.assertEqual(turns["x"][0][0].values, [12 * 5 * 3.0])
        row = timing.summary(turns["x"])
        self.assertEqual((row["median"], row["least"]), (12 * 5 * 4.0, 12 * 5 * 2.0))
        self.assertEqual(row["layers"][names[0]], {"median": 8.0, "least": 4.0})

    # Each layer has its own best peer; controls and our other rows are none.
    def test_table(self):
        def row(a, b, **more):
            return {"layers": {"a": {"median": a, "least": a}, "b": {"median": b, "least": b}}, **more}

        rows = {"ours": row(1, 2), "ours, v3": row(0.1, 0.1, control=True), "x": row(2, 9), "y": row(3, 3),
                "held": row(0.1, 0.1, control=True)}
        lines = tables.layers({"title": "t", "rows": rows}, {"a": 3, "b": 1}).splitlines()
        self.assertEqual(lines[4], "| a | 3 | 1 s | x: 2 s | 2.00 | 2.00 |")
        self.assertEqual(lines[5], "| b | 1 | 2 s | y: 3 s | 1.50 | 1.50 |")
        self.assertEqual(lines[6], "| sum | 4 | 5 s | 9 s | 1.80 | 1.80 |")
        self.assertEqual(tables.layers({"title": "t", "rows": {"ours": row(1, 2)}}, {"a": 3}), "")


def result():
    def row(median, **more):
        return {"median": median, "low": median, "high": 2 * median, "least": median / 2, "others_cpu": 0.25, **more}

    return {"job": "j", "title": "a job", "metric": "seconds", "pictures": 32, "bar": 2.0, "rows": {
        "ours": row(0.5), "slow": row(4.0), "quick": row(1.25, note="as it comes"),
        "given more": row(0.75, control=True), "gone": {"error": "no module | named so"}}}


class Tables(unittest.TestCase):
    # The best peer is the quickest that is no control; ratios are theirs to ours.
    def test_summary(self):
        self.assertEqual(tables.best_peer(result()), "quick")
        row = tables.summary([result()]).splitlines()[2]
        self.assertEqual(row, "| a job | 500 ms | quick: 1.25 s | 2.50 | 2.50 | 2.0 | given more: 1.50 |")

    # Every side has its row: the control, and the one that failed with its reason.
    def test_details(self):
        rows = tables.details([result()]).splitlines()[2:]
        self.assertEqual(len(rows), 5)
        self.assertEqual(rows[2], "| a job | quick | 1.25 s | 1.25 s to 2.5 s | 625 ms | 25.6 | 2.50 | 25% | as it comes |")
        self.assertIn("no module / named so", rows[4])
        self.assertTrue(all(row.count("|") == 10 for row in rows))

    # Without our own number there is no ratio, and no error either.
    def test_without_ours(self):
        job = result()
        job["rows"]["ours"] = {"error": "tlrun: exit code 1"}
        self.assertIn("tlrun: exit code 1", tables.summary([job]))
        self.assertIsNone(tables.ratio(job, "quick"))

    # The whole page, of a report that went through JSON: what is missing is named.
    def test_markdown(self):
        report = {"machine": machine.facts(), "threads": 2, "rounds": 3, "versions": {"fake": "1.0"},
                  "jobs": [result()], "not_installed": ["openvino"],
                  "sizes": {"tlrun": {"megabytes": 1.5}, "keras": {"error": "not installed"}}}
        page = tables.markdown(json.loads(json.dumps(report)))
        for text in ("fake 1.0", "not measured: openvino", "| tlrun | 1.5 MB |", "| keras | not installed |",
                     machine.facts()["isa"]):
            self.assertIn(text, page)


class JobTable(unittest.TestCase):
    # Each job names peers that there are, in its rows, controls and parts.
    def test_peers_exist(self):
        for job in jobs.JOBS.values():
            named = [*job.peers, *(peer for peer, _ in job.controls.values()),
                     *(peer for parts in job.parts.values() for _, peer, _ in parts)]
            self.assertTrue(named, job.name)
            self.assertLessEqual(set(named), set(jobs.PEERS), job.name)

    # What each peer is asked to do is a function in its file (read, not imported:
    # the frameworks need not be there).
    def test_peers_can_do_it(self):
        for job in jobs.JOBS.values():
            asked = [(peer, job.work["do"]) for peer in job.peers]
            asked += [(peer, work["do"]) for parts in job.parts.values() for _, peer, work in parts]
            for peer, do in asked:
                with open(os.path.join(SOURCE, "bench", "suite", jobs.PEERS[peer].module + ".py")) as f:
                    self.assertIn(f"def {do}(work):", f.read(), f"{job.name}: {peer}")

    # Keras's ResNet-50 is another one than torchvision's, and its rows say so; no other row does.
    def test_remarks(self):
        job = jobs.JOBS["forward.resnet50.32"]
        self.assertIn("fewer multiply-adds", jobs.remark("keras", job))
        self.assertIn("fewer multiply-adds", jobs.remark("keras_xla", jobs.JOBS["step.resnet50_tail"]))
        self.assertIsNone(jobs.remark("pytorch", job))
        self.assertIsNone(jobs.remark(tables.OURS, job))
        self.assertIsNone(jobs.remark("keras", jobs.JOBS["decode"]))

    # A beginning chooses all jobs below it, not those whose name only continues it.
    def test_choosing(self):
        names = ["forward.vgg16.1", "forward.vgg16.32", "forward.vgg169.1", "step.a"]
        self.assertEqual(jobs.choose(["forward.vgg16"], names), names[:2])
        self.assertEqual(jobs.choose(["step", "forward.vgg16.1"], names), [names[0], names[3]])
        with self.assertRaisesRegex(SystemExit, "no such name: vgg"):
            jobs.choose(["vgg"], names)


class Recipes(unittest.TestCase):
    # Batch norms train where there are some; elsewhere the compiler refuses it.
    def test_batch_norms(self):
        for name, expected in (("step.resnet20", True), ("step.vgg16_all", False), ("step.vgg16_tail", False)):
            text, entry = ours.training_recipe(jobs.JOBS[name].work)
            self.assertEqual("batch_norm train" in text, expected, name)
            self.assertEqual(entry, "train_step.timed")

    # A tail trains with its batch norms' statistics frozen; what ends in one token has nothing to pool.
    def test_tails(self):
        for name, pooled in (("step.resnet50_tail", True), ("step.vit_b16_tail", False)):
            text, _ = ours.training_recipe(jobs.JOBS[name].work)
            self.assertNotIn("batch_norm train", text, name)
            self.assertIn("unfreeze backbone[\"", text, name)
            self.assertEqual("gap" in text, pooled, name)


class Files(unittest.TestCase):
    # The statistics of batch norms join a file that only has parameters.
    def test_statistics(self):
        values = struct.pack("<2f", 3, 4)
        header = json.dumps({"a.beta": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "w.safetensors")
            with open(path, "wb") as f:
                f.write(struct.pack("<Q", len(header)) + header + values)
            ours.add_statistics(path)
            with open(path, "rb") as f:
                size, = struct.unpack("<Q", f.read(8))
                found, data = json.loads(f.read(size)), f.read()
        at = {name: struct.unpack("<2f", data[slice(*entry["data_offsets"])]) for name, entry in found.items()}
        self.assertEqual(at, {"a.beta": (3, 4), "a.moving_mean": (0, 0), "a.moving_variance": (1, 1)})

    # numpy reads what is written without it.
    def test_npy(self):
        import numpy as np
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.npy")
            ours.write_npy(path, (2, 3, 1))
            array = np.load(path)
        self.assertEqual((array.shape, array.dtype, array.any()), ((2, 3, 1), np.float32, False))

    # Facts come from files whose lines repeat for each processor.
    def test_machine(self):
        self.assertEqual(machine.table("model name\t: A B\nflags: x\n\nmodel name: C\n"),
                         {"model name": "A B", "flags": "x"})
        v3 = ["avx2", "fma", "bmi2"]
        self.assertEqual([machine.isa(flags) for flags in (["sse2"], v3, [*v3, *machine.LEVELS[0][1]])],
                         ["x86-64", "x86-64-v3", "x86-64-v4"])

    # Extras and another system's requirements are not installed, so not counted.
    def test_requirements(self):
        class Distribution:
            requires = ["numpy>=1.26", "h5py", 'rich; extra == "all"', 'pywin32; sys_platform == "win32"']
        self.assertEqual(list(sizes.required(Distribution)), ["numpy", "h5py"])


if __name__ == "__main__":
    unittest.main()
