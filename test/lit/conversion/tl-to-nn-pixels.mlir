// Phases that start at the pixels: the whole network trains.
// RUN: sed -e 's/frozen = array<i64: 1, 2, 3, 4>/frozen = array<i64>/' -e 's/array<i64: 3, 4>/array<i64>/' %S/Inputs/phases-model.mlir | tl-opt --convert-tl-to-nn | FileCheck %s
// RUN: sed 's/array<i64: 3, 4>/array<i64: 1, 2, 3, 4>/' %S/Inputs/phases-model.mlir | tl-opt --convert-tl-to-nn | FileCheck %s --check-prefix=LATER

// In every phase: nothing is extracted.
// CHECK-NOT: tl.extract
// CHECK: tl.phase "one" {{.*}}tl.evaluate = "evaluate", tl.frontier = ["(input)"]
// CHECK-NOT: func.func @extract
// CHECK: func.func @predict(%{{.*}}: tensor<?x8x8x3xf32> {nn.name = "pixels"}
// CHECK: func.func @train_step.one(%{{.*}}: tensor<?x8x8x3xf32> {nn.name = "pixels"}, %{{.*}}: tensor<?xi32> {nn.name = "labels"}
// CHECK-NOT: func.func @extract
// CHECK: func.func @tap.logits
// CHECK-NOT: func.func @tap.frontier

// From the second on: the first phase's extraction is the only one.
// LATER: tl.train attributes {{.*}}tl.extract_all = "extract"
// LATER: tl.phase "one" {{.*}}tl.extract = "extract.one", tl.frontier = ["gap"]
// LATER: tl.phase "two"
// LATER-NOT: tl.extract
// LATER-SAME: tl.frontier = ["(input)"]
// LATER: func.func @extract({{.*}}-> (tensor<?x4xf32> {nn.name = "frontier"})
// LATER: func.func @extract.one(
// LATER-NOT: func.func @extract
// LATER: func.func @train_step.two(%{{.*}}: tensor<?x8x8x3xf32> {nn.name = "pixels"}
