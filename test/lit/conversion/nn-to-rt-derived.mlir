// RUN: tl-opt %s --convert-nn-to-rt | FileCheck %s

// The points of a filter that no phase trains are derived, once for all
// entries; those of a trained one for predictions and taps, which read the
// file's values. What a training runs computes them in each run.
nn.parameter @frozen : tensor<3x3x4x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @trained : tensor<3x3x4x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
// CHECK: rt.derived @frozen.winograd_filter_0 = @winograd_filter_0(@frozen) : tensor<36x4x4xf32>
// CHECK-NOT: rt.derived
// CHECK: rt.entry extract @extract
// CHECK: %[[U:.*]] = rt.weight @frozen.winograd_filter_0 : <tensor<36x4x4xf32>>
// CHECK: %[[V:.*]] = rt.buffer :
// CHECK: rt.call @winograd_filter_0(%{{.*}}) -> (%[[V]]) :
// CHECK: rt.call @winograd_conv2d_0(%{{.*}}, %[[U]]) -> (%{{.*}}) :
// CHECK: rt.call @winograd_conv2d_0(%{{.*}}, %[[V]]) -> (%{{.*}}) :
func.func @extract(%x: tensor<?x8x8x4xf32> {nn.name = "pixels"}) -> (tensor<?x6x6x4xf32> {nn.name = "frontier"}, tensor<?x6x6x4xf32> {nn.name = "frontier.1"}) attributes {nn.entry = "extract"} {
  %w = nn.get @frozen : tensor<3x3x4x4xf32>
  %t = nn.get @trained : tensor<3x3x4x4xf32>
  %u = nn.winograd_filter %w : (tensor<3x3x4x4xf32>) -> tensor<36x4x4xf32>
  %v = nn.winograd_filter %t : (tensor<3x3x4x4xf32>) -> tensor<36x4x4xf32>
  %y = nn.winograd_conv2d %x, %u : (tensor<?x8x8x4xf32>, tensor<36x4x4xf32>) -> tensor<?x6x6x4xf32>
  %z = nn.winograd_conv2d %x, %v : (tensor<?x8x8x4xf32>, tensor<36x4x4xf32>) -> tensor<?x6x6x4xf32>
  return %y, %z : tensor<?x6x6x4xf32>, tensor<?x6x6x4xf32>
}

// CHECK-NOT: rt.derived
// CHECK: rt.entry tap @tap
// CHECK: rt.weight @frozen.winograd_filter_0
func.func @tap(%x: tensor<?x8x8x4xf32> {nn.name = "pixels"}) -> (tensor<?x6x6x4xf32> {nn.name = "a"}) attributes {nn.entry = "tap"} {
  %w = nn.get @frozen : tensor<3x3x4x4xf32>
  %u = nn.winograd_filter %w : (tensor<3x3x4x4xf32>) -> tensor<36x4x4xf32>
  %y = nn.winograd_conv2d %x, %u : (tensor<?x8x8x4xf32>, tensor<36x4x4xf32>) -> tensor<?x6x6x4xf32>
  return %y : tensor<?x6x6x4xf32>
}
// CHECK: rt.derived @trained.winograd_filter_0 = @winograd_filter_0(@trained) : tensor<36x4x4xf32>
// CHECK: rt.entry predict @predict
// CHECK: rt.weight @trained.winograd_filter_0
func.func @predict(%x: tensor<?x8x8x4xf32> {nn.name = "frontier"}) -> (tensor<?x6x6x4xf32> {nn.name = "a"}) attributes {nn.entry = "predict"} {
  %w = nn.get @trained : tensor<3x3x4x4xf32>
  %u = nn.winograd_filter %w : (tensor<3x3x4x4xf32>) -> tensor<36x4x4xf32>
  %y = nn.winograd_conv2d %x, %u : (tensor<?x8x8x4xf32>, tensor<36x4x4xf32>) -> tensor<?x6x6x4xf32>
  return %y : tensor<?x6x6x4xf32>
}

// CHECK-NOT: rt.derived
// CHECK: rt.entry train_step @step
// CHECK: %[[U:.*]] = rt.weight @frozen.winograd_filter_0 : <tensor<36x4x4xf32>>
// CHECK: rt.call @winograd_filter_0(%{{.*}}) -> (%[[V:.*]]) :
// CHECK: rt.call @winograd_conv2d_0(%{{.*}}, %[[U]]) -> (%{{.*}}) :
// CHECK: rt.call @winograd_conv2d_0(%{{.*}}, %[[V]]) -> (%{{.*}}) :
func.func @step(%x: tensor<?x8x8x4xf32> {nn.name = "frontier"}) -> (tensor<?x6x6x4xf32> {nn.name = "a"}, tensor<?x6x6x4xf32> {nn.name = "b"}) attributes {nn.entry = "train_step", nn.phase = 0 : i64} {
  %w = nn.get @frozen : tensor<3x3x4x4xf32>
  %t = nn.get @trained : tensor<3x3x4x4xf32>
  %u = nn.winograd_filter %w : (tensor<3x3x4x4xf32>) -> tensor<36x4x4xf32>
  %v = nn.winograd_filter %t : (tensor<3x3x4x4xf32>) -> tensor<36x4x4xf32>
  %y = nn.winograd_conv2d %x, %u : (tensor<?x8x8x4xf32>, tensor<36x4x4xf32>) -> tensor<?x6x6x4xf32>
  %z = nn.winograd_conv2d %x, %v : (tensor<?x8x8x4xf32>, tensor<36x4x4xf32>) -> tensor<?x6x6x4xf32>
  return %y, %z : tensor<?x6x6x4xf32>, tensor<?x6x6x4xf32>
}
// CHECK: rt.entry evaluate @evaluate
// CHECK: rt.call @winograd_filter_0
func.func @evaluate(%x: tensor<?x8x8x4xf32> {nn.name = "frontier"}) -> (tensor<?x6x6x4xf32> {nn.name = "a"}) attributes {nn.entry = "evaluate", nn.phase = 0 : i64} {
  %w = nn.get @trained : tensor<3x3x4x4xf32>
  %u = nn.winograd_filter %w : (tensor<3x3x4x4xf32>) -> tensor<36x4x4xf32>
  %y = nn.winograd_conv2d %x, %u : (tensor<?x8x8x4xf32>, tensor<36x4x4xf32>) -> tensor<?x6x6x4xf32>
  return %y : tensor<?x6x6x4xf32>
}
