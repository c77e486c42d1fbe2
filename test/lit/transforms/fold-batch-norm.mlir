// RUN: tl-opt %s --tl-fold-batch-norm --tl-drop-unused-parameters --split-input-file | FileCheck %s

// gamma / sqrt(variance + epsilon) = 2 / sqrt(3 + 1) = 1, and
// 6 / sqrt(8 + 1) = 2; the shift is beta - mean * scale.
// CHECK-DAG: nn.parameter @conv.kernel.with.bn : tensor<1x1x1x2xf32> {{.*}}value = dense_resource<conv.kernel.with.bn>
// CHECK-DAG: nn.parameter @conv.bias.with.bn : tensor<2xf32>
// CHECK-NOT: @bn.gamma
// CHECK: func.func @loaded
// CHECK:   %[[W:.*]] = nn.get @conv.kernel.with.bn
// CHECK:   %[[B:.*]] = nn.get @conv.bias.with.bn
// CHECK:   nn.conv2d %{{.*}}, %[[W]], %[[B]] {nn.layer = "bn"}
// CHECK-NOT: nn.batch_norm
// CHECK: dialect_resources
// bias: 0.5 - 1 * 1 = -0.5 and 0.25 - 4 * 2 = -7.75
// CHECK-DAG: conv.bias.with.bn: "0x40000000000000BF0000F8C0"
// kernel: 3 * 1 = 3 and 5 * 2 = 10
// CHECK-DAG: conv.kernel.with.bn: "0x400000000000404000002041"
nn.parameter @conv.kernel : tensor<1x1x1x2xf32> {layer = "conv", role = "kernel", value = dense<[[[[3.0, 5.0]]]]> : tensor<1x1x1x2xf32>}
nn.parameter @bn.gamma : tensor<2xf32> {value = dense<[2.0, 6.0]> : tensor<2xf32>}
nn.parameter @bn.beta : tensor<2xf32> {value = dense<[0.5, 0.25]> : tensor<2xf32>}
nn.parameter @bn.mean : tensor<2xf32> {value = dense<[1.0, 4.0]> : tensor<2xf32>}
nn.parameter @bn.variance : tensor<2xf32> {value = dense<[3.0, 8.0]> : tensor<2xf32>}
func.func @loaded(%x: tensor<?x2x2x1xf32>) -> tensor<?x2x2x2xf32> {
  %w = nn.get @conv.kernel : tensor<1x1x1x2xf32>
  %g = nn.get @bn.gamma : tensor<2xf32>
  %b = nn.get @bn.beta : tensor<2xf32>
  %m = nn.get @bn.mean : tensor<2xf32>
  %v = nn.get @bn.variance : tensor<2xf32>
  %0 = nn.conv2d %x, %w {nn.layer = "conv"} : (tensor<?x2x2x1xf32>, tensor<1x1x1x2xf32>) -> tensor<?x2x2x2xf32>
  %1 = nn.batch_norm %0, %g, %b, %m, %v {epsilon = 1.0 : f64, nn.layer = "bn"} : (tensor<?x2x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2x2x2xf32>
  return %1 : tensor<?x2x2x2xf32>
}

// -----

// A layer scale folds into a dense layer, its bias with it.
// CHECK-DAG: nn.parameter @fc.kernel.with.scale
// CHECK-LABEL: func.func @scale
// CHECK: nn.dense %{{.*}}, %{{.*}}, %{{.*}} {nn.layer = "scale"}
// CHECK-NOT: nn.scale_channels
// CHECK: dialect_resources
// bias: 2 * 0.5 = 1 and 4 * 3 = 12
// CHECK-DAG: fc.bias.with.scale: "0x400000000000803F00004041"
// kernel: 3 * 0.5 = 1.5 and 5 * 3 = 15
// CHECK-DAG: fc.kernel.with.scale: "0x400000000000C03F00007041"
nn.parameter @fc.kernel : tensor<1x2xf32> {layer = "fc", value = dense<[[3.0, 5.0]]> : tensor<1x2xf32>}
nn.parameter @fc.bias : tensor<2xf32> {layer = "fc", value = dense<[2.0, 4.0]> : tensor<2xf32>}
nn.parameter @scale.scale : tensor<2xf32> {layer = "scale", value = dense<[0.5, 3.0]> : tensor<2xf32>}
func.func @scale(%x: tensor<?x7x1xf32>) -> tensor<?x7x2xf32> {
  %w = nn.get @fc.kernel : tensor<1x2xf32>
  %b = nn.get @fc.bias : tensor<2xf32>
  %s = nn.get @scale.scale : tensor<2xf32>
  %0 = nn.dense %x, %w, %b {nn.layer = "fc"} : (tensor<?x7x1xf32>, tensor<1x2xf32>, tensor<2xf32>) -> tensor<?x7x2xf32>
  %1 = nn.scale_channels %0, %s {nn.layer = "scale"} : (tensor<?x7x2xf32>, tensor<2xf32>) -> tensor<?x7x2xf32>
  return %1 : tensor<?x7x2xf32>
}

// -----

// Drawn weights stay drawn, scaled by 1 / sqrt(3 + 1).
// CHECK: nn.parameter @conv.kernel.with.bn : tensor<1x1x1x2xf32> {init = #nn.init<uniform, 5.000000e-02 : f32, stream 4, seed 7 : i64>
// CHECK-LABEL: func.func @drawn
// CHECK-NOT: nn.batch_norm
nn.parameter @conv.kernel : tensor<1x1x1x2xf32> {layer = "conv", init = #nn.init<uniform, 1.0e-01 : f32, stream 4, seed 7 : i64>}
nn.parameter @bn.one : tensor<2xf32> {init = #nn.init<fill, 1.0 : f32, stream 5>}
nn.parameter @bn.zero : tensor<2xf32> {init = #nn.init<fill, 0.0 : f32, stream 6>}
nn.parameter @bn.three : tensor<2xf32> {init = #nn.init<fill, 3.0 : f32, stream 7>}
func.func @drawn(%x: tensor<?x2x2x1xf32>) -> tensor<?x2x2x2xf32> {
  %w = nn.get @conv.kernel : tensor<1x1x1x2xf32>
  %g = nn.get @bn.one : tensor<2xf32>
  %z = nn.get @bn.zero : tensor<2xf32>
  %v = nn.get @bn.three : tensor<2xf32>
  %0 = nn.conv2d %x, %w {nn.layer = "conv"} : (tensor<?x2x2x1xf32>, tensor<1x1x1x2xf32>) -> tensor<?x2x2x2xf32>
  %1 = nn.batch_norm %0, %g, %z, %z, %v {epsilon = 1.0 : f64, nn.layer = "bn"} : (tensor<?x2x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2x2x2xf32>
  return %1 : tensor<?x2x2x2xf32>
}

// -----

// A batch norm that some phase trains is not a constant.
// CHECK-LABEL: func.func @trained
// CHECK: nn.batch_norm
nn.parameter @conv.kernel : tensor<1x1x1x1xf32> {layer = "conv", value = dense<1.0> : tensor<1x1x1x1xf32>}
nn.parameter @bn.gamma : tensor<1xf32> {value = dense<1.0> : tensor<1xf32>, first_phase = 1 : i64}
nn.parameter @bn.rest : tensor<1xf32> {value = dense<1.0> : tensor<1xf32>}
func.func @trained(%x: tensor<?x2x2x1xf32>) -> tensor<?x2x2x1xf32> {
  %w = nn.get @conv.kernel : tensor<1x1x1x1xf32>
  %g = nn.get @bn.gamma : tensor<1xf32>
  %r = nn.get @bn.rest : tensor<1xf32>
  %0 = nn.conv2d %x, %w : (tensor<?x2x2x1xf32>, tensor<1x1x1x1xf32>) -> tensor<?x2x2x1xf32>
  %1 = nn.batch_norm %0, %g, %r, %r, %r {epsilon = 1.0 : f64} : (tensor<?x2x2x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<?x2x2x1xf32>
  return %1 : tensor<?x2x2x1xf32>
}

// -----

// Something else reads the convolution: its value must stay.
// CHECK-LABEL: func.func @read_twice
// CHECK: nn.batch_norm
nn.parameter @conv.kernel : tensor<1x1x1x1xf32> {layer = "conv", value = dense<1.0> : tensor<1x1x1x1xf32>}
nn.parameter @bn.one : tensor<1xf32> {value = dense<1.0> : tensor<1xf32>}
func.func @read_twice(%x: tensor<?x2x2x1xf32>) -> (tensor<?x2x2x1xf32>, tensor<?x2x2x1xf32>) {
  %w = nn.get @conv.kernel : tensor<1x1x1x1xf32>
  %o = nn.get @bn.one : tensor<1xf32>
  %0 = nn.conv2d %x, %w : (tensor<?x2x2x1xf32>, tensor<1x1x1x1xf32>) -> tensor<?x2x2x1xf32>
  %1 = nn.batch_norm %0, %o, %o, %o, %o {epsilon = 1.0 : f64} : (tensor<?x2x2x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<?x2x2x1xf32>
  return %0, %1 : tensor<?x2x2x1xf32>, tensor<?x2x2x1xf32>
}

// -----

// Nothing folds into a result that other entry points read too: they must see
// the same bits. The mark is gone afterwards.
// CHECK-LABEL: func.func @shared
// CHECK: nn.conv2d
// CHECK-NOT: nn.shared
// CHECK: nn.batch_norm
nn.parameter @w : tensor<1x1x1x1xf32> {value = dense<1.0> : tensor<1x1x1x1xf32>}
nn.parameter @one : tensor<1xf32> {value = dense<1.0> : tensor<1xf32>}
func.func @shared(%x: tensor<?x2x2x1xf32>) -> tensor<?x2x2x1xf32> {
  %w = nn.get @w : tensor<1x1x1x1xf32>
  %one = nn.get @one : tensor<1xf32>
  %0 = nn.conv2d %x, %w {nn.shared} : (tensor<?x2x2x1xf32>, tensor<1x1x1x1xf32>) -> tensor<?x2x2x1xf32>
  %1 = nn.batch_norm %0, %one, %one, %one, %one {epsilon = 1.0 : f64} : (tensor<?x2x2x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<?x2x2x1xf32>
  return %1 : tensor<?x2x2x1xf32>
}

// -----

// What has a name in the weights' framework stays for the export: the norm's
// vectors and the old bias as they were, and the folded kernel with its factors,
// which stand in front of it. The folded bias is nobody's there.
// CHECK-LABEL: nn.parameter @named.kernel.with.bn.scale : tensor<1xf32> {layer = "named", role = "scale", value
// CHECK: nn.parameter @named.kernel.with.bn : {{.*}}nn.source = {name = "c.weight", scale = @named.kernel.with.bn.scale}
// CHECK: nn.parameter @named.bias : tensor<1xf32> {nn.source = {name = "c.bias"}
// CHECK: nn.parameter @bn.gamma : tensor<1xf32> {nn.source = {name = "bn.weight"}
// CHECK: nn.parameter @bn.variance : tensor<1xf32> {nn.source = {name = "bn.running_var"}
// CHECK-NOT: nn.exported
// CHECK-LABEL: func.func @named
// CHECK: dialect_resources
// 6 / sqrt(8 + 1) = 2
// CHECK: named.kernel.with.bn.scale: "0x4000000000000040"
nn.parameter @named.kernel : tensor<1x1x1x1xf32> {layer = "named", value = dense<3.0> : tensor<1x1x1x1xf32>, nn.source = {name = "c.weight"}}
nn.parameter @named.bias : tensor<1xf32> {value = dense<1.0> : tensor<1xf32>, nn.source = {name = "c.bias"}}
nn.parameter @bn.gamma : tensor<1xf32> {value = dense<6.0> : tensor<1xf32>, nn.source = {name = "bn.weight"}}
nn.parameter @bn.rest : tensor<1xf32> {value = dense<0.0> : tensor<1xf32>}
nn.parameter @bn.variance : tensor<1xf32> {value = dense<8.0> : tensor<1xf32>, nn.source = {name = "bn.running_var"}}
func.func @named(%x: tensor<?x2x2x1xf32>) -> tensor<?x2x2x1xf32> {
  %w = nn.get @named.kernel : tensor<1x1x1x1xf32>
  %b = nn.get @named.bias : tensor<1xf32>
  %g = nn.get @bn.gamma : tensor<1xf32>
  %r = nn.get @bn.rest : tensor<1xf32>
  %v = nn.get @bn.variance : tensor<1xf32>
  %0 = nn.conv2d %x, %w, %b {nn.layer = "named"} : (tensor<?x2x2x1xf32>, tensor<1x1x1x1xf32>, tensor<1xf32>) -> tensor<?x2x2x1xf32>
  %1 = nn.batch_norm %0, %g, %r, %r, %v {epsilon = 1.0 : f64, nn.layer = "bn"} : (tensor<?x2x2x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<?x2x2x1xf32>
  return %1 : tensor<?x2x2x1xf32>
}

// -----

// A norm and then a scale: the factors are those of both, 2 * 0.5.
// CHECK-LABEL: nn.parameter @twice.kernel.with.scale : {{.*}}nn.source = {name = "c.weight", scale = @twice.kernel.with.scale.scale}
// CHECK-LABEL: func.func @twice
// CHECK: dialect_resources
// CHECK: twice.kernel.with.scale.scale: "0x400000000000803F"
nn.parameter @twice.kernel : tensor<1x1x1x1xf32> {layer = "twice", value = dense<3.0> : tensor<1x1x1x1xf32>, nn.source = {name = "c.weight"}}
nn.parameter @bn.gamma : tensor<1xf32> {value = dense<6.0> : tensor<1xf32>}
nn.parameter @bn.rest : tensor<1xf32> {value = dense<0.0> : tensor<1xf32>}
nn.parameter @bn.variance : tensor<1xf32> {value = dense<8.0> : tensor<1xf32>}
nn.parameter @half : tensor<1xf32> {value = dense<0.5> : tensor<1xf32>}
func.func @twice(%x: tensor<?x2x2x1xf32>) -> tensor<?x2x2x1xf32> {
  %w = nn.get @twice.kernel : tensor<1x1x1x1xf32>
  %g = nn.get @bn.gamma : tensor<1xf32>
  %r = nn.get @bn.rest : tensor<1xf32>
  %v = nn.get @bn.variance : tensor<1xf32>
  %h = nn.get @half : tensor<1xf32>
  %0 = nn.conv2d %x, %w {nn.layer = "twice"} : (tensor<?x2x2x1xf32>, tensor<1x1x1x1xf32>) -> tensor<?x2x2x1xf32>
  %1 = nn.batch_norm %0, %g, %r, %r, %v {epsilon = 1.0 : f64, nn.layer = "bn"} : (tensor<?x2x2x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<?x2x2x1xf32>
  %2 = nn.scale_channels %1, %h {nn.layer = "scale"} : (tensor<?x2x2x1xf32>, tensor<1xf32>) -> tensor<?x2x2x1xf32>
  return %2 : tensor<?x2x2x1xf32>
}

// -----

// A kernel that is still read somewhere keeps its name, and the folded one has none.
// CHECK: nn.parameter @both.kernel : {{.*}}nn.source = {name = "c.weight"}
// CHECK: nn.parameter @both.kernel.with.bn
// CHECK-NOT: nn.source
// CHECK-LABEL: func.func @both
nn.parameter @both.kernel : tensor<1x1x1x1xf32> {layer = "both", value = dense<3.0> : tensor<1x1x1x1xf32>, nn.source = {name = "c.weight"}}
nn.parameter @one : tensor<1xf32> {value = dense<1.0> : tensor<1xf32>}
func.func @both(%x: tensor<?x2x2x1xf32>) -> (tensor<?x2x2x1xf32>, tensor<?x2x2x1xf32>) {
  %w = nn.get @both.kernel : tensor<1x1x1x1xf32>
  %o = nn.get @one : tensor<1xf32>
  %0 = nn.conv2d %x, %w {nn.layer = "both"} : (tensor<?x2x2x1xf32>, tensor<1x1x1x1xf32>) -> tensor<?x2x2x1xf32>
  %1 = nn.conv2d %x, %w {nn.layer = "both"} : (tensor<?x2x2x1xf32>, tensor<1x1x1x1xf32>) -> tensor<?x2x2x1xf32>
  %2 = nn.batch_norm %1, %o, %o, %o, %o {epsilon = 1.0 : f64, nn.layer = "bn"} : (tensor<?x2x2x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<?x2x2x1xf32>
  return %0, %2 : tensor<?x2x2x1xf32>, tensor<?x2x2x1xf32>
}
