tl.model @tiny attributes {input = array<i64: 9, 9, 3>, classes = 2 : i64, labels = ["ants", "bees"]} {
  tl.preprocess "tf" {scale = 0.00784313772 : f32, mean = array<f32: 1.0, 1.0, 1.0>, std = array<f32: 1.0, 1.0, 1.0>}
  nn.parameter @conv1.kernel : tensor<3x3x3x8xf32> {layer = "conv1", role = "kernel", init = #nn.init<uniform, 1.0e-01 : f32, stream 1, seed 7 : i64>}
  nn.parameter @bn1.gamma : tensor<8xf32> {layer = "bn1", role = "gamma", init = #nn.init<fill, 1.0 : f32, stream 2>}
  nn.parameter @bn1.beta : tensor<8xf32> {layer = "bn1", role = "beta", init = #nn.init<fill, 0.0 : f32, stream 2>}
  nn.parameter @bn1.moving_mean : tensor<8xf32> {layer = "bn1", role = "moving_mean", init = #nn.init<fill, 0.0 : f32, stream 2>}
  nn.parameter @bn1.moving_variance : tensor<8xf32> {layer = "bn1", role = "moving_variance", init = #nn.init<fill, 1.0 : f32, stream 2>}
  nn.parameter @dense.kernel : tensor<8x16xf32> {layer = "dense", role = "kernel", init = #nn.init<uniform, 5.0e-01 : f32, stream 3>}
  nn.parameter @dense.bias : tensor<16xf32> {layer = "dense", role = "bias", init = #nn.init<fill, 0.0 : f32, stream 4>}
  nn.parameter @dense_1.kernel : tensor<16x2xf32> {layer = "dense_1", role = "kernel", init = #nn.init<uniform, 5.0e-01 : f32, stream 5>}
  nn.parameter @dense_1.bias : tensor<2xf32> {layer = "dense_1", role = "bias", init = #nn.init<fill, 0.0 : f32, stream 6>}
  tl.backbone "tinynet" attributes {frozen = array<i64: 1, 2, 3, 4>} {
  ^bb0(%x: tensor<?x9x9x3xf32>):
    %1 = tl.layer "pad1" kind "ZeroPadding2D" index 1 (%x) {
    ^bb0(%a: tensor<?x9x9x3xf32>):
      %y = nn.pad %a {pads = array<i64: 0, 1, 0, 1>} : (tensor<?x9x9x3xf32>) -> tensor<?x10x10x3xf32>
      tl.yield %y : tensor<?x10x10x3xf32>
    } : (tensor<?x9x9x3xf32>) -> tensor<?x10x10x3xf32>
    %2 = tl.layer "conv1" kind "Conv2D" index 2 (%1) {
    ^bb0(%a: tensor<?x10x10x3xf32>):
      %w = nn.get @conv1.kernel : tensor<3x3x3x8xf32>
      %y = nn.conv2d %a, %w {strides = array<i64: 2, 2>} : (tensor<?x10x10x3xf32>, tensor<3x3x3x8xf32>) -> tensor<?x4x4x8xf32>
      tl.yield %y : tensor<?x4x4x8xf32>
    } : (tensor<?x10x10x3xf32>) -> tensor<?x4x4x8xf32>
    %3 = tl.layer "bn1" kind "BatchNormalization" index 3 (%2) {
    ^bb0(%a: tensor<?x4x4x8xf32>):
      %g = nn.get @bn1.gamma : tensor<8xf32>
      %b = nn.get @bn1.beta : tensor<8xf32>
      %m = nn.get @bn1.moving_mean : tensor<8xf32>
      %v = nn.get @bn1.moving_variance : tensor<8xf32>
      %y = nn.batch_norm %a, %g, %b, %m, %v {epsilon = 1.0e-3 : f64} : (tensor<?x4x4x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x4x4x8xf32>
      tl.yield %y : tensor<?x4x4x8xf32>
    } : (tensor<?x4x4x8xf32>) -> tensor<?x4x4x8xf32>
    %4 = tl.layer "relu1" kind "ReLU" index 4 (%3) {
    ^bb0(%a: tensor<?x4x4x8xf32>):
      %y = nn.activation %a {activation = #nn.act<relu6>} : (tensor<?x4x4x8xf32>) -> tensor<?x4x4x8xf32>
      tl.yield %y : tensor<?x4x4x8xf32>
    } : (tensor<?x4x4x8xf32>) -> tensor<?x4x4x8xf32>
    tl.yield %4 : tensor<?x4x4x8xf32>
  }
  tl.head {
  ^bb0(%f: tensor<?x4x4x8xf32>):
    %1 = tl.layer "gap" kind "GlobalAveragePooling2D" index 0 (%f) {
    ^bb0(%a: tensor<?x4x4x8xf32>):
      %y = nn.global_avg_pool %a : (tensor<?x4x4x8xf32>) -> tensor<?x8xf32>
      tl.yield %y : tensor<?x8xf32>
    } : (tensor<?x4x4x8xf32>) -> tensor<?x8xf32>
    %2 = tl.layer "dropout" kind "Dropout" index 1 (%1) {
    ^bb0(%a: tensor<?x8xf32>):
      %y = nn.dropout %a {rate = 2.0e-1 : f64, stream = 1 : i64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
      tl.yield %y : tensor<?x8xf32>
    } : (tensor<?x8xf32>) -> tensor<?x8xf32>
    %3 = tl.layer "dense" kind "Dense" index 2 (%2) {
    ^bb0(%a: tensor<?x8xf32>):
      %w = nn.get @dense.kernel : tensor<8x16xf32>
      %b = nn.get @dense.bias : tensor<16xf32>
      %y = nn.dense %a, %w, %b : (tensor<?x8xf32>, tensor<8x16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
      %z = nn.activation %y {activation = #nn.act<relu>} : (tensor<?x16xf32>) -> tensor<?x16xf32>
      tl.yield %z : tensor<?x16xf32>
    } : (tensor<?x8xf32>) -> tensor<?x16xf32>
    %4 = tl.layer "dense_1" kind "Dense" index 3 (%3) {
    ^bb0(%a: tensor<?x16xf32>):
      %w = nn.get @dense_1.kernel : tensor<16x2xf32>
      %b = nn.get @dense_1.bias : tensor<2xf32>
      %y = nn.dense %a, %w, %b : (tensor<?x16xf32>, tensor<16x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
      %z = nn.softmax %y : (tensor<?x2xf32>) -> tensor<?x2xf32>
      tl.yield %z : tensor<?x2xf32>
    } : (tensor<?x16xf32>) -> tensor<?x2xf32>
    tl.yield %4 : tensor<?x2xf32>
  }
  tl.train attributes {loss = "categorical_crossentropy", batch = 32 : i64} {
    tl.phase "head" {epochs = 3 : i64, optimizer = #nn.optimizer<adam, keras, {}>, learning_rate = 1.0e-3 : f64, unfreeze = array<i64>}
  }
}
