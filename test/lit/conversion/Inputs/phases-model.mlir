// A backbone of two convolutions, each with its batch norm, whose second half
// is unfrozen in the second phase.
tl.model @phases attributes {input = array<i64: 8, 8, 3>, classes = 2 : i64} {
  tl.preprocess "raw" {mean = array<f32: 0.0, 0.0, 0.0>, std = array<f32: 1.0, 1.0, 1.0>}
  nn.parameter @conv1.kernel : tensor<1x1x3x4xf32> {layer = "conv1", role = "kernel", init = #nn.init<uniform, 1.0e-01 : f32, stream 1, seed 7 : i64>}
  nn.parameter @bn1.gamma : tensor<4xf32> {layer = "bn1", role = "gamma", init = #nn.init<fill, 1.0 : f32, stream 2>}
  nn.parameter @bn1.beta : tensor<4xf32> {layer = "bn1", role = "beta", init = #nn.init<fill, 0.0 : f32, stream 3>}
  nn.parameter @bn1.moving_mean : tensor<4xf32> {layer = "bn1", role = "moving_mean", init = #nn.init<fill, 0.0 : f32, stream 4>}
  nn.parameter @bn1.moving_variance : tensor<4xf32> {layer = "bn1", role = "moving_variance", init = #nn.init<fill, 1.0 : f32, stream 5>}
  nn.parameter @conv2.kernel : tensor<1x1x4x4xf32> {layer = "conv2", role = "kernel", init = #nn.init<uniform, 1.0e-01 : f32, stream 6, seed 7 : i64>}
  nn.parameter @bn2.gamma : tensor<4xf32> {layer = "bn2", role = "gamma", value = dense<1.0> : tensor<4xf32>}
  nn.parameter @bn2.beta : tensor<4xf32> {layer = "bn2", role = "beta", init = #nn.init<fill, 0.0 : f32, stream 8>}
  nn.parameter @bn2.moving_mean : tensor<4xf32> {layer = "bn2", role = "moving_mean", init = #nn.init<fill, 0.0 : f32, stream 9>}
  nn.parameter @bn2.moving_variance : tensor<4xf32> {layer = "bn2", role = "moving_variance", init = #nn.init<fill, 1.0 : f32, stream 10>}
  nn.parameter @dense.kernel : tensor<4x2xf32> {layer = "dense", role = "kernel", init = #nn.init<uniform, 5.0e-01 : f32, stream 11>}
  tl.backbone "two" attributes {frozen = array<i64: 1, 2, 3, 4>} {
  ^bb0(%x: tensor<?x8x8x3xf32>):
    %1 = tl.layer "conv1" kind "Conv2D" index 1 (%x) {
    ^bb0(%a: tensor<?x8x8x3xf32>):
      %w = nn.get @conv1.kernel : tensor<1x1x3x4xf32>
      %y = nn.conv2d %a, %w : (tensor<?x8x8x3xf32>, tensor<1x1x3x4xf32>) -> tensor<?x8x8x4xf32>
      tl.yield %y : tensor<?x8x8x4xf32>
    } : (tensor<?x8x8x3xf32>) -> tensor<?x8x8x4xf32>
    %2 = tl.layer "bn1" kind "BatchNormalization" index 2 (%1) {
    ^bb0(%a: tensor<?x8x8x4xf32>):
      %g = nn.get @bn1.gamma : tensor<4xf32>
      %b = nn.get @bn1.beta : tensor<4xf32>
      %m = nn.get @bn1.moving_mean : tensor<4xf32>
      %v = nn.get @bn1.moving_variance : tensor<4xf32>
      %y = nn.batch_norm %a, %g, %b, %m, %v {epsilon = 1.0e-3 : f64} : (tensor<?x8x8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x8x8x4xf32>
      tl.yield %y : tensor<?x8x8x4xf32>
    } : (tensor<?x8x8x4xf32>) -> tensor<?x8x8x4xf32>
    %3 = tl.layer "conv2" kind "Conv2D" index 3 (%2) {
    ^bb0(%a: tensor<?x8x8x4xf32>):
      %w = nn.get @conv2.kernel : tensor<1x1x4x4xf32>
      %y = nn.conv2d %a, %w : (tensor<?x8x8x4xf32>, tensor<1x1x4x4xf32>) -> tensor<?x8x8x4xf32>
      tl.yield %y : tensor<?x8x8x4xf32>
    } : (tensor<?x8x8x4xf32>) -> tensor<?x8x8x4xf32>
    %4 = tl.layer "bn2" kind "BatchNormalization" index 4 (%3) {
    ^bb0(%a: tensor<?x8x8x4xf32>):
      %g = nn.get @bn2.gamma : tensor<4xf32>
      %b = nn.get @bn2.beta : tensor<4xf32>
      %m = nn.get @bn2.moving_mean : tensor<4xf32>
      %v = nn.get @bn2.moving_variance : tensor<4xf32>
      %y = nn.batch_norm %a, %g, %b, %m, %v {epsilon = 1.0e-3 : f64} : (tensor<?x8x8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x8x8x4xf32>
      tl.yield %y : tensor<?x8x8x4xf32>
    } : (tensor<?x8x8x4xf32>) -> tensor<?x8x8x4xf32>
    tl.yield %4 : tensor<?x8x8x4xf32>
  }
  tl.head {
  ^bb0(%f: tensor<?x8x8x4xf32>):
    %1 = tl.layer "gap" kind "GlobalAveragePooling2D" index 0 (%f) {
    ^bb0(%a: tensor<?x8x8x4xf32>):
      %y = nn.global_avg_pool %a : (tensor<?x8x8x4xf32>) -> tensor<?x4xf32>
      tl.yield %y : tensor<?x4xf32>
    } : (tensor<?x8x8x4xf32>) -> tensor<?x4xf32>
    %2 = tl.layer "dense" kind "Dense" index 1 (%1) {
    ^bb0(%a: tensor<?x4xf32>):
      %w = nn.get @dense.kernel : tensor<4x2xf32>
      %y = nn.dense %a, %w : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
      tl.yield %y : tensor<?x2xf32>
    } : (tensor<?x4xf32>) -> tensor<?x2xf32>
    tl.yield %2 : tensor<?x2xf32>
  }
  tl.train attributes {loss = "categorical_crossentropy", balanced_weights, mixup = 0.2 : f64} {
    tl.phase "one" {epochs = 1 : i64, optimizer = #nn.optimizer<sgd, keras, {}>, learning_rate = 0.1 : f64, unfreeze = array<i64>}
    tl.phase "two" {epochs = 1 : i64, optimizer = #nn.optimizer<sgd, keras, {}>, learning_rate = 0.1 : f64, unfreeze = array<i64: 3, 4>, batch_norm_train, clip_norm = 1.0 : f64}
    tl.phase "three" {epochs = 1 : i64, optimizer = #nn.optimizer<sgd, keras, {}>, learning_rate = 0.1 : f64, unfreeze = array<i64>}
  }
}
