"""The report of a training in a browser: that it opens without a complaint, asks
nothing of the network, draws the numbers of the run, fits a phone, and shows
names of files and classes as text whatever they are."""
import os
import re
import shutil
import unittest
from html.parser import HTMLParser

import numpy as np
from PIL import Image

from harness import TLC, TLRUN, ToolTest, mini_recipe, small_pictures

BROWSER = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium"))), None)
EPOCHS = {"warm": 4, "tune": 3}
PHASES = " ".join(f"phase {name} {{ epochs {n}  optimizer adam(lr: 3e-3) }}" for name, n in EPOCHS.items())
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Elements of a page in order, each with its attributes, ancestors and own text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "in": list(self.open), "text": "", **dict(attributes)}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.elements.append({"tag": tag, "in": list(self.open), "text": "", **dict(attributes)})

    def handle_endtag(self, tag):
        while self.open and self.open.pop()["tag"] != tag:
            pass

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def find(self, tag, inside=None, **attributes):
        return [e for e in self.elements if e["tag"] == tag
                and (inside is None or any(ancestor is inside for ancestor in e["in"]))
                and all(value in e.get(key, "").split() for key, value in attributes.items())]

    def table(self, name):
        """Rows of cells of the table of class `name`, its head first."""
        [table] = self.find("table", **{"class": name})
        return [[cell["text"].strip() for cell in self.elements
                 if cell["tag"] in ("td", "th") and cell["in"][-1] is row]
                for row in self.find("tr", inside=table)]


@unittest.skipUnless(BROWSER, "needs chromium-headless-shell or chromium")
class BrowserTest(ToolTest):
    """Trains on `pictures` to t.bin, and opens pages of the folder."""

    @classmethod
    def train(cls, phases):
        cls.write("m.tl", mini_recipe(phases=phases))
        cls.succeed(TLC, "m.tl", "-o", "m.bin")
        cls.printed = cls.succeed(TLRUN, "m.bin", "--train", "pictures", "-o", "t.bin",
                                  "--log", "log.jsonl").stdout
        cls.page = Page(cls.dump("t.report.html"))

    @classmethod
    def browse(cls, page, *options, width=1000):
        # Root in a container has no sandbox; no name resolves, whatever a page asks for.
        return cls.succeed(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                           "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr",
                           f"--window-size={width},3000", *options, "file://" + cls.path(page))

    @classmethod
    def dump(cls, page, **options):
        return cls.browse(page, "--dump-dom", **options).stdout

    def complaints(self, page):
        return [line for line in self.browse(page, "--dump-dom").stderr.splitlines() if "CONSOLE" in line]

    def screenshot(self, page, *options, **more):
        self.browse(page, f"--screenshot={self.path('shot.png')}", *options, **more)
        return np.asarray(Image.open(self.path("shot.png")).convert("RGB")).astype(int)


