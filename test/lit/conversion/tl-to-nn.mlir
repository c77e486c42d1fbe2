// RUN: tl-opt %S/Inputs/tiny-model.mlir --convert-tl-to-nn | FileCheck %s

// The head's parameters train from the first phase on, the backbone's never.
// CHECK: nn.parameter @conv1.kernel
// CHECK-NOT: first_phase
// CHECK: nn.parameter @dense.kernel {{.*}}first_phase = 0
// CHECK: tl.model @tiny attributes {backbone_name = "tinynet"
// CHECK-SAME: {index = 2 : i64, kind = "Conv2D", name = "conv1", parameters = 216 : i64, trainable = false}
// CHECK-SAME: {first_phase = 0 : i64, index = 2 : i64, kind = "Dense", name = "dense", parameters = 144 : i64, trainable = true}

// The frozen region ends at the pooled features: a pure function of pixels.
// CHECK: func.func @extract(%{{.*}}: tensor<?x9x9x3xf32> {nn.name = "pixels"}) -> (tensor<?x8xf32> {nn.name = "frontier"})
// CHECK: nn.conv2d {{.*}}nn.layer = "conv1"
// CHECK: nn.batch_norm
// CHECK: %[[F:.*]] = nn.global_avg_pool
// CHECK-NEXT: return %[[F]]

// Prediction starts at the frontier and draws no dropout.
// CHECK: func.func @predict(%{{.*}}: tensor<?x8xf32> {nn.name = "frontier"}) -> (tensor<?x2xf32> {nn.name = "logits"}, tensor<?x2xf32> {nn.name = "scores"})
// CHECK-NOT: ids
// CHECK-NOT: nn.conv2d
// CHECK: func.func @evaluate({{.*}}nn.name = "labels"
// CHECK: nn.softmax_cross_entropy

// A training step never runs the backbone; its dropout knows picture and step.
// CHECK: func.func @train_step.head(%{{.*}}: tensor<?x8xf32> {nn.name = "frontier"}, %{{.*}}: tensor<?xi32> {nn.name = "labels"}, %[[IDS:.*]]: tensor<?xi32> {nn.name = "ids"}, %[[STEP:.*]]: tensor<16xi32> {nn.name = "step"})
// CHECK-SAME: nn.optimizer = #nn.optimizer<adam, keras, {}>, nn.phase = 0
// CHECK-NOT: nn.conv2d
// CHECK: nn.dropout %{{.*}} ids %[[IDS]] step %[[STEP]]

// CHECK: func.func @tap.features({{.*}}"pixels"}) -> (tensor<?x4x4x8xf32> {nn.name = "features"})
// CHECK: func.func @tap.logits({{.*}}-> (tensor<?x2xf32> {nn.name = "logits"})
// CHECK: func.func @tap.frontier({{.*}}-> (tensor<?x8xf32> {nn.name = "frontier"})
