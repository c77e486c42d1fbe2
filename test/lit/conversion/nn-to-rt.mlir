// RUN: tl-opt %s --convert-nn-to-rt | FileCheck %s

// Trained parameters, their slots and constants take their roles.
// CHECK-DAG: rt.tensor constant @c : tensor<4x4xf32>
// CHECK-DAG: rt.tensor parameter @p : tensor<4x4xf32>
// CHECK-DAG: rt.tensor slot @p.slot0 : tensor<4x4xf32> {slot_of = @p}
nn.parameter @c : tensor<4x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @p : tensor<4x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 1>, first_phase = 0 : i64}
nn.parameter @p.slot0 : tensor<4x4xf32> {slot_of = @p}
nn.parameter @mean : tensor<4xf32> {init = #nn.init<fill, 0.0 : f32, stream 0>}

// Two layers of one shape share a kernel; the layer's name goes to the call.
// CHECK: rt.entry extract @extract
// CHECK:   %[[X:.*]] = rt.buffer
// CHECK:   rt.input "pixels", %[[X]]
// CHECK:   rt.call @dense_0(%[[X]], %{{.*}}) -> (%[[A:.*]]) {layer = "first"}
// CHECK:   rt.call @dense_0(%[[A]], %{{.*}}) -> (%[[B:.*]]) {layer = "second"}
// CHECK:   rt.output "frontier", %[[B]]
func.func @extract(%x: tensor<?x4xf32> {nn.name = "pixels"}) -> (tensor<?x4xf32> {nn.name = "frontier"}) attributes {nn.entry = "extract"} {
  %w = nn.get @c : tensor<4x4xf32>
  %0 = nn.dense %x, %w {nn.layer = "first"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %1 = nn.dense %0, %w {nn.layer = "second"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// An update writes onto its parameter and slots: the call has no outputs.
// CHECK: rt.entry train_step @step attributes {phase = 0 : i64}
// CHECK:   %[[S:.*]] = rt.step
// CHECK:   %[[P:.*]] = rt.weight @p
// CHECK:   %[[M:.*]] = rt.weight @p.slot0
// CHECK:   rt.call @update_0(%[[P]], %[[M]], %{{.*}}, %[[S]]) -> ()
func.func @step(%g: tensor<?x4xf32> {nn.name = "frontier"}, %s: tensor<16xi32> {nn.name = "step"}) attributes {nn.entry = "train_step", nn.phase = 0 : i64} {
  %p = nn.get @p : tensor<4x4xf32>
  %m = nn.get @p.slot0 : tensor<4x4xf32>
  %d = nn.dense_grad_weight %g, %g : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<4x4xf32>
  %u:2 = nn.update %p slots(%m) by %d at %s {optimizer = #nn.optimizer<rmsprop, keras, {}>} : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<16xi32>) -> (tensor<4x4xf32>, tensor<4x4xf32>)
  nn.set @p, %u#0 : tensor<4x4xf32>
  nn.set @p.slot0, %u#1 : tensor<4x4xf32>
  return
}

// So does an update that makes its gradient itself.
// CHECK: rt.entry train_step @fused
// CHECK:   %[[P:.*]] = rt.weight @p
// CHECK:   %[[M:.*]] = rt.weight @p.slot0
// CHECK:   rt.call @dense_update_0(%[[P]], %[[M]], %{{.*}}, %{{.*}}, %{{.*}}) -> ()
func.func @fused(%g: tensor<?x4xf32> {nn.name = "frontier"}, %s: tensor<16xi32> {nn.name = "step"}) attributes {nn.entry = "train_step", nn.phase = 0 : i64} {
  %p = nn.get @p : tensor<4x4xf32>
  %m = nn.get @p.slot0 : tensor<4x4xf32>
  %u:2 = nn.dense_update %p slots(%m) by %g, %g at %s {optimizer = #nn.optimizer<rmsprop, keras, {}>} : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<16xi32>) -> (tensor<4x4xf32>, tensor<4x4xf32>)
  nn.set @p, %u#0 : tensor<4x4xf32>
  nn.set @p.slot0, %u#1 : tensor<4x4xf32>
  return
}

// A moving average writes onto the old one, and the statistics that it takes
// are a call's two results.
// CHECK: rt.entry train_step @statistics
// CHECK:   %[[Y:.*]] = rt.buffer
// CHECK:   rt.input "frontier", %[[Y]]
// CHECK:   %[[OLD:.*]] = rt.weight @mean
// CHECK:   rt.call @batch_stats_0(%[[Y]]) -> (%[[BATCH:.*]], %{{.*}})
// CHECK:   rt.call @moving_average_0(%[[OLD]], %[[BATCH]], %[[Y]]) -> ()
func.func @statistics(%x: tensor<?x4xf32> {nn.name = "frontier"}) attributes {nn.entry = "train_step", nn.phase = 0 : i64} {
  %old = nn.get @mean : tensor<4xf32>
  %m:2 = nn.batch_stats %x : (tensor<?x4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  %new = nn.moving_average %old by %m#0 of %x {momentum = 0.9} : (tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>) -> tensor<4xf32>
  nn.set @mean, %new : tensor<4xf32>
  return
}
// CHECK: rt.kernel @dense_0
// CHECK:   nn.dense
// CHECK-NOT: nn.layer
// CHECK:   rt.return
// CHECK-NOT: rt.kernel @dense_1
// CHECK: rt.kernel @update_0 attributes {in_place = array<i64: 0, 0, 1, 1>}
// CHECK: rt.kernel @moving_average_0 attributes {in_place = array<i64: 0, 0>}
