// RUN: tl-opt %s --split-input-file --verify-diagnostics

// A halo is a number of rows and columns.
// expected-error@+1 {{a halo must not be negative}}
func.func private @halo(tensor<?x4x4x2xf32, #nn.halo<1, -1, 0, 0>>)

// -----

// A weight does not depend on the batch.
// expected-error@+1 {{'nn.parameter' op a parameter needs a static shape, found [N, 2]}}
nn.parameter @w : tensor<?x2xf32>

// -----

// Values have the parameter's shape.
// expected-error@+1 {{'nn.parameter' op value must be [2, 3], found [3, 2]}}
nn.parameter @w : tensor<2x3xf32> {value = dense<0.0> : tensor<3x2xf32>}

// -----

// A get names a parameter that is there.
func.func @get() {
  // expected-error@+1 {{'nn.get' op no parameter named @w}}
  %0 = nn.get @w : tensor<2xf32>
  return
}

// -----

// A get gives the parameter's type.
nn.parameter @w : tensor<3xf32>
func.func @get() {
  // expected-error@+1 {{'nn.get' op parameter @w is 'tensor<3xf32>', found 'tensor<2xf32>'}}
  %0 = nn.get @w : tensor<2xf32>
  return
}

// -----

// A set names a parameter that is there.
func.func @set(%v: tensor<2xf32>) {
  // expected-error@+1 {{'nn.set' op no parameter named @w}}
  nn.set @w, %v : tensor<2xf32>
  return
}

// -----

// A set takes the parameter's type.
nn.parameter @w : tensor<3xf32>
func.func @set(%v: tensor<2xf32>) {
  // expected-error@+1 {{'nn.set' op parameter @w is 'tensor<3xf32>', found 'tensor<2xf32>'}}
  nn.set @w, %v : tensor<2xf32>
  return
}

// -----

// A convolution's input is a picture.
func.func @conv(%x: tensor<?x4xf32>, %w: tensor<3x3x4x2xf32>) {
  // expected-error@+1 {{'nn.conv2d' op input must have 4 dimensions, found [N, 4]}}
  %0 = nn.conv2d %x, %w : (tensor<?x4xf32>, tensor<3x3x4x2xf32>) -> tensor<?x2xf32>
  return
}

// -----

// A convolution's filter has height, width and both channels.
func.func @conv(%x: tensor<?x4x4x2xf32>, %w: tensor<2x2xf32>) {
  // expected-error@+1 {{'nn.conv2d' op filter must have 4 dimensions, found [2, 2]}}
  %0 = nn.conv2d %x, %w : (tensor<?x4x4x2xf32>, tensor<2x2xf32>) -> tensor<?x4x4x2xf32>
  return
}

// -----

// Strides are two positive numbers.
func.func @conv(%x: tensor<?x4x4x2xf32>, %w: tensor<1x1x2x2xf32>) {
  // expected-error@+1 {{'nn.conv2d' op strides must be 2 numbers of at least 1}}
  %0 = nn.conv2d %x, %w {strides = array<i64: 1, 0>} : (tensor<?x4x4x2xf32>, tensor<1x1x2x2xf32>) -> tensor<?x4x4x2xf32>
  return
}

// -----

// Dilations are two positive numbers.
func.func @conv(%x: tensor<?x4x4x2xf32>, %w: tensor<1x1x2x2xf32>) {
  // expected-error@+1 {{'nn.conv2d' op dilations must be 2 numbers of at least 1}}
  %0 = nn.conv2d %x, %w {dilations = array<i64: 1>} : (tensor<?x4x4x2xf32>, tensor<1x1x2x2xf32>) -> tensor<?x4x4x2xf32>
  return
}

// -----

// Padding is four numbers, none negative.
func.func @conv(%x: tensor<?x4x4x2xf32>, %w: tensor<1x1x2x2xf32>) {
  // expected-error@+1 {{'nn.conv2d' op pads must be 4 numbers of at least 0}}
  %0 = nn.conv2d %x, %w {pads = array<i64: 0, 0, -1, 0>} : (tensor<?x4x4x2xf32>, tensor<1x1x2x2xf32>) -> tensor<?x4x4x2xf32>
  return
}

// -----

// Groups divide the channels on both sides.
func.func @conv(%x: tensor<?x4x4x4xf32>, %w: tensor<1x1x2x3xf32>) {
  // expected-error@+1 {{'nn.conv2d' op groups (2) must divide the 4 input and 3 output channels}}
  %0 = nn.conv2d %x, %w {groups = 2} : (tensor<?x4x4x4xf32>, tensor<1x1x2x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// A filter sees the channels of one group.
func.func @conv(%x: tensor<?x4x4x4xf32>, %w: tensor<1x1x4x2xf32>) {
  // expected-error@+1 {{'nn.conv2d' op filter must have 2 input channels, found 4}}
  %0 = nn.conv2d %x, %w {groups = 2} : (tensor<?x4x4x4xf32>, tensor<1x1x4x2xf32>) -> tensor<?x4x4x2xf32>
  return
}

// -----

// One bias an output channel.
func.func @conv(%x: tensor<?x4x4x2xf32>, %w: tensor<1x1x2x3xf32>, %b: tensor<2xf32>) {
  // expected-error@+1 {{'nn.conv2d' op bias must be [3], found [2]}}
  %0 = nn.conv2d %x, %w, %b : (tensor<?x4x4x2xf32>, tensor<1x1x2x3xf32>, tensor<2xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// The filter fits into the padded input.
func.func @conv(%x: tensor<?x4x4x2xf32>, %w: tensor<5x5x2x3xf32>) {
  // expected-error@+1 {{'nn.conv2d' op the filter is larger than the padded input}}
  %0 = nn.conv2d %x, %w : (tensor<?x4x4x2xf32>, tensor<5x5x2x3xf32>) -> tensor<?x1x1x3xf32>
  return
}

// -----

// A residual has the result's shape.
func.func @conv(%x: tensor<?x4x4x2xf32>, %w: tensor<1x1x2x3xf32>) {
  // expected-error@+1 {{'nn.conv2d' op residual must be [N, 4, 4, 3], found [N, 4, 4, 2]}}
  %0 = nn.conv2d %x, %w residual %x : (tensor<?x4x4x2xf32>, tensor<1x1x2x3xf32>, tensor<?x4x4x2xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// The result follows from strides, dilations and padding.
func.func @conv(%x: tensor<?x7x7x2xf32>, %w: tensor<3x3x2x3xf32>) {
  // expected-error@+1 {{'nn.conv2d' op result must be [N, 3, 4, 3], found [N, 3, 3, 3]}}
  %0 = nn.conv2d %x, %w {strides = array<i64: 2, 1>, dilations = array<i64: 1, 2>, pads = array<i64: 0, 0, 1, 0>} : (tensor<?x7x7x2xf32>, tensor<3x3x2x3xf32>) -> tensor<?x3x3x3xf32>
  return
}

// -----

// Batch norm: one gamma a channel.
func.func @norm(%x: tensor<?x4xf32>, %c: tensor<4xf32>, %d: tensor<3xf32>) {
  // expected-error@+1 {{'nn.batch_norm' op gamma must be [4], found [3]}}
  %0 = nn.batch_norm %x, %d, %c, %c, %c {epsilon = 0.1} : (tensor<?x4xf32>, tensor<3xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return
}

// -----

// One beta a channel.
func.func @norm(%x: tensor<?x4xf32>, %c: tensor<4xf32>, %d: tensor<3xf32>) {
  // expected-error@+1 {{'nn.batch_norm' op beta must be [4], found [3]}}
  %0 = nn.batch_norm %x, %c, %d, %c, %c {epsilon = 0.1} : (tensor<?x4xf32>, tensor<4xf32>, tensor<3xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return
}

// -----

// One mean a channel.
func.func @norm(%x: tensor<?x4xf32>, %c: tensor<4xf32>, %d: tensor<3xf32>) {
  // expected-error@+1 {{'nn.batch_norm' op mean must be [4], found [3]}}
  %0 = nn.batch_norm %x, %c, %c, %d, %c {epsilon = 0.1} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<3xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return
}

// -----

// One variance a channel.
func.func @norm(%x: tensor<?x4xf32>, %c: tensor<4xf32>, %d: tensor<3xf32>) {
  // expected-error@+1 {{'nn.batch_norm' op variance must be [4], found [3]}}
  %0 = nn.batch_norm %x, %c, %c, %c, %d {epsilon = 0.1} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<3xf32>) -> tensor<?x4xf32>
  return
}

// -----

// A variance of zero must not divide by zero.
func.func @norm(%x: tensor<?x4xf32>, %c: tensor<4xf32>) {
  // expected-error@+1 {{'nn.batch_norm' op epsilon must be positive}}
  %0 = nn.batch_norm %x, %c, %c, %c, %c {epsilon = 0.0} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return
}

// -----

// Batch norm keeps the shape.
func.func @norm(%x: tensor<?x2x4xf32>, %c: tensor<4xf32>) {
  // expected-error@+1 {{'nn.batch_norm' op result must be [N, 2, 4], found [N, 4, 2]}}
  %0 = nn.batch_norm %x, %c, %c, %c, %c {epsilon = 0.1} : (tensor<?x2x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4x2xf32>
  return
}

// -----

// A dense layer takes rows of features.
func.func @dense(%x: tensor<?xf32>, %w: tensor<4x2xf32>) {
  // expected-error@+1 {{'nn.dense' op input must have at least 2 dimensions, found [N]}}
  %0 = nn.dense %x, %w : (tensor<?xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return
}

// -----

// A dense weight is a matrix.
func.func @dense(%x: tensor<?x4xf32>, %w: tensor<4xf32>) {
  // expected-error@+1 {{'nn.dense' op weight must have 2 dimensions, found [4]}}
  %0 = nn.dense %x, %w : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x1xf32>
  return
}

// -----

// One row of the weight an input feature.
func.func @dense(%x: tensor<?x4xf32>, %w: tensor<3x2xf32>) {
  // expected-error@+1 {{'nn.dense' op weight must have 4 rows, one an input feature, found 3}}
  %0 = nn.dense %x, %w : (tensor<?x4xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  return
}

// -----

// One bias an output.
func.func @dense(%x: tensor<?x4xf32>, %w: tensor<4x2xf32>, %b: tensor<4xf32>) {
  // expected-error@+1 {{'nn.dense' op bias must be [2], found [4]}}
  %0 = nn.dense %x, %w, %b : (tensor<?x4xf32>, tensor<4x2xf32>, tensor<4xf32>) -> tensor<?x2xf32>
  return
}

// -----

// The result has the weight's columns.
func.func @dense(%x: tensor<?x4xf32>, %w: tensor<4x2xf32>) {
  // expected-error@+1 {{'nn.dense' op result must be [N, 2], found [N, 4]}}
  %0 = nn.dense %x, %w : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  return
}

// -----

// An activation keeps the shape.
func.func @activation(%x: tensor<?x4xf32>) {
  // expected-error@+1 {{'nn.activation' op requires the same shape for all operands and results}}
  %0 = nn.activation %x {activation = #nn.act<relu>} : (tensor<?x4xf32>) -> tensor<?x3xf32>
  return
}

// -----

// Softmax keeps the shape.
func.func @softmax(%x: tensor<?x4xf32>) {
  // expected-error@+1 {{'nn.softmax' op requires the same shape for all operands and results}}
  %0 = nn.softmax %x : (tensor<?x4xf32>) -> tensor<?x3xf32>
  return
}

// -----

// Both terms of a sum have one shape.
func.func @add(%x: tensor<?x4xf32>, %y: tensor<?x3xf32>) {
  // expected-error@+1 {{'nn.add' op requires the same shape for all operands and results}}
  %0 = nn.add %x, %y : (tensor<?x4xf32>, tensor<?x3xf32>) -> tensor<?x4xf32>
  return
}

// -----

// Pooling works on pictures.
func.func @pool(%x: tensor<?x4xf32>) {
  // expected-error@+1 {{'nn.max_pool' op input must have 4 dimensions, found [N, 4]}}
  %0 = nn.max_pool %x {window = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

// A window is two positive numbers.
func.func @pool(%x: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.max_pool' op window must be 2 numbers of at least 1}}
  %0 = nn.max_pool %x {window = array<i64: 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x4x4x2xf32>) -> tensor<?x3x3x2xf32>
  return
}

// -----

// Strides of a window are two positive numbers.
func.func @pool(%x: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.avg_pool' op strides must be 2 numbers of at least 1}}
  %0 = nn.avg_pool %x {window = array<i64: 2, 2>, strides = array<i64: 0, 1>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x4x4x2xf32>) -> tensor<?x3x3x2xf32>
  return
}

// -----

// Padding of a window is four numbers, none negative.
func.func @pool(%x: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.avg_pool' op pads must be 4 numbers of at least 0}}
  %0 = nn.avg_pool %x {window = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0>} : (tensor<?x4x4x2xf32>) -> tensor<?x3x3x2xf32>
  return
}

// -----

// The first window holds an input element.
func.func @pool(%x: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.max_pool' op a window must hold at least one input element: padding before must be less than the window}}
  %0 = nn.max_pool %x {window = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 2, 0>} : (tensor<?x4x4x2xf32>) -> tensor<?x3x5x2xf32>
  return
}

// -----

// The last window holds an input element.
func.func @pool(%x: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.max_pool' op a window must hold at least one input element: the last one starts past the input}}
  %0 = nn.max_pool %x {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 2, 0, 0>} : (tensor<?x4x4x2xf32>) -> tensor<?x3x2x2xf32>
  return
}

// -----

// The result follows from window, strides and padding.
func.func @pool(%x: tensor<?x5x5x2xf32>) {
  // expected-error@+1 {{'nn.avg_pool' op result must be [N, 2, 3, 2], found [N, 3, 3, 2]}}
  %0 = nn.avg_pool %x {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 1>} : (tensor<?x5x5x2xf32>) -> tensor<?x3x3x2xf32>
  return
}

// -----

// The global mean is over a picture.
func.func @gap(%x: tensor<?x4xf32>) {
  // expected-error@+1 {{'nn.global_avg_pool' op input must have 4 dimensions, found [N, 4]}}
  %0 = nn.global_avg_pool %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

// One mean a channel.
func.func @gap(%x: tensor<?x3x3x4xf32>) {
  // expected-error@+1 {{'nn.global_avg_pool' op result must be [N, 4], found [N, 3]}}
  %0 = nn.global_avg_pool %x : (tensor<?x3x3x4xf32>) -> tensor<?x3xf32>
  return
}

// -----

// Pictures are not mixed.
func.func @reshape(%x: tensor<?x4xf32>) {
  // expected-error@+1 {{'nn.reshape' op the batch must stay the first dimension}}
  %0 = nn.reshape %x : (tensor<?x4xf32>) -> tensor<4x?xf32>
  return
}

// -----

// Nothing is lost.
func.func @reshape(%x: tensor<?x2x3xf32>) {
  // expected-error@+1 {{'nn.reshape' op result must have 6 values a picture, found 5}}
  %0 = nn.reshape %x : (tensor<?x2x3xf32>) -> tensor<?x5xf32>
  return
}

// -----

// Only pictures have borders.
func.func @pad(%x: tensor<?x2x3xf32>) {
  // expected-error@+1 {{'nn.pad' op input must have 4 dimensions, found [N, 2, 3]}}
  %0 = nn.pad %x {pads = array<i64: 0, 0, 0, 0>} : (tensor<?x2x3xf32>) -> tensor<?x2x3xf32>
  return
}

// -----

// A pad does not crop.
func.func @pad(%x: tensor<?x2x3x1xf32>) {
  // expected-error@+1 {{'nn.pad' op pads must be 4 numbers of at least 0}}
  %0 = nn.pad %x {pads = array<i64: -1, 0, 0, 0>} : (tensor<?x2x3x1xf32>) -> tensor<?x1x3x1xf32>
  return
}

// -----

// The result grows by the pads.
func.func @pad(%x: tensor<?x2x3x1xf32>) {
  // expected-error@+1 {{'nn.pad' op result must be [N, 5, 10, 1], found [N, 9, 6, 1]}}
  %0 = nn.pad %x {pads = array<i64: 1, 2, 3, 4>} : (tensor<?x2x3x1xf32>) -> tensor<?x9x6x1xf32>
  return
}

// -----

// Something must be joined.
func.func @concat() {
  // expected-error@+1 {{'nn.concat' op needs at least one input}}
  %0 = nn.concat : () -> tensor<?x2xf32>
  return
}

// -----

// Inputs side by side are of one size.
func.func @concat(%x: tensor<?x2x2x1xf32>, %y: tensor<?x2x3x1xf32>) {
  // expected-error@+1 {{'nn.concat' op inputs must agree in all but their channels, found [N, 2, 2, 1] and [N, 2, 3, 1]}}
  %0 = nn.concat %x, %y : (tensor<?x2x2x1xf32>, tensor<?x2x3x1xf32>) -> tensor<?x2x2x2xf32>
  return
}

// -----

// Channels add up.
func.func @concat(%x: tensor<?x2xf32>, %y: tensor<?x3xf32>) {
  // expected-error@+1 {{'nn.concat' op result must be [N, 5], found [N, 6]}}
  %0 = nn.concat %x, %y : (tensor<?x2xf32>, tensor<?x3xf32>) -> tensor<?x6xf32>
  return
}

// -----

// Something must be kept.
func.func @dropout(%x: tensor<?x2xf32>) {
  // expected-error@+1 {{'nn.dropout' op rate must be at least 0 and below 1, found 1.0}}
  %0 = nn.dropout %x {rate = 1.0, stream = 0} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  return
}

// -----

// Training has ids and a step, inference neither.
func.func @dropout(%x: tensor<?x2xf32>, %ids: tensor<?xi32>) {
  // expected-error@+1 {{'nn.dropout' op ids and step come together or not at all}}
  %0 = "nn.dropout"(%x, %ids) {rate = 0.5, stream = 0, operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
  return
}

// -----

// Dropout keeps the shape.
func.func @dropout(%x: tensor<?x2xf32>) {
  // expected-error@+1 {{'nn.dropout' op result must be [N, 2], found [N, 3]}}
  %0 = nn.dropout %x {rate = 0.5, stream = 0} : (tensor<?x2xf32>) -> tensor<?x3xf32>
  return
}

// -----

// Logits are one row a picture.
func.func @loss(%z: tensor<?xf32>, %t: tensor<?xi32>) {
  // expected-error@+1 {{'nn.softmax_cross_entropy' op logits must have 2 dimensions, found [N]}}
  %0 = nn.softmax_cross_entropy %z, %t : (tensor<?xf32>, tensor<?xi32>) -> tensor<?xf32>
  return
}

// -----

// The binary loss is of a single logit.
func.func @loss(%z: tensor<?x2xf32>, %t: tensor<?xi32>) {
  // expected-error@+1 {{'nn.sigmoid_cross_entropy' op binary crossentropy wants 1 logit, found 2}}
  %0 = nn.sigmoid_cross_entropy %z, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  return
}

// -----

// One class alone has nothing to be learned.
func.func @loss(%z: tensor<?x1xf32>, %t: tensor<?xi32>) {
  // expected-error@+1 {{'nn.softmax_cross_entropy_grad' op categorical crossentropy wants at least 2 logits, found 1}}
  %0 = nn.softmax_cross_entropy_grad %z, %t : (tensor<?x1xf32>, tensor<?xi32>) -> tensor<?x1xf32>
  return
}

// -----

// Smoothing leaves something of the label.
func.func @loss(%z: tensor<?x2xf32>, %t: tensor<?xi32>) {
  // expected-error@+1 {{'nn.softmax_cross_entropy' op label_smoothing must be at least 0 and below 1}}
  %0 = nn.softmax_cross_entropy %z, %t {label_smoothing = 1.0} : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  return
}

// -----

// One label a picture.
func.func @loss(%z: tensor<?x1xf32>, %t: tensor<?x1xi32>) {
  // expected-error@+1 {{'nn.sigmoid_cross_entropy_grad' op labels must be [N], found [N, 1]}}
  %0 = nn.sigmoid_cross_entropy_grad %z, %t : (tensor<?x1xf32>, tensor<?x1xi32>) -> tensor<?x1xf32>
  return
}

// -----

// One loss a picture.
func.func @loss(%z: tensor<?x2xf32>, %t: tensor<?xi32>) {
  // expected-error@+1 {{'nn.softmax_cross_entropy' op result must be [N], found [N, 2]}}
  %0 = nn.softmax_cross_entropy %z, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
  return
}

// -----

// A gradient of the loss has the logits' shape.
func.func @loss(%z: tensor<?x2xf32>, %t: tensor<?xi32>) {
  // expected-error@+1 {{'nn.softmax_cross_entropy_grad' op result must be [N, 2], found [N]}}
  %0 = nn.softmax_cross_entropy_grad %z, %t : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?xf32>
  return
}

// -----

// The gradient of a dense layer is rows.
func.func @dense_grad(%dy: tensor<?xf32>, %w: tensor<3x2xf32>) {
  // expected-error@+1 {{'nn.dense_grad_input' op gradient must have 2 columns, as the weight, found [N]}}
  %0 = nn.dense_grad_input %dy, %w : (tensor<?xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
  return
}

// -----

// Its weight is a matrix.
func.func @dense_grad(%dy: tensor<?x2xf32>, %w: tensor<3xf32>) {
  // expected-error@+1 {{'nn.dense_grad_input' op weight must have 2 dimensions, found [3]}}
  %0 = nn.dense_grad_input %dy, %w : (tensor<?x2xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  return
}

// -----

// One column an output.
func.func @dense_grad(%dy: tensor<?x3xf32>, %w: tensor<3x2xf32>) {
  // expected-error@+1 {{'nn.dense_grad_input' op gradient must have 2 columns, as the weight, found [N, 3]}}
  %0 = nn.dense_grad_input %dy, %w : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
  return
}

// -----

// The result has the weight's rows.
func.func @dense_grad(%dy: tensor<?x2xf32>, %w: tensor<3x2xf32>) {
  // expected-error@+1 {{'nn.dense_grad_input' op result must be [N, 3], found [N, 2]}}
  %0 = nn.dense_grad_input %dy, %w : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  return
}

// -----

// The input of a dense layer is rows.
func.func @dense_grad(%x: tensor<?xf32>, %dy: tensor<?xf32>) {
  // expected-error@+1 {{'nn.dense_grad_weight' op input and gradient must agree in all but their last dimension, found [N] and [N]}}
  %0 = nn.dense_grad_weight %x, %dy : (tensor<?xf32>, tensor<?xf32>) -> tensor<3x2xf32>
  return
}

// -----

// The gradient has a row for each of them.
func.func @dense_grad(%x: tensor<?x5x3xf32>, %dy: tensor<?x2xf32>) {
  // expected-error@+1 {{'nn.dense_grad_weight' op input and gradient must agree in all but their last dimension, found [N, 5, 3] and [N, 2]}}
  %0 = nn.dense_grad_weight %x, %dy : (tensor<?x5x3xf32>, tensor<?x2xf32>) -> tensor<3x2xf32>
  return
}

// -----

// The gradient of a weight has the weight's shape.
func.func @dense_grad(%x: tensor<?x3xf32>, %dy: tensor<?x2xf32>) {
  // expected-error@+1 {{'nn.dense_grad_weight' op result must be [3, 2], found [2, 3]}}
  %0 = nn.dense_grad_weight %x, %dy : (tensor<?x3xf32>, tensor<?x2xf32>) -> tensor<2x3xf32>
  return
}

// -----

// One bias an output.
func.func @bias_grad(%dy: tensor<?x2xf32>) {
  // expected-error@+1 {{'nn.bias_grad' op result must be [2], found [3]}}
  %0 = nn.bias_grad %dy : (tensor<?x2xf32>) -> tensor<3xf32>
  return
}

// -----

// The global mean came from a picture.
func.func @gap_grad(%dy: tensor<?x2xf32>) {
  // expected-error@+1 {{'nn.global_avg_pool_grad' op result must have 4 dimensions, found [N, 2]}}
  %0 = nn.global_avg_pool_grad %dy : (tensor<?x2xf32>) -> tensor<?x2xf32>
  return
}

// -----

// One gradient a channel.
func.func @gap_grad(%dy: tensor<?x2xf32>) {
  // expected-error@+1 {{'nn.global_avg_pool_grad' op gradient must be [N, 3], found [N, 2]}}
  %0 = nn.global_avg_pool_grad %dy : (tensor<?x2xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// A rule has its number of slots.
func.func @update(%p: tensor<3xf32>, %step: tensor<16xi32>) {
  // expected-error@+1 {{'nn.update' op adam keeps 2 slots, found 0}}
  %0 = nn.update %p slots() by %p at %step {optimizer = #nn.optimizer<adam, keras, {}>} : (tensor<3xf32>, tensor<3xf32>, tensor<16xi32>) -> tensor<3xf32>
  return
}

// -----

// New slots are results.
func.func @update(%p: tensor<3xf32>, %step: tensor<16xi32>) {
  // expected-error@+1 {{'nn.update' op must give the parameter and 1 slots, found 1 results}}
  %0 = nn.update %p slots(%p) by %p at %step {optimizer = #nn.optimizer<rmsprop, keras, {}>} : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<16xi32>) -> tensor<3xf32>
  return
}

// -----

// A slot has the parameter's type.
func.func @update(%p: tensor<3xf32>, %m: tensor<2xf32>, %step: tensor<16xi32>) {
  // expected-error@+1 {{'nn.update' op slots, gradient and results must be 'tensor<3xf32>', as the parameter, found 'tensor<2xf32>'}}
  %0:2 = nn.update %p slots(%m) by %p at %step {optimizer = #nn.optimizer<sgd, keras, {momentum = 0.9}>} : (tensor<3xf32>, tensor<2xf32>, tensor<3xf32>, tensor<16xi32>) -> (tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

// A result has the parameter's type.
func.func @update(%p: tensor<3xf32>, %step: tensor<16xi32>) {
  // expected-error@+1 {{'nn.update' op slots, gradient and results must be 'tensor<3xf32>', as the parameter, found 'tensor<4xf32>'}}
  %0 = nn.update %p slots() by %p at %step {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<3xf32>, tensor<3xf32>, tensor<16xi32>) -> tensor<4xf32>
  return
}

// -----

// A gradient has the parameter's type.
func.func @update(%p: tensor<3xf32>, %g: tensor<5xf32>, %step: tensor<16xi32>) {
  // expected-error@+1 {{'nn.update' op slots, gradient and results must be 'tensor<3xf32>', as the parameter, found 'tensor<5xf32>'}}
  %0 = nn.update %p slots() by %g at %step {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<3xf32>, tensor<5xf32>, tensor<16xi32>) -> tensor<3xf32>
  return
}

// -----

// Every value has at least a batch.
func.func @rank_zero(%x: tensor<f32>) {
  // expected-error@+1 {{operand #0 must be f32 tensor with at least 1 dimension}}
  %0 = nn.bias_grad %x : (tensor<f32>) -> tensor<1xf32>
  return
}

// -----

// An elementwise gradient has the shape of its value.
func.func @activation_grad(%dy: tensor<?x4xf32>, %y: tensor<?x3xf32>) {
  // expected-error@+1 {{'nn.activation_grad' op requires the same shape for all operands and results}}
  %0 = nn.activation_grad %dy, %y {activation = #nn.act<relu>} : (tensor<?x4xf32>, tensor<?x3xf32>) -> tensor<?x4xf32>
  return
}

// -----

// The same for softmax.
func.func @softmax_grad(%dy: tensor<?x4xf32>, %y: tensor<?x3xf32>) {
  // expected-error@+1 {{'nn.softmax_grad' op requires the same shape for all operands and results}}
  %0 = nn.softmax_grad %dy, %y : (tensor<?x4xf32>, tensor<?x3xf32>) -> tensor<?x4xf32>
  return
}

// -----

// A weight's gradient sums over one batch.
func.func @one_batch(%x: tensor<?x4xf32>, %dy: tensor<5x3xf32>) {
  // expected-error@+1 {{'nn.dense_grad_weight' op input and gradient must agree in all but their last dimension, found [N, 4] and [5, 3]}}
  %0 = nn.dense_grad_weight %x, %dy : (tensor<?x4xf32>, tensor<5x3xf32>) -> tensor<4x3xf32>
  return
}

// -----

// An adaptive pool works on pictures.
func.func @adaptive(%x: tensor<?x4xf32>) {
  // expected-error@+1 {{'nn.adaptive_avg_pool' op input must have 4 dimensions, found [N, 4]}}
  %0 = nn.adaptive_avg_pool %x : (tensor<?x4xf32>) -> tensor<?x2x2x4xf32>
  return
}

// -----

// And gives pictures.
func.func @adaptive(%x: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.adaptive_avg_pool' op result must have 4 dimensions, found [N, 2]}}
  %0 = nn.adaptive_avg_pool %x : (tensor<?x4x4x2xf32>) -> tensor<?x2xf32>
  return
}

// -----

// It keeps the channels.
func.func @adaptive(%x: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.adaptive_avg_pool' op result must be [N, 3, 3, 2], found [N, 3, 3, 4]}}
  %0 = nn.adaptive_avg_pool %x : (tensor<?x4x4x2xf32>) -> tensor<?x3x3x4xf32>
  return
}
