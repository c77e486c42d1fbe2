// What breaks the gradients of slices, pools, convolutions and the layers over
// tokens, one case a constraint of TrainingVerifiers.cpp.
// RUN: tl-opt %s --split-input-file --verify-diagnostics

// Both sides of a slice keep the batch and the number of dimensions.
func.func @slice_grad(%a: tensor<?x4x8xf32>) {
  // expected-error@+1 {{'nn.slice_grad' op must keep the batch and the number of dimensions, found [N, 4, 4, 2] and [N, 4, 8]}}
  %0 = nn.slice_grad %a {offsets = array<i64: 0, 0, 0>, strides = array<i64: 1, 1, 1>} : (tensor<?x4x8xf32>) -> tensor<?x4x4x2xf32>
  return
}

// -----

// Offsets are those of the slice.
func.func @slice_grad(%a: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.slice_grad' op offsets must be 3 numbers of at least 0}}
  %0 = nn.slice_grad %a {offsets = array<i64: 0, 0, -1>, strides = array<i64: 1, 1, 1>} : (tensor<?x4x4x2xf32>) -> tensor<?x4x4x2xf32>
  return
}

// -----

// Strides too.
func.func @slice_grad(%a: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.slice_grad' op strides must be 3 numbers of at least 1}}
  %0 = nn.slice_grad %a {offsets = array<i64: 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x4x4x2xf32>) -> tensor<?x4x4x2xf32>
  return
}

// -----

// No element of dy lies outside.
func.func @slice_grad(%a: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.slice_grad' op reaches past the 2 elements of dimension 3}}
  %0 = nn.slice_grad %a {offsets = array<i64: 0, 0, 1>, strides = array<i64: 1, 1, 1>} : (tensor<?x4x4x2xf32>) -> tensor<?x4x4x2xf32>
  return
}

// -----

