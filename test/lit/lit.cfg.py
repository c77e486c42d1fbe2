# How the IR tests run: our tools and LLVM's FileCheck and not are on the
# path; %shared_data is the folder of real weights and pictures, and tests
# that need it say `REQUIRES: shared-data`.
import os

import lit.formats

config.name = "transfer-learning-compiler"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".tl", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = config.tl_source_root
config.test_exec_root = config.tl_build_root
config.environment["PATH"] = os.pathsep.join(
    [config.tl_tools, config.llvm_tools, os.environ.get("PATH", "")]
)
config.substitutions.append(("%shared_data", config.shared_data))
if os.path.isdir(config.shared_data):
    config.available_features.add("shared-data")
