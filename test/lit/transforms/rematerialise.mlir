// RUN: tl-opt %s --tl-rematerialise | FileCheck %s

// The first block's x is kept for the gradient of its batch norm; relu(bn(x)) is
// then computed again for the gradient of the next weight, from the same
// values. The second block's is not: its forward pass alone needs as much.
// CHECK-LABEL: func.func @train_step.chain
// CHECK: %[[X:.*]] = nn.dense %arg0
// CHECK: %[[B:.*]] = nn.batch_norm %[[X]]
// CHECK: %[[R:.*]] = nn.activation %[[B]]
// CHECK: %[[Y:.*]] = nn.dense %[[R]]
// CHECK: %[[C:.*]] = nn.batch_norm %[[Y]]
// CHECK: %[[S:.*]] = nn.activation %[[C]]
// CHECK: nn.softmax_cross_entropy_grad
// CHECK-NOT: nn.batch_norm %
// CHECK: nn.dense_grad_weight %[[S]]
// CHECK: %[[B2:.*]] = nn.batch_norm %[[X]], {{.*}}nn.layer = "bn"
// CHECK-NEXT: %[[R2:.*]] = nn.activation %[[B2]]
// CHECK-NEXT: nn.dense_grad_weight %[[R2]]
// CHECK: nn.activation_grad %{{.*}}, %[[R2]]
// CHECK-NOT: nn.activation %
// CHECK: nn.batch_norm_grad_affine %{{.*}}, %[[X]]
nn.parameter @w : tensor<8x64xf32> {first_phase = 0 : i64, init = #nn.init<fill, 1.0 : f32, stream 0>}
nn.parameter @g : tensor<64xf32> {first_phase = 0 : i64, init = #nn.init<fill, 1.0 : f32, stream 1>}
nn.parameter @b : tensor<64xf32> {first_phase = 0 : i64, init = #nn.init<fill, 0.0 : f32, stream 2>}
nn.parameter @m : tensor<64xf32> {init = #nn.init<fill, 0.0 : f32, stream 3>}
nn.parameter @v : tensor<64xf32> {init = #nn.init<fill, 1.0 : f32, stream 4>}
nn.parameter @t : tensor<64x64xf32> {first_phase = 0 : i64, init = #nn.init<fill, 1.0 : f32, stream 5>}
nn.parameter @u : tensor<64x2xf32> {first_phase = 0 : i64, init = #nn.init<fill, 1.0 : f32, stream 6>}
func.func @train_step.chain(%f: tensor<?x8xf32> {nn.name = "frontier"}, %labels: tensor<?xi32> {nn.name = "labels"}) -> (tensor<?xf32>, tensor<8x64xf32>, tensor<64x64xf32>, tensor<64x2xf32>, tensor<64xf32>, tensor<64xf32>) attributes {nn.entry = "train_step", nn.phase = 0 : i64} {
  %w = nn.get @w : tensor<8x64xf32>
  %g = nn.get @g : tensor<64xf32>
  %b = nn.get @b : tensor<64xf32>
  %m = nn.get @m : tensor<64xf32>
  %v = nn.get @v : tensor<64xf32>
  %t = nn.get @t : tensor<64x64xf32>
  %u = nn.get @u : tensor<64x2xf32>
  %x = nn.dense %f, %w : (tensor<?x8xf32>, tensor<8x64xf32>) -> tensor<?x64xf32>
  %n = nn.batch_norm %x, %g, %b, %m, %v {epsilon = 1.0e-3 : f64, nn.layer = "bn"} : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %r = nn.activation %n {activation = #nn.act<relu>} : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %y = nn.dense %r, %t : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %k = nn.batch_norm %y, %g, %b, %m, %v {epsilon = 1.0e-3 : f64} : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %s = nn.activation %k {activation = #nn.act<relu>} : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %z = nn.dense %s, %u : (tensor<?x64xf32>, tensor<64x2xf32>) -> tensor<?x2xf32>
  %loss = nn.softmax_cross_entropy %z, %labels : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  %dz = nn.softmax_cross_entropy_grad %z, %labels : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
  %du = nn.dense_grad_weight %s, %dz : (tensor<?x64xf32>, tensor<?x2xf32>) -> tensor<64x2xf32>
  %ds = nn.dense_grad_input %dz, %u : (tensor<?x2xf32>, tensor<64x2xf32>) -> tensor<?x64xf32>
  %dk = nn.activation_grad %ds, %s {activation = #nn.act<relu>} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %dy = nn.batch_norm_grad_input %dk, %g, %v {epsilon = 1.0e-3 : f64} : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %dt = nn.dense_grad_weight %r, %dy : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<64x64xf32>
  %dr = nn.dense_grad_input %dy, %t : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %dn = nn.activation_grad %dr, %r {activation = #nn.act<relu>} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %dg, %db = nn.batch_norm_grad_affine %dn, %x, %m, %v {epsilon = 1.0e-3 : f64} : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>)
  %dx = nn.batch_norm_grad_input %dn, %g, %v {epsilon = 1.0e-3 : f64} : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %dw = nn.dense_grad_weight %f, %dx : (tensor<?x8xf32>, tensor<?x64xf32>) -> tensor<8x64xf32>
  return %loss, %dw, %dt, %du, %dg, %db : tensor<?xf32>, tensor<8x64xf32>, tensor<64x64xf32>, tensor<64x2xf32>, tensor<64xf32>, tensor<64xf32>
}

// A value whose operand would have to be kept for longer stays saved: the
// frontier's only reader is the dropout in the forward pass.
// CHECK-LABEL: func.func @train_step.input
// CHECK: %[[D:.*]] = nn.dropout
// CHECK-NOT: nn.dropout
// CHECK: nn.dense_grad_weight %[[D]]
func.func @train_step.input(%f: tensor<?x64xf32> {nn.name = "frontier"}, %labels: tensor<?xi32> {nn.name = "labels"}, %ids: tensor<?xi32>, %step: tensor<16xi32>) -> (tensor<?xf32>, tensor<64x2xf32>) attributes {nn.entry = "train_step", nn.phase = 0 : i64} {
  %u = nn.get @u : tensor<64x2xf32>
  %d = nn.dropout %f ids %ids step %step {rate = 5.0e-1 : f64, stream = 0 : i64} : (tensor<?x64xf32>, tensor<?xi32>, tensor<16xi32>) -> tensor<?x64xf32>
  %z = nn.dense %d, %u : (tensor<?x64xf32>, tensor<64x2xf32>) -> tensor<?x2xf32>
  %loss = nn.softmax_cross_entropy %z, %labels : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  %dz = nn.softmax_cross_entropy_grad %z, %labels : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
  %du = nn.dense_grad_weight %d, %dz : (tensor<?x64xf32>, tensor<?x2xf32>) -> tensor<64x2xf32>
  return %loss, %du : tensor<?xf32>, tensor<64x2xf32>
}
