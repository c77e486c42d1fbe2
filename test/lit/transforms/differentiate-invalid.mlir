// RUN: tl-opt %s --tl-differentiate --verify-diagnostics

// An operation without a rule is refused, with the layer that needs one.
nn.parameter @w : tensor<1x1x1x2xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
func.func @step(%x: tensor<?x1x1x2xf32>, %t: tensor<?xi32>, %s: tensor<16xi32> {nn.name = "step"}) -> tensor<?xf32>
    attributes {nn.entry = "train_step", nn.phase = 0 : i64, nn.optimizer = #nn.optimizer<sgd, keras, {}>} {
  %w = nn.get @w : tensor<1x1x1x2xf32>
  // expected-error @below {{not supported yet: training through 'nn.transpose_filter' (layer 'conv')}}
  %f = nn.transpose_filter %w {nn.layer = "conv"} : (tensor<1x1x1x2xf32>) -> tensor<1x1x2x1xf32>
  %0 = nn.conv2d %x, %f {nn.layer = "conv"} : (tensor<?x1x1x2xf32>, tensor<1x1x2x1xf32>) -> tensor<?x1x1x1xf32>
  %1 = nn.reshape %0 : (tensor<?x1x1x1xf32>) -> tensor<?x1xf32>
  %2 = nn.sigmoid_cross_entropy %1, %t : (tensor<?x1xf32>, tensor<?xi32>) -> tensor<?xf32>
  return %2 : tensor<?xf32>
}