class Report(BrowserTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        small_pictures(cls.path("pictures"))
        cls.train(PHASES)

    # The name of the page is the last thing that training says.
    def test_is_announced(self):
        self.assertEqual(self.printed.splitlines()[-1], "report t.report.html")

    # Every section is there, under its heading.
    def test_sections(self):
        self.assertEqual([h["id"] for h in self.page.find("h2")],
                         ["curves", "classes", "mistakes", "training", "costs", "recipe"])
        [title] = [e for e in self.page.find("title") if e["in"][-1]["tag"] == "head"]
        self.assertEqual(title["text"], "shapes: training report")
        [recipe] = self.page.find("pre")
        with open(self.path("m.tl")) as f:
            self.assertEqual(recipe["text"].strip(), f.read().strip())

    # Both charts have a point for each epoch, for training and validation, at heights that are the
    # log's numbers on one scale.
    def test_curves_are_the_log(self):
        log = self.epochs_of("log.jsonl")
        self.assertEqual(len(log), sum(EPOCHS.values()))
        charts = self.page.find("svg", **{"class": "chart"})
        self.assertEqual(len(charts), 2)
        for chart, key in zip(charts, ("loss", "accuracy")):
            heights, values = [], []
            for line, prefix in (("training", ""), ("validation", "val_")):
                [drawn] = self.page.find("polyline", inside=chart, **{"class": line})
                points = np.array([p.split(",") for p in drawn["points"].split()], float)
                self.assertEqual(len(points), len(log))
                self.assertEqual(len(self.page.find("circle", inside=chart, **{"class": line})), len(log))
                self.assertTrue((np.diff(points[:, 0]) > 0).all())
                heights.extend(points[:, 1])
                values.extend(entry[prefix + key] for entry in log)
            slope, offset = np.polyfit(values, heights, 1)
            self.assertLess(slope, 0)
            # Coordinates are written to a tenth.
            self.assertLess(np.abs(slope * np.array(values) + offset - heights).max(), 0.11)
            names = [t["text"] for t in self.page.find("text", inside=chart, **{"class": "phase"})]
            self.assertEqual(names, list(EPOCHS))

    # Matrix, precision and recall are those of --evaluate.
    def test_classes_are_the_evaluation(self):
        result = self.json(TLRUN, "t.bin", "--evaluate", "pictures", "--json")
        confusion = np.array(result["confusion"])
        rows = self.page.table("matrix")
        self.assertEqual(rows[0][1:], result["labels"])
        self.assertEqual([[int(c) for c in row[1:]] for row in rows[1:]], result["confusion"])
        for i, row in enumerate(self.page.table("classes")[1:]):
            self.assertEqual(row[0], result["labels"][i])
            for cell, whole in ((row[3], confusion[:, i].sum()), (row[4], confusion[i].sum())):
                said = f"{100 * confusion[i, i] / whole:.1f}\u00a0%" if whole else "–"
                self.assertEqual(cell, said)

    # The surest mistakes first, each a picture that is one.
    def test_mistakes(self):
        result = self.json(TLRUN, "t.bin", "--evaluate", "pictures", "--json")
        wrong = result["count"] - int(np.trace(result["confusion"]))
        pictures = self.page.find("img")
        self.assertEqual(len(pictures), min(wrong, 24))
        self.assertGreater(wrong, 0)
        names = ["pictures/val/" + p["alt"] for p in pictures]
        surest = 1.0
        for line in self.json_lines(TLRUN, "t.bin", "--json", "--predict", *names):
            self.assertNotEqual(line["label"], line["file"].split("/")[2])
            score = line["scores"][line["label"]]
            # Scores of one picture alone and in the evaluation's batch are the same bits.
            self.assertLessEqual(score, surest)
            surest = score

    # Nothing is loaded, and the browser has nothing to say about the page. That it would is shown
    # by the same page with a picture from elsewhere.
    def test_asks_for_nothing(self):
        with open(self.path("t.report.html")) as f:
            text = f.read()
        self.assertEqual(re.findall(r"https?:|//[a-z]|url\(|@import|<script|<link", text), [])
        self.assertEqual(self.complaints("t.report.html"), [])
        self.write("asks.html", text.replace("</main>", '<img src="http://x.test/y.png" alt=""></main>'))
        self.assertNotEqual(self.complaints("asks.html"), [])
        self.assertLess(len(text), 300_000)

    # Light, dark, and on a phone: nothing is wider than the page, and there is ink.
    def test_looks(self):
        light = self.screenshot("t.report.html", "--blink-settings=preferredColorScheme=1")
        dark = self.screenshot("t.report.html", "--blink-settings=preferredColorScheme=0")
        self.assertGreater(light[0, 0].sum(), 600)
        self.assertLess(dark[0, 0].sum(), 200)
        for shot in (light, dark):
            self.assertGreater((np.abs(shot - shot[0, 0]).sum(2) > 60).mean(), 0.02)
        with open(self.path("t.report.html")) as f:
            text = f.read()
        # A script may measure what the page's own policy lets no script touch.
        measured = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text).replace(
            "</body>", "<script>document.title = document.documentElement.scrollWidth</script></body>")
        self.assertNotEqual(measured, text)
        self.write("measured.html", measured)
        for width in (360, 1000):
            title = re.search(r"<title>(\d+)</title>", self.dump("measured.html", width=width))
            self.assertEqual(int(title[1]), width)

    # What a screen reader is told: drawings in words, headings of tables, pictures' names.
    def test_can_be_heard(self):
        for chart in self.page.find("svg", **{"class": "chart"}):
            self.assertEqual(chart["role"], "img")
            for name in chart["aria-labelledby"].split():
                [said] = [e for e in self.page.elements if e.get("id") == name]
                self.assertGreater(len(said["text"]), 3)
        for heading in self.page.find("th"):
            self.assertIn(heading.get("scope"), ("row", "col"))
        for picture in self.page.find("img"):
            self.assertTrue(picture["alt"])


class HostileNames(BrowserTest):
    """Class folders and files whose names are markup, or not even UTF-8."""
    CLASSES = {"flowers": "<img src=x onload=y>", "leaves": "\"'>&amp;<b>", "shells": "\u202edesrever"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        small_pictures(cls.path("pictures"))
        for part in ("train", "val"):
            for old, new in cls.CLASSES.items():
                folder = cls.path("pictures", part, new)
                os.rename(cls.path("pictures", part, old), folder)
                for name in os.listdir(folder):
                    os.rename(os.fsencode(os.path.join(folder, name)),
                              os.fsencode(os.path.join(folder, "<i>")) + b"\xff" + os.fsencode(name))
        cls.train("phase p { epochs 1  optimizer sgd(lr: 1e-5) }")

    # One untrained epoch gets pictures wrong, so that every name is on the page.
    def test_names_are_text(self):
        rows = self.page.table("matrix")
        self.assertEqual(sorted(rows[0][1:]), sorted(self.CLASSES.values()))
        pictures = self.page.find("img")
        self.assertGreater(len(pictures), 0)
        for picture in pictures:
            self.assertTrue(picture["src"].startswith("data:image/jpeg;base64,"))
            self.assertIn("<i>\ufffd", picture["alt"])
            self.assertFalse([key for key in picture if key.startswith("on")])
        self.assertEqual(self.page.find("i"), [])
        self.assertEqual(self.complaints("t.report.html"), [])


if __name__ == "__main__":
    unittest.main()
