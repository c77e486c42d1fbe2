"""The runtime knows nothing of the compiler: neither its sources nor its binary."""
import glob
import os
import re
import unittest

from harness import BIN, SOURCE, TLRUN, ToolTest


class Boundaries(ToolTest):
    def test_runtime_sources_include_nothing_of_the_compiler(self):
        sources = [f for kind in ("h", "cpp", "c", "inc")
                   for f in glob.glob(os.path.join(SOURCE, "runtime", "**", f"*.{kind}"), recursive=True)]
        self.assertGreater(len(sources), 10)
        for path in sources:
            with open(path) as f:
                for number, line in enumerate(f, 1):
                    self.assertIsNone(
                        re.match(r'\s*#\s*include\s*["<](mlir|llvm|compiler|dialects|frontends)[/-]', line),
                        f"{path}:{number}: {line.strip()}")

    def test_tlrun_links_no_llvm(self):
        libraries = self.succeed("ldd", TLRUN).stdout
        self.assertIn("libc.so", libraries)
        self.assertIsNone(re.search("LLVM|MLIR|lld|hdf5|python|torch", libraries), libraries)

    # The same question of tlc must be answered yes, or the test above sees nothing.
    def test_tlc_links_llvm(self):
        self.assertIn("LLVM", self.succeed("ldd", os.path.join(BIN, "tlc")).stdout)


if __name__ == "__main__":
    unittest.main()
