// Every RT operation is printed as it is read, in the custom and the generic
// form.
// RUN: tl-opt %s | FileCheck %s
// RUN: tl-opt %s | tl-opt | FileCheck %s
// RUN: tl-opt %s --mlir-print-op-generic | tl-opt | FileCheck %s

// A constant with values, a parameter with an initialiser, its slot.
// CHECK: rt.tensor constant @mean : tensor<2xf32> {layer = "norm", value = dense<1.000000e+00> : tensor<2xf32>}
rt.tensor constant @mean : tensor<2xf32> {value = dense<1.0> : tensor<2xf32>, layer = "norm"}
// CHECK: rt.tensor parameter @dense.kernel : tensor<4x2xf32, #nn.form<rows>> {first_phase = 0 : i64, init = #nn.init<uniform, 5.000000e-01 : f32, stream 1>}
rt.tensor parameter @dense.kernel : tensor<4x2xf32, #nn.form<rows>> {init = #nn.init<uniform, 0.5 : f32, stream 1>, first_phase = 0}
// CHECK: rt.tensor slot @dense.kernel.m : tensor<4x2xf32, #nn.form<rows>> {slot_of = @dense.kernel}
rt.tensor slot @dense.kernel.m : tensor<4x2xf32, #nn.form<rows>> {slot_of = @dense.kernel}

// A kernel with its grids.
// CHECK-LABEL: rt.kernel @dense attributes {grids = {x86_64_v3 = #rt.grid<fixed 1, 2 per 4, scratch 128>}} {
rt.kernel @dense attributes {grids = {x86_64_v3 = #rt.grid<fixed 1, 2 per 4, scratch 128>}} {
^bb0(%x: tensor<?x4xf32>, %w: tensor<4x2xf32, #nn.form<rows>>):
  %y = nn.dense %x, %w : (tensor<?x4xf32>, tensor<4x2xf32, #nn.form<rows>>) -> tensor<?x2xf32>
  // CHECK: rt.return %{{.*}} : tensor<?x2xf32>
  rt.return %y : tensor<?x2xf32>
}

// What a kernel makes of a constant.
rt.tensor constant @filter : tensor<3x3x4x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
rt.kernel @points {
^bb0(%w: tensor<3x3x4x2xf32>):
  %u = nn.winograd_filter %w : (tensor<3x3x4x2xf32>) -> tensor<36x4x2xf32>
  rt.return %u : tensor<36x4x2xf32>
}
// CHECK: rt.derived @filter.points = @points(@filter) : tensor<36x4x2xf32>
rt.derived @filter.points = @points(@filter) : tensor<36x4x2xf32>

// A kernel whose result takes the storage of its argument.
// CHECK-LABEL: rt.kernel @update attributes {in_place = array<i64: 0, 0>} {
rt.kernel @update attributes {in_place = array<i64: 0, 0>} {
^bb0(%p: tensor<4x2xf32, #nn.form<rows>>, %g: tensor<4x2xf32, #nn.form<rows>>, %s: tensor<16xi32>):
  %q = nn.update %p slots() by %g at %s {optimizer = #nn.optimizer<sgd, keras, {}>}
     : (tensor<4x2xf32, #nn.form<rows>>, tensor<4x2xf32, #nn.form<rows>>, tensor<16xi32>) -> tensor<4x2xf32, #nn.form<rows>>
  rt.return %q : tensor<4x2xf32, #nn.form<rows>>
}

// Buffers before and after planning, weights, the step block, ports, calls.
// CHECK-LABEL: rt.entry train_step @train_step attributes {arena_fixed = 64 : i64, arena_per_picture = 64 : i64, phase = 0 : i64} {
rt.entry train_step @train_step attributes {arena_fixed = 64, arena_per_picture = 64, phase = 0} {
  // CHECK: %[[X:.*]] = rt.buffer {offset = 0 : i64} : <tensor<?x4xf32>>
  %x = rt.buffer {offset = 0} : !rt.buffer<tensor<?x4xf32>>
  // CHECK: %[[Y:.*]] = rt.buffer : <tensor<?x2xf32>>
  %y = rt.buffer : !rt.buffer<tensor<?x2xf32>>
  %g = rt.buffer : !rt.buffer<tensor<4x2xf32, #nn.form<rows>>>
  // CHECK: %[[W:.*]] = rt.weight @dense.kernel : <tensor<4x2xf32, #nn.form<rows>>>
  %w = rt.weight @dense.kernel : !rt.buffer<tensor<4x2xf32, #nn.form<rows>>>
  // CHECK: %[[S:.*]] = rt.step : <tensor<16xi32>>
  %s = rt.step : !rt.buffer<tensor<16xi32>>
  // CHECK: rt.input "frontier", %[[X]] : <tensor<?x4xf32>>
  rt.input "frontier", %x : !rt.buffer<tensor<?x4xf32>>
  // CHECK: rt.call @dense(%[[X]], %[[W]]) -> (%[[Y]]) {layer = "dense"} : (!rt.buffer<tensor<?x4xf32>>, !rt.buffer<tensor<4x2xf32, #nn.form<rows>>>) -> !rt.buffer<tensor<?x2xf32>>
  rt.call @dense(%x, %w) -> (%y) {layer = "dense"} : (!rt.buffer<tensor<?x4xf32>>, !rt.buffer<tensor<4x2xf32, #nn.form<rows>>>) -> !rt.buffer<tensor<?x2xf32>>
  // CHECK: rt.call @update(%[[W]], %{{.*}}, %[[S]]) -> () :
  rt.call @update(%w, %g, %s) -> () : (!rt.buffer<tensor<4x2xf32, #nn.form<rows>>>, !rt.buffer<tensor<4x2xf32, #nn.form<rows>>>, !rt.buffer<tensor<16xi32>>) -> ()
  // CHECK: rt.output "logits", %[[Y]] : <tensor<?x2xf32>>
  rt.output "logits", %y : !rt.buffer<tensor<?x2xf32>>
}

// The other kinds of entry points.
// CHECK: rt.entry extract @extract
rt.entry extract @extract { %x = rt.buffer : !rt.buffer<tensor<?x4xf32>> }
// CHECK: rt.entry evaluate @evaluate
rt.entry evaluate @evaluate { %x = rt.buffer : !rt.buffer<tensor<?x4xf32>> }
// CHECK: rt.entry predict @predict
rt.entry predict @predict { %x = rt.buffer : !rt.buffer<tensor<?x4xf32>> }
// CHECK: rt.entry tap @tap
rt.entry tap @tap { %x = rt.buffer : !rt.buffer<tensor<?x4xf32>> }