// A pool's input is a picture.
func.func @max_pool_grad(%a: tensor<?x2xf32>, %b: tensor<?x4xf32>) {
  // expected-error@+1 {{'nn.max_pool_grad' op input must have 4 dimensions, found [N, 4]}}
  %0 = nn.max_pool_grad %a, %b {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x2xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

// A window has height and width.
func.func @max_pool_grad(%a: tensor<?x2x2x3xf32>, %b: tensor<?x4x4x3xf32>) {
  // expected-error@+1 {{'nn.max_pool_grad' op window must be 2 numbers of at least 1}}
  %0 = nn.max_pool_grad %a, %b {window = array<i64: 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x2x2x3xf32>, tensor<?x4x4x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// Strides are positive.
func.func @max_pool_grad(%a: tensor<?x2x2x3xf32>, %b: tensor<?x4x4x3xf32>) {
  // expected-error@+1 {{'nn.max_pool_grad' op strides must be 2 numbers of at least 1}}
  %0 = nn.max_pool_grad %a, %b {window = array<i64: 2, 2>, strides = array<i64: 0, 2>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x2x2x3xf32>, tensor<?x4x4x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// Padding has four sides.
func.func @max_pool_grad(%a: tensor<?x2x2x3xf32>, %b: tensor<?x4x4x3xf32>) {
  // expected-error@+1 {{'nn.max_pool_grad' op pads must be 4 numbers of at least 0}}
  %0 = nn.max_pool_grad %a, %b {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0>} : (tensor<?x2x2x3xf32>, tensor<?x4x4x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// No window lies in the padding before the input.
func.func @max_pool_grad(%a: tensor<?x3x2x3xf32>, %b: tensor<?x4x4x3xf32>) {
  // expected-error@+1 {{'nn.max_pool_grad' op a window must hold at least one input element: padding before must be less than the window}}
  %0 = nn.max_pool_grad %a, %b {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 2, 0, 0, 0>} : (tensor<?x3x2x3xf32>, tensor<?x4x4x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// Nor in that behind it.
func.func @max_pool_grad(%a: tensor<?x3x2x3xf32>, %b: tensor<?x4x4x3xf32>) {
  // expected-error@+1 {{'nn.max_pool_grad' op a window must hold at least one input element: the last one starts past the input}}
  %0 = nn.max_pool_grad %a, %b {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 2, 0, 0>} : (tensor<?x3x2x3xf32>, tensor<?x4x4x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// dy has the shape of the pool's result.
func.func @max_pool_grad(%a: tensor<?x4x4x3xf32>, %b: tensor<?x4x4x3xf32>) {
  // expected-error@+1 {{'nn.max_pool_grad' op result must be [N, 2, 2, 3], found [N, 4, 4, 3]}}
  %0 = nn.max_pool_grad %a, %b {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x4x4x3xf32>, tensor<?x4x4x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// dx has that of its input.
func.func @max_pool_grad(%a: tensor<?x2x2x3xf32>, %b: tensor<?x4x4x3xf32>) {
  // expected-error@+1 {{'nn.max_pool_grad' op result must be [N, 4, 4, 3], found [N, 2, 2, 3]}}
  %0 = nn.max_pool_grad %a, %b {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x2x2x3xf32>, tensor<?x4x4x3xf32>) -> tensor<?x2x2x3xf32>
  return
}

// -----

// An average's dx is a picture.
func.func @avg_pool_grad(%a: tensor<?x2xf32>) {
  // expected-error@+1 {{'nn.avg_pool_grad' op input must have 4 dimensions, found [N, 4]}}
  %0 = nn.avg_pool_grad %a {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x2xf32>) -> tensor<?x4xf32>
  return
}

// -----

// A window has height and width.
func.func @avg_pool_grad(%a: tensor<?x2x2x3xf32>) {
  // expected-error@+1 {{'nn.avg_pool_grad' op window must be 2 numbers of at least 1}}
  %0 = nn.avg_pool_grad %a {window = array<i64: 0, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x2x2x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// Strides are positive.
func.func @avg_pool_grad(%a: tensor<?x2x2x3xf32>) {
  // expected-error@+1 {{'nn.avg_pool_grad' op strides must be 2 numbers of at least 1}}
  %0 = nn.avg_pool_grad %a {window = array<i64: 2, 2>, strides = array<i64: 2>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x2x2x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// Padding is not negative.
func.func @avg_pool_grad(%a: tensor<?x2x2x3xf32>) {
  // expected-error@+1 {{'nn.avg_pool_grad' op pads must be 4 numbers of at least 0}}
  %0 = nn.avg_pool_grad %a {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, -1, 0>} : (tensor<?x2x2x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// No window lies in the padding before the input.
func.func @avg_pool_grad(%a: tensor<?x2x3x3xf32>) {
  // expected-error@+1 {{'nn.avg_pool_grad' op a window must hold at least one input element: padding before must be less than the window}}
  %0 = nn.avg_pool_grad %a {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 2, 0>} : (tensor<?x2x3x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// Nor in that behind it.
func.func @avg_pool_grad(%a: tensor<?x2x3x3xf32>) {
  // expected-error@+1 {{'nn.avg_pool_grad' op a window must hold at least one input element: the last one starts past the input}}
  %0 = nn.avg_pool_grad %a {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 2>} : (tensor<?x2x3x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// dy has the shape of the pool's result.
func.func @avg_pool_grad(%a: tensor<?x2x2x3xf32>) {
  // expected-error@+1 {{'nn.avg_pool_grad' op result must be [N, 2, 3, 3], found [N, 2, 2, 3]}}
  %0 = nn.avg_pool_grad %a {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>} : (tensor<?x2x2x3xf32>) -> tensor<?x5x6x3xf32>
  return
}

// -----

// A filter has height, width and both channels.
func.func @transpose_filter(%a: tensor<4x4xf32>) {
  // expected-error@+1 {{'nn.transpose_filter' op filter must have 4 dimensions, found [4, 4]}}
  %0 = nn.transpose_filter %a : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

// Groups divide the outputs.
func.func @transpose_filter(%a: tensor<3x3x4x3xf32>) {
  // expected-error@+1 {{'nn.transpose_filter' op groups (2) must divide the 3 output channels}}
  %0 = nn.transpose_filter %a {groups = 2 : i64} : (tensor<3x3x4x3xf32>) -> tensor<3x3x1x8xf32>
  return
}

// -----

// There is a group.
func.func @transpose_filter(%a: tensor<3x3x4x3xf32>) {
  // expected-error@+1 {{'nn.transpose_filter' op groups (0) must divide the 3 output channels}}
  %0 = nn.transpose_filter %a {groups = 0 : i64} : (tensor<3x3x4x3xf32>) -> tensor<3x3x3x4xf32>
  return
}

// -----

// Channels change places group by group.
func.func @transpose_filter(%a: tensor<3x3x2x6xf32>) {
  // expected-error@+1 {{'nn.transpose_filter' op result must be [3, 3, 3, 4], found [3, 3, 6, 2]}}
  %0 = nn.transpose_filter %a {groups = 2 : i64} : (tensor<3x3x2x6xf32>) -> tensor<3x3x6x2xf32>
  return
}

// -----

// The transposed filter has four dimensions.
func.func @conv2d_grad_input(%a: tensor<?x4x4x2xf32>, %b: tensor<2x4xf32>) {
  // expected-error@+1 {{'nn.conv2d_grad_input' op filter must have 4 dimensions, found [2, 4]}}
  %0 = nn.conv2d_grad_input %a, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x4x4x2xf32>, tensor<2x4xf32>) -> tensor<?x4x4x4xf32>
  return
}

// -----

// Groups divide the input's channels.
func.func @conv2d_grad_input(%a: tensor<?x4x4x2xf32>, %b: tensor<1x1x2x3xf32>) {
  // expected-error@+1 {{'nn.conv2d_grad_input' op groups (2) must divide the 3 input channels}}
  %0 = nn.conv2d_grad_input %a, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 2 : i64} : (tensor<?x4x4x2xf32>, tensor<1x1x2x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// dx is a picture.
func.func @conv2d_grad_input(%a: tensor<?x4x4x2xf32>, %b: tensor<1x1x2x3xf32>) {
  // expected-error@+1 {{'nn.conv2d_grad_input' op works on values with 4 dimensions}}
  %0 = nn.conv2d_grad_input %a, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x4x4x2xf32>, tensor<1x1x2x3xf32>) -> tensor<?x4x12xf32>
  return
}

// -----

// Strides are those of the convolution.
func.func @conv2d_grad_input(%a: tensor<?x4x4x2xf32>, %b: tensor<1x1x2x3xf32>) {
  // expected-error@+1 {{'nn.conv2d_grad_input' op strides must be 2 numbers of at least 1}}
  %0 = nn.conv2d_grad_input %a, %b {strides = array<i64: 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x4x4x2xf32>, tensor<1x1x2x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// Dilations too.
func.func @conv2d_grad_input(%a: tensor<?x4x4x2xf32>, %b: tensor<1x1x2x3xf32>) {
  // expected-error@+1 {{'nn.conv2d_grad_input' op dilations must be 2 numbers of at least 1}}
  %0 = nn.conv2d_grad_input %a, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 0, 1>} : (tensor<?x4x4x2xf32>, tensor<1x1x2x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// And padding.
func.func @conv2d_grad_input(%a: tensor<?x4x4x2xf32>, %b: tensor<1x1x2x3xf32>) {
  // expected-error@+1 {{'nn.conv2d_grad_input' op pads must be 4 numbers of at least 0}}
  %0 = nn.conv2d_grad_input %a, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x4x4x2xf32>, tensor<1x1x2x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// Together they are a convolution.
func.func @conv2d_grad_input(%a: tensor<?x4x4x2xf32>, %b: tensor<1x1x2x3xf32>) {
  // expected-error@+1 {{'nn.conv2d_grad_input' op no convolution of [N, 4, 4, 3] by [1, 1, 3, 2] in 1 groups gives [N, 4, 4, 2]}}
  %0 = nn.conv2d_grad_input %a, %b {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x4x4x2xf32>, tensor<1x1x2x3xf32>) -> tensor<?x4x4x3xf32>
  return
}

// -----

// dw has height, width and both channels.
func.func @conv2d_grad_filter(%a: tensor<?x4x4x3xf32>, %b: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.conv2d_grad_filter' op works on values with 4 dimensions}}
  %0 = nn.conv2d_grad_filter %a, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x4x4x3xf32>, tensor<?x4x4x2xf32>) -> tensor<3x2xf32>
  return
}

// -----

// Strides are those of the convolution.
func.func @conv2d_grad_filter(%a: tensor<?x4x4x3xf32>, %b: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.conv2d_grad_filter' op strides must be 2 numbers of at least 1}}
  %0 = nn.conv2d_grad_filter %a, %b {strides = array<i64: 0, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x4x4x3xf32>, tensor<?x4x4x2xf32>) -> tensor<1x1x3x2xf32>
  return
}

// -----

// Dilations too.
func.func @conv2d_grad_filter(%a: tensor<?x4x4x3xf32>, %b: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.conv2d_grad_filter' op dilations must be 2 numbers of at least 1}}
  %0 = nn.conv2d_grad_filter %a, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1>} : (tensor<?x4x4x3xf32>, tensor<?x4x4x2xf32>) -> tensor<1x1x3x2xf32>
  return
}

// -----

// And padding.
func.func @conv2d_grad_filter(%a: tensor<?x4x4x3xf32>, %b: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.conv2d_grad_filter' op pads must be 4 numbers of at least 0}}
  %0 = nn.conv2d_grad_filter %a, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, -1>, dilations = array<i64: 1, 1>} : (tensor<?x4x4x3xf32>, tensor<?x4x4x2xf32>) -> tensor<1x1x3x2xf32>
  return
}

// -----

// Together they are a convolution.
func.func @conv2d_grad_filter(%a: tensor<?x4x4x3xf32>, %b: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.conv2d_grad_filter' op no convolution of [N, 4, 4, 3] by [3, 3, 3, 2] in 1 groups gives [N, 4, 4, 2]}}
  %0 = nn.conv2d_grad_filter %a, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x4x4x3xf32>, tensor<?x4x4x2xf32>) -> tensor<3x3x3x2xf32>
  return
}

// -----

// Groups divide both channels.
func.func @conv2d_grad_filter(%a: tensor<?x4x4x3xf32>, %b: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.conv2d_grad_filter' op no convolution of [N, 4, 4, 3] by [1, 1, 1, 2] in 2 groups gives [N, 4, 4, 2]}}
  %0 = nn.conv2d_grad_filter %a, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 2 : i64} : (tensor<?x4x4x3xf32>, tensor<?x4x4x2xf32>) -> tensor<1x1x1x2xf32>
  return
}

// -----

// dy has the shape of the input.
func.func @layer_norm_grad_input(%a: tensor<?x3x4xf32>, %b: tensor<?x4x3xf32>, %c: tensor<4xf32>) {
  // expected-error@+1 {{'nn.layer_norm_grad_input' op input must be [N, 3, 4], found [N, 4, 3]}}
  %0 = nn.layer_norm_grad_input %a, %b, %c {epsilon = 1.0e-6} : (tensor<?x3x4xf32>, tensor<?x4x3xf32>, tensor<4xf32>) -> tensor<?x3x4xf32>
  return
}

// -----

// One scale a channel.
func.func @layer_norm_grad_input(%a: tensor<?x3x4xf32>, %b: tensor<?x3x4xf32>, %c: tensor<3xf32>) {
  // expected-error@+1 {{'nn.layer_norm_grad_input' op gamma must be [4], found [3]}}
  %0 = nn.layer_norm_grad_input %a, %b, %c {epsilon = 1.0e-6} : (tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<3xf32>) -> tensor<?x3x4xf32>
  return
}

// -----

// dx has the shape of the input.
func.func @layer_norm_grad_input(%a: tensor<?x3x4xf32>, %b: tensor<?x3x4xf32>, %c: tensor<4xf32>) {
  // expected-error@+1 {{'nn.layer_norm_grad_input' op result must be [N, 3, 4], found [N, 4, 3]}}
  %0 = nn.layer_norm_grad_input %a, %b, %c {epsilon = 1.0e-6} : (tensor<?x3x4xf32>, tensor<?x3x4xf32>, tensor<4xf32>) -> tensor<?x4x3xf32>
  return
}

// -----

// dy has the shape of the input.
func.func @layer_norm_grad_affine(%a: tensor<?x3x4xf32>, %b: tensor<?x4x3xf32>) {
  // expected-error@+1 {{'nn.layer_norm_grad_affine' op input must be [N, 3, 4], found [N, 4, 3]}}
  %0:2 = nn.layer_norm_grad_affine %a, %b {epsilon = 1.0e-6} : (tensor<?x3x4xf32>, tensor<?x4x3xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

// One gradient a scale.
func.func @layer_norm_grad_affine(%a: tensor<?x3x4xf32>, %b: tensor<?x3x4xf32>) {
  // expected-error@+1 {{'nn.layer_norm_grad_affine' op gamma must be [4], found [3]}}
  %0:2 = nn.layer_norm_grad_affine %a, %b {epsilon = 1.0e-6} : (tensor<?x3x4xf32>, tensor<?x3x4xf32>) -> (tensor<3xf32>, tensor<4xf32>)
  return
}

// -----

// One gradient a shift.
func.func @layer_norm_grad_affine(%a: tensor<?x3x4xf32>, %b: tensor<?x3x4xf32>) {
  // expected-error@+1 {{'nn.layer_norm_grad_affine' op beta must be [4], found [3]}}
  %0:2 = nn.layer_norm_grad_affine %a, %b {epsilon = 1.0e-6} : (tensor<?x3x4xf32>, tensor<?x3x4xf32>) -> (tensor<4xf32>, tensor<3xf32>)
  return
}

// -----

// Attention is over tokens.
func.func @attention_grad(%a: tensor<?x4xf32>, %b: tensor<?x12xf32>) {
  // expected-error@+1 {{'nn.attention_grad' op qkv must have 3 dimensions, found [N, 12]}}
  %0 = nn.attention_grad %a, %b {heads = 1 : i64, scale = 1.0} : (tensor<?x4xf32>, tensor<?x12xf32>) -> tensor<?x12xf32>
  return
}

// -----

// Queries, keys and values of each head are of one size.
func.func @attention_grad(%a: tensor<?x5x3xf32>, %b: tensor<?x5x9xf32>) {
  // expected-error@+1 {{'nn.attention_grad' op qkv must have a multiple of 3 x 2 channels, found 9}}
  %0 = nn.attention_grad %a, %b {heads = 2 : i64, scale = 1.0} : (tensor<?x5x3xf32>, tensor<?x5x9xf32>) -> tensor<?x5x9xf32>
  return
}

// -----

// dy is as wide as the values.
func.func @attention_grad(%a: tensor<?x5x12xf32>, %b: tensor<?x5x12xf32>) {
  // expected-error@+1 {{'nn.attention_grad' op gradient must be [N, 5, 4], found [N, 5, 12]}}
  %0 = nn.attention_grad %a, %b {heads = 2 : i64, scale = 1.0} : (tensor<?x5x12xf32>, tensor<?x5x12xf32>) -> tensor<?x5x12xf32>
  return
}

// -----

// dqkv is as wide as all three.
func.func @attention_grad(%a: tensor<?x5x4xf32>, %b: tensor<?x5x12xf32>) {
  // expected-error@+1 {{'nn.attention_grad' op result must be [N, 5, 12], found [N, 5, 4]}}
  %0 = nn.attention_grad %a, %b {heads = 2 : i64, scale = 1.0} : (tensor<?x5x4xf32>, tensor<?x5x12xf32>) -> tensor<?x5x4xf32>
  return
}

// -----

// The sum has no batch.
func.func @batch_sum(%a: tensor<?x3x4xf32>) {
  // expected-error@+1 {{'nn.batch_sum' op result must be [3, 4], found [4]}}
  %0 = nn.batch_sum %a : (tensor<?x3x4xf32>) -> tensor<4xf32>
  return
}

// -----

// The dx of an adaptive pool has the channels of dy.
func.func @adaptive_grad(%dy: tensor<?x2x2x3xf32>) {
  // expected-error@+1 {{'nn.adaptive_avg_pool_grad' op result must be [N, 2, 2, 4], found [N, 2, 2, 3]}}
  %0 = nn.adaptive_avg_pool_grad %dy : (tensor<?x2x2x3xf32>) -> tensor<?x5x5x4xf32>
  return
}
