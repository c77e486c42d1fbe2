// RUN: tl-opt %s --split-input-file --verify-diagnostics

// A gate multiplies each place of its picture by the same numbers.
func.func @multiply(%a: tensor<?x3x2x4xf32>, %b: tensor<?x3x1x4xf32>) {
  // expected-error@+1 {{'nn.multiply' op gate must be [N, 1, 1, 4], found [N, 3, 1, 4]}}
  %0 = nn.multiply %a, %b : (tensor<?x3x2x4xf32>, tensor<?x3x1x4xf32>) -> tensor<?x3x2x4xf32>
  return
}

// -----

// The value is the first; it is never the one that is spread.
func.func @multiply(%a: tensor<?x1x1x4xf32>, %b: tensor<?x1x1x4xf32>) {
  // expected-error@+1 {{'nn.multiply' op result must be [N, 1, 1, 4], found [N, 3, 2, 4]}}
  %0 = nn.multiply %a, %b : (tensor<?x1x1x4xf32>, tensor<?x1x1x4xf32>) -> tensor<?x3x2x4xf32>
  return
}

// -----

// One factor a channel.
func.func @scale(%a: tensor<?x3x2x4xf32>, %s: tensor<3xf32>) {
  // expected-error@+1 {{'nn.scale_channels' op scale must be [4], found [3]}}
  %0 = nn.scale_channels %a, %s : (tensor<?x3x2x4xf32>, tensor<3xf32>) -> tensor<?x3x2x4xf32>
  return
}

// -----

func.func @scale(%a: tensor<?x3x2x4xf32>, %s: tensor<4xf32>) {
  // expected-error@+1 {{'nn.scale_channels' op result must be [N, 3, 2, 4], found [N, 2, 3, 4]}}
  %0 = nn.scale_channels %a, %s : (tensor<?x3x2x4xf32>, tensor<4xf32>) -> tensor<?x2x3x4xf32>
  return
}

// -----

// One number for all channels, or one for each.
func.func @rescale(%a: tensor<?x3x2x4xf32>) {
  // expected-error@+1 {{'nn.rescale' op scale must have 1 or 4 numbers, found 3}}
  %0 = nn.rescale %a {scale = array<f32: 1.0, 2.0, 3.0>, offset = array<f32: 0.0>} : (tensor<?x3x2x4xf32>) -> tensor<?x3x2x4xf32>
  return
}

// -----

func.func @rescale(%a: tensor<?x3x2x4xf32>) {
  // expected-error@+1 {{'nn.rescale' op offset must have 1 or 4 numbers, found 0}}
  %0 = nn.rescale %a {scale = array<f32: 1.0>, offset = array<f32>} : (tensor<?x3x2x4xf32>) -> tensor<?x3x2x4xf32>
  return
}

// -----

// Rescaling changes no shape.
func.func @rescale(%a: tensor<?x3x2x4xf32>) {
  // expected-error@+1 {{'nn.rescale' op result must be [N, 3, 2, 4], found [N, 24]}}
  %0 = nn.rescale %a {scale = array<f32: 1.0>, offset = array<f32: 0.0>} : (tensor<?x3x2x4xf32>) -> tensor<?x24xf32>
  return
}

// -----

// Statistics of each channel.
func.func @standardize(%a: tensor<?x4xf32>, %s: tensor<4xf32>, %m: tensor<1xf32>) {
  // expected-error@+1 {{'nn.standardize' op mean must be [4], found [1]}}
  %0 = nn.standardize %a, %s mean %m : (tensor<?x4xf32>, tensor<4xf32>, tensor<1xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @standardize(%a: tensor<?x4xf32>, %s: tensor<3xf32>) {
  // expected-error@+1 {{'nn.standardize' op variance must be [4], found [3]}}
  %0 = nn.standardize %a, %s : (tensor<?x4xf32>, tensor<3xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @standardize(%a: tensor<?x4xf32>, %s: tensor<4xf32>) {
  // expected-error@+1 {{'nn.standardize' op result must be [N, 4], found [N, 5]}}
  %0 = nn.standardize %a, %s : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x5xf32>
  return
}

// -----

// A gradient has the shape of what it is a gradient of.
func.func @gate(%a: tensor<?x3x2x4xf32>, %b: tensor<?x3x2x5xf32>) {
  // expected-error@+1 {{'nn.multiply_grad_gate' op gradient must be [N, 3, 2, 5], found [N, 3, 2, 4]}}
  %0 = nn.multiply_grad_gate %a, %b : (tensor<?x3x2x4xf32>, tensor<?x3x2x5xf32>) -> tensor<?x1x1x5xf32>
  return
}

// -----

// The places of a picture are summed.
func.func @gate(%a: tensor<?x3x2x4xf32>) {
  // expected-error@+1 {{'nn.multiply_grad_gate' op result must be [N, 1, 1, 4], found [N, 4]}}
  %0 = nn.multiply_grad_gate %a, %a : (tensor<?x3x2x4xf32>, tensor<?x3x2x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @scale(%a: tensor<?x4xf32>, %b: tensor<?x5xf32>) {
  // expected-error@+1 {{'nn.scale_channels_grad' op gradient must be [N, 5], found [N, 4]}}
  %0 = nn.scale_channels_grad %a, %b : (tensor<?x4xf32>, tensor<?x5xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @scale(%a: tensor<?x4xf32>) {
  // expected-error@+1 {{'nn.scale_channels_grad' op result must be [4], found [5]}}
  %0 = nn.scale_channels_grad %a, %a : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<5xf32>
  return
}
