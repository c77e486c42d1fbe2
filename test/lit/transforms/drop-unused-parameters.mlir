// RUN: tl-opt %s --tl-drop-unused-parameters | FileCheck %s

// What no function reads leaves the module, and so does a read that nothing
// uses.
// CHECK-NOT: @unused
// What an export writes or needs stays, the second without its mark.
// CHECK: nn.parameter @named : tensor<2xf32> {nn.source = {name = "count"}
// CHECK: nn.parameter @exported : tensor<2xf32> {value = dense<2.000000e+00> : tensor<2xf32>}{{$}}
// CHECK: nn.parameter @used
// CHECK-NOT: @read_for_nothing
// CHECK-LABEL: func.func @f
// CHECK: nn.get @used
// CHECK-NOT: nn.get
nn.parameter @unused : tensor<2xf32> {value = dense<1.0> : tensor<2xf32>}
nn.parameter @named : tensor<2xf32> {nn.source = {name = "count"}, value = dense<3.0> : tensor<2xf32>}
nn.parameter @exported : tensor<2xf32> {nn.exported, value = dense<2.0> : tensor<2xf32>}
nn.parameter @used : tensor<4x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @read_for_nothing : tensor<2xf32> {init = #nn.init<fill, 1.0 : f32, stream 1>}
func.func @f(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = nn.get @used : tensor<4x2xf32>
  %n = nn.get @read_for_nothing : tensor<2xf32>
  %0 = nn.dense %x, %w : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}
