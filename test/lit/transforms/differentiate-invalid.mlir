// RUN: tl-opt %s --tl-differentiate --verify-diagnostics

// An operation without a rule is refused, with the layer that needs one: here a
// gradient, for there are no second derivatives.
nn.parameter @w : tensor<1x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
func.func @step(%x: tensor<?x1xf32>, %t: tensor<?xi32>, %s: tensor<16xi32> {nn.name = "step"}) -> tensor<?xf32>
    attributes {nn.entry = "train_step", nn.phase = 0 : i64, nn.optimizer = #nn.optimizer<sgd, keras, {}>} {
  %w = nn.get @w : tensor<1x2xf32>
  %0 = nn.dense %x, %w : (tensor<?x1xf32>, tensor<1x2xf32>) -> tensor<?x2xf32>
  // expected-error @below {{not supported yet: training through 'nn.softmax_grad' (layer 'twice')}}
  %1 = nn.softmax_grad %0, %0 {nn.layer = "twice"} : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %2 = nn.softmax_cross_entropy %1, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  return %2 : tensor<?xf32>
}
