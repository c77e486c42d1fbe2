// Phases with frontiers of their own.
// RUN: tl-opt %S/Inputs/phases-model.mlir --convert-tl-to-nn | FileCheck %s
// RUN: tl-opt %S/Inputs/phases-model.mlir --convert-tl-to-nn --tl-fold-batch-norm | FileCheck %s --check-prefix=FOLD

// What no phase trains is a constant; the scale that the layer fixed stays one
// in an unfrozen layer; statistics belong to the first phase in training mode.
// CHECK: nn.parameter @conv1.kernel
// CHECK-NOT: first_phase
// CHECK: nn.parameter @conv2.kernel {{.*}}first_phase = 1 : i64{{.*}}nn.backbone
// CHECK: nn.parameter @bn2.gamma
// CHECK-NOT: first_phase
// CHECK: nn.parameter @bn2.beta {{.*}}first_phase = 1 : i64
// CHECK: nn.parameter @bn2.moving_mean {{.*}}first_phase = 1 : i64
// CHECK: nn.parameter @bn2.moving_variance {{.*}}first_phase = 1 : i64
// CHECK: nn.parameter @dense.kernel {{.*}}first_phase = 0 : i64
// CHECK-NOT: nn.backbone

// The recipe says which entries belong to each phase and what crosses.
// CHECK: {index = 2 : i64, kind = "BatchNormalization", name = "bn1", parameters = 16 : i64, trainable = false}
// CHECK-SAME: {first_phase = 1 : i64, index = 3 : i64, kind = "Conv2D", name = "conv2"
// CHECK: tl.train attributes {{.*}}tl.extract_all = "extract"
// CHECK: tl.phase "one" {{.*}}tl.evaluate = "evaluate.one", tl.extract = "extract.one", tl.frontier = ["gap"]
// CHECK: tl.phase "two" {{.*}}tl.evaluate = "evaluate.two", tl.extract = "extract.two", tl.frontier = ["bn1"]
// CHECK: tl.phase "three" {{.*}}tl.evaluate = "evaluate.two", tl.extract = "extract.two", tl.frontier = ["bn1"]

// One pass gives what crosses in any phase; a value has one name everywhere.
// CHECK: func.func @extract({{.*}}"pixels"}) -> (tensor<?x4xf32> {nn.name = "frontier"}, tensor<?x8x8x4xf32> {nn.name = "frontier.1"}) attributes {nn.entry = "extract", nn.phase = 0 : i64}

// Prediction starts where the last phase does.
// CHECK: func.func @predict({{.*}}tensor<?x8x8x4xf32> {nn.name = "frontier.1"})
// CHECK: nn.conv2d {{.*}}nn.layer = "conv2"

// CHECK: func.func @extract.one({{.*}}-> (tensor<?x4xf32> {nn.name = "frontier"}) attributes {nn.entry = "extract", nn.phase = 0 : i64}
// CHECK: nn.batch_norm {{.*}}nn.layer = "bn2"
// CHECK: func.func @evaluate.one(%{{.*}}: tensor<?x4xf32> {nn.name = "frontier"}, %{{.*}}: tensor<?xi32> {nn.name = "labels"})
// CHECK-NOT: nn.conv2d

// A step takes class weights and mixup where the recipe has them; evaluation
// does not.
// CHECK: func.func @train_step.one({{.*}}"frontier"}, %[[LABELS:[^:]*]]: tensor<?xi32> {nn.name = "labels"}, {{.*}}"ids"}, %[[WEIGHTS:[^:]*]]: tensor<?xf32> {nn.name = "weights"}, %[[OTHER:[^:]*]]: tensor<?xi32> {nn.name = "mix_labels"}, %[[MIX:[^:]*]]: tensor<?xf32> {nn.name = "mix"}, {{.*}}"step"})
// CHECK-NOT: nn.conv2d
// CHECK: nn.softmax_cross_entropy %{{.*}}, %[[LABELS]] weights %[[WEIGHTS]] mix %[[OTHER]] by %[[MIX]]

// CHECK: func.func @extract.two({{.*}}-> (tensor<?x8x8x4xf32> {nn.name = "frontier.1"}) attributes {nn.entry = "extract", nn.phase = 1 : i64}
// CHECK-NOT: "conv2"
// CHECK: func.func @evaluate.two({{.*}}nn.name = "frontier.1"
// CHECK-NOT: nn.batch_stats

// Training mode: the batch's statistics, in this phase's step alone.
// CHECK: func.func @train_step.two({{.*}}nn.name = "frontier.1"
// CHECK-SAME: nn.clip_norm = 1.000000e+00
// CHECK: %[[Y:.*]] = nn.conv2d
// CHECK-NOT: nn.get @bn2.moving
// CHECK: %[[MEAN:.*]], %[[VARIANCE:.*]] = nn.batch_stats %[[Y]] {nn.layer = "bn2", nn.statistics = [@bn2.moving_mean, @bn2.moving_variance]}
// CHECK: nn.batch_norm %[[Y]], %{{.*}}, %{{.*}}, %[[MEAN]], %[[VARIANCE]] {batch_statistics,

// The third phase says frozen again: stored statistics, which nothing updates.
// CHECK: func.func @train_step.three({{.*}}nn.name = "frontier.1"
// CHECK-NOT: nn.batch_stats
// CHECK: nn.get @bn2.moving_mean

// A batch norm folds where no phase trains it, its scale or its convolution;
// the unfrozen one keeps its operation, also where it is still frozen.
// FOLD: func.func @extract(
// FOLD-NOT: nn.shared
// FOLD: nn.conv2d {{.*}}nn.layer = "bn1"
// FOLD-NOT: nn.batch_norm
// FOLD: nn.conv2d {{.*}}nn.layer = "conv2"
// FOLD: nn.batch_norm {{.*}}nn.layer = "bn2"
// FOLD: func.func @extract.two(
// FOLD: nn.conv2d {{.*}}nn.layer = "bn1"
// FOLD-NOT: nn.batch_norm
// FOLD: return
