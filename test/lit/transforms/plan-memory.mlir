// RUN: tl-opt %s --tl-plan-memory | FileCheck %s

rt.kernel @copy {
^bb0(%x: tensor<?x64xf32>):
  %0 = nn.reshape %x : (tensor<?x64xf32>) -> tensor<?x64xf32>
  rt.return %0 : tensor<?x64xf32>
}
// A chain needs two buffers at a time: the third takes the first one's place.
// The input's life starts before the entry runs, the output's never ends.
// CHECK-LABEL: rt.entry extract @chain
// CHECK-SAME: arena_fixed = 0 : i64, arena_per_picture = 512 : i64
rt.entry extract @chain {
  // CHECK: rt.buffer {offset = 0 : i64}
  %0 = rt.buffer : !rt.buffer<tensor<?x64xf32>>
  rt.input "pixels", %0 : !rt.buffer<tensor<?x64xf32>>
  // CHECK: rt.buffer {offset = 256 : i64}
  %1 = rt.buffer : !rt.buffer<tensor<?x64xf32>>
  rt.call @copy(%0) -> (%1) : (!rt.buffer<tensor<?x64xf32>>) -> !rt.buffer<tensor<?x64xf32>>
  // CHECK: rt.buffer {offset = 0 : i64}
  %2 = rt.buffer : !rt.buffer<tensor<?x64xf32>>
  rt.call @copy(%1) -> (%2) : (!rt.buffer<tensor<?x64xf32>>) -> !rt.buffer<tensor<?x64xf32>>
  rt.output "frontier", %2 : !rt.buffer<tensor<?x64xf32>>
}
// Two outputs both live to the end.
// CHECK-LABEL: rt.entry extract @outputs
// CHECK-SAME: arena_per_picture = 768 : i64
rt.entry extract @outputs {
  %0 = rt.buffer : !rt.buffer<tensor<?x64xf32>>
  rt.input "pixels", %0 : !rt.buffer<tensor<?x64xf32>>
  %1 = rt.buffer : !rt.buffer<tensor<?x64xf32>>
  rt.call @copy(%0) -> (%1) : (!rt.buffer<tensor<?x64xf32>>) -> !rt.buffer<tensor<?x64xf32>>
  rt.output "frontier", %1 : !rt.buffer<tensor<?x64xf32>>
  %2 = rt.buffer : !rt.buffer<tensor<?x64xf32>>
  rt.call @copy(%0) -> (%2) : (!rt.buffer<tensor<?x64xf32>>) -> !rt.buffer<tensor<?x64xf32>>
  rt.output "frontier.1", %2 : !rt.buffer<tensor<?x64xf32>>
}

rt.kernel @narrow {
^bb0(%x: tensor<?x48xf32>):
  %0 = nn.slice %x {offsets = array<i64: 0>, strides = array<i64: 1>} : (tensor<?x48xf32>) -> tensor<?x32xf32>
  rt.return %0 : tensor<?x32xf32>
}
rt.kernel @widen {
^bb0(%x: tensor<?x32xf32>):
  %0 = nn.pad_channels %x {before = 0 : i64, after = 16 : i64} : (tensor<?x32xf32>) -> tensor<?x48xf32>
  rt.return %0 : tensor<?x48xf32>
}
rt.kernel @same {
^bb0(%x: tensor<?x48xf32>):
  %0 = nn.reshape %x : (tensor<?x48xf32>) -> tensor<?x48xf32>
  rt.return %0 : tensor<?x48xf32>
}
// Two large buffers at a time are enough (384 bytes). With the largest first
// the small one would find both places taken (512); by first use it lies in the
// first one's place and the last fits behind it.
// CHECK-LABEL: rt.entry extract @orders
// CHECK-SAME: arena_per_picture = 384 : i64
rt.entry extract @orders {
  %0 = rt.buffer : !rt.buffer<tensor<?x48xf32>>
  rt.input "pixels", %0 : !rt.buffer<tensor<?x48xf32>>
  %1 = rt.buffer : !rt.buffer<tensor<?x48xf32>>
  rt.call @same(%0) -> (%1) : (!rt.buffer<tensor<?x48xf32>>) -> !rt.buffer<tensor<?x48xf32>>
  %2 = rt.buffer : !rt.buffer<tensor<?x32xf32>>
  rt.call @narrow(%1) -> (%2) : (!rt.buffer<tensor<?x48xf32>>) -> !rt.buffer<tensor<?x32xf32>>
  %3 = rt.buffer : !rt.buffer<tensor<?x48xf32>>
  rt.call @widen(%2) -> (%3) : (!rt.buffer<tensor<?x32xf32>>) -> !rt.buffer<tensor<?x48xf32>>
  rt.output "frontier", %3 : !rt.buffer<tensor<?x48xf32>>
}
