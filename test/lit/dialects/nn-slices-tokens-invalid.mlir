// What breaks slices, added channels and the layers over tokens, one case a
// constraint of Verifiers.cpp.
// RUN: tl-opt %s --split-input-file --verify-diagnostics

// A slice keeps the number of dimensions.
func.func @slice(%a: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.slice' op must keep the batch and the number of dimensions, found [N, 4, 4, 2] and [N, 4, 8]}}
  %0 = nn.slice %a {offsets = array<i64: 0, 0, 0>, strides = array<i64: 1, 1, 1>} : (tensor<?x4x4x2xf32>) -> tensor<?x4x8xf32>
  return
}

// -----

// And the batch.
func.func @slice(%a: tensor<?x4xf32>) {
  // expected-error@+1 {{'nn.slice' op must keep the batch and the number of dimensions, found [N, 4] and [3, 4]}}
  %0 = nn.slice %a {offsets = array<i64: 0>, strides = array<i64: 1>} : (tensor<?x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

// One offset a dimension, none negative.
func.func @slice(%a: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.slice' op offsets must be 3 numbers of at least 0}}
  %0 = nn.slice %a {offsets = array<i64: 0, 0>, strides = array<i64: 1, 1, 1>} : (tensor<?x4x4x2xf32>) -> tensor<?x4x4x2xf32>
  return
}

// -----

// One stride a dimension, none zero.
func.func @slice(%a: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.slice' op strides must be 3 numbers of at least 1}}
  %0 = nn.slice %a {offsets = array<i64: 0, 0, 0>, strides = array<i64: 1, 0, 1>} : (tensor<?x4x4x2xf32>) -> tensor<?x4x4x2xf32>
  return
}

// -----

// The last element taken is one of the input.
func.func @slice(%a: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.slice' op reaches past the 4 elements of dimension 2}}
  %0 = nn.slice %a {offsets = array<i64: 0, 1, 0>, strides = array<i64: 1, 2, 1>} : (tensor<?x4x4x2xf32>) -> tensor<?x4x3x2xf32>
  return
}

// -----

// Channels are added, not taken away.
func.func @pad_channels(%a: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.pad_channels' op before and after must be at least 0}}
  %0 = nn.pad_channels %a {before = 1 : i64, after = -1 : i64} : (tensor<?x4x4x2xf32>) -> tensor<?x4x4x2xf32>
  return
}

// -----

// The result has all of them.
func.func @pad_channels(%a: tensor<?x4x4x2xf32>) {
  // expected-error@+1 {{'nn.pad_channels' op result must be [N, 4, 4, 5], found [N, 4, 4, 4]}}
  %0 = nn.pad_channels %a {before = 1 : i64, after = 2 : i64} : (tensor<?x4x4x2xf32>) -> tensor<?x4x4x4xf32>
  return
}

// -----

// One scale a channel.
func.func @layer_norm(%a: tensor<?x3x4xf32>, %b: tensor<3xf32>, %c: tensor<4xf32>) {
  // expected-error@+1 {{'nn.layer_norm' op gamma must be [4], found [3]}}
  %0 = nn.layer_norm %a, %b, %c {epsilon = 1.0e-6} : (tensor<?x3x4xf32>, tensor<3xf32>, tensor<4xf32>) -> tensor<?x3x4xf32>
  return
}

// -----

// One shift a channel.
func.func @layer_norm(%a: tensor<?x3x4xf32>, %b: tensor<4xf32>, %c: tensor<3xf32>) {
  // expected-error@+1 {{'nn.layer_norm' op beta must be [4], found [3]}}
  %0 = nn.layer_norm %a, %b, %c {epsilon = 1.0e-6} : (tensor<?x3x4xf32>, tensor<4xf32>, tensor<3xf32>) -> tensor<?x3x4xf32>
  return
}

// -----

// Epsilon keeps the root away from zero.
func.func @layer_norm(%a: tensor<?x3x4xf32>, %b: tensor<4xf32>, %c: tensor<4xf32>) {
  // expected-error@+1 {{'nn.layer_norm' op epsilon must be positive}}
  %0 = nn.layer_norm %a, %b, %c {epsilon = 0.0} : (tensor<?x3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x3x4xf32>
  return
}

// -----

// A normalisation changes no shape.
func.func @layer_norm(%a: tensor<?x3x4xf32>, %b: tensor<4xf32>, %c: tensor<4xf32>) {
  // expected-error@+1 {{'nn.layer_norm' op result must be [N, 3, 4], found [N, 4, 3]}}
  %0 = nn.layer_norm %a, %b, %c {epsilon = 1.0e-6} : (tensor<?x3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4x3xf32>
  return
}

// -----

// Attention is over tokens.
func.func @attention(%a: tensor<?x12xf32>) {
  // expected-error@+1 {{'nn.attention' op qkv must have 3 dimensions, found [N, 12]}}
  %0 = nn.attention %a {heads = 1 : i64, scale = 1.0} : (tensor<?x12xf32>) -> tensor<?x4xf32>
  return
}

// -----

// Queries, keys and values of each head are of one size.
func.func @attention(%a: tensor<?x5x9xf32>) {
  // expected-error@+1 {{'nn.attention' op qkv must have a multiple of 3 x 2 channels, found 9}}
  %0 = nn.attention %a {heads = 2 : i64, scale = 1.0} : (tensor<?x5x9xf32>) -> tensor<?x5x3xf32>
  return
}

// -----

// There is a head.
func.func @attention(%a: tensor<?x5x9xf32>) {
  // expected-error@+1 {{'nn.attention' op qkv must have a multiple of 3 x 0 channels, found 9}}
  %0 = nn.attention %a {heads = 0 : i64, scale = 1.0} : (tensor<?x5x9xf32>) -> tensor<?x5x3xf32>
  return
}

// -----

// The result is as wide as the values.
func.func @attention(%a: tensor<?x5x12xf32>) {
  // expected-error@+1 {{'nn.attention' op result must be [N, 5, 4], found [N, 5, 12]}}
  %0 = nn.attention %a {heads = 2 : i64, scale = 1.0} : (tensor<?x5x12xf32>) -> tensor<?x5x12xf32>
  return
}

// -----

// A token is put before tokens.
func.func @prepend_token(%a: tensor<?x4xf32>, %b: tensor<4xf32>) {
  // expected-error@+1 {{'nn.prepend_token' op input must have 3 dimensions, found [N, 4]}}
  %0 = nn.prepend_token %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x5xf32>
  return
}

// -----

// It is as wide as they are.
func.func @prepend_token(%a: tensor<?x3x4xf32>, %b: tensor<3xf32>) {
  // expected-error@+1 {{'nn.prepend_token' op token must be [4], found [3]}}
  %0 = nn.prepend_token %a, %b : (tensor<?x3x4xf32>, tensor<3xf32>) -> tensor<?x4x4xf32>
  return
}

// -----

// The result has one more.
func.func @prepend_token(%a: tensor<?x3x4xf32>, %b: tensor<4xf32>) {
  // expected-error@+1 {{'nn.prepend_token' op result must be [N, 4, 4], found [N, 3, 5]}}
  %0 = nn.prepend_token %a, %b : (tensor<?x3x4xf32>, tensor<4xf32>) -> tensor<?x3x5xf32>
  return
}

// -----

// A position for every element of a picture.
func.func @add_position(%a: tensor<?x3x4xf32>, %b: tensor<4xf32>) {
  // expected-error@+1 {{'nn.add_position' op position must be [3, 4], found [4]}}
  %0 = nn.add_position %a, %b : (tensor<?x3x4xf32>, tensor<4xf32>) -> tensor<?x3x4xf32>
  return
}

// -----

// Adding changes no shape.
func.func @add_position(%a: tensor<?x3x4xf32>, %b: tensor<3x4xf32>) {
  // expected-error@+1 {{'nn.add_position' op result must be [N, 3, 4], found [N, 4, 3]}}
  %0 = nn.add_position %a, %b : (tensor<?x3x4xf32>, tensor<3x4xf32>) -> tensor<?x4x3xf32>
  return
}
