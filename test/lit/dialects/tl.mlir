// RUN: tl-opt %S/../conversion/Inputs/tiny-model.mlir | tl-opt | FileCheck %s

// Every operation of the dialect, printed and read again.
// CHECK: tl.model @tiny attributes {classes = 2 : i64, input = array<i64: 9, 9, 3>, labels = ["ants", "bees"]}
// CHECK:   tl.preprocess "tf" {mean = array<f32: 1.000000e+00, 1.000000e+00, 1.000000e+00>
// CHECK:   tl.backbone "tinynet" attributes {frozen = array<i64: 1, 2, 3, 4>}
// CHECK:     tl.layer "pad1" kind "ZeroPadding2D" index 1(%{{.*}})
// CHECK:       tl.yield
// CHECK:     tl.layer "relu1" kind "ReLU" index 4
// CHECK:   tl.head
// CHECK:     tl.layer "dense_1" kind "Dense" index 3
// CHECK:   tl.train attributes {loss = "categorical_crossentropy"}
// CHECK:     tl.phase "head" {epochs = 3 : i64, learning_rate = 1.000000e-03 : f64, optimizer = #nn.optimizer<adam, keras, {}>, unfreeze = array<i64>}
