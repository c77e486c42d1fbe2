// RUN: tl-opt %s --split-input-file --verify-diagnostics

// A filter has four dimensions.
func.func @filter(%w: tensor<3x3x4xf32>) {
  // expected-error@+1 {{'nn.winograd_filter' op filter must have 4 dimensions, found [3, 3, 4]}}
  %0 = nn.winograd_filter %w : (tensor<3x3x4xf32>) -> tensor<36x4x4xf32>
  return
}

// -----

// The points are those of 3 x 3 taps.
func.func @filter(%w: tensor<3x5x4x6xf32>) {
  // expected-error@+1 {{'nn.winograd_filter' op filter must be 3 x 3, found 3 x 5}}
  %0 = nn.winograd_filter %w : (tensor<3x5x4x6xf32>) -> tensor<36x4x6xf32>
  return
}

// -----

// One plane for each pair of points.
func.func @filter(%w: tensor<3x3x4x6xf32>) {
  // expected-error@+1 {{'nn.winograd_filter' op result must be [36, 4, 6], found [16, 4, 6]}}
  %0 = nn.winograd_filter %w : (tensor<3x3x4x6xf32>) -> tensor<16x4x6xf32>
  return
}

// -----

// Transposed, the channels change places.
func.func @filter(%w: tensor<3x3x4x6xf32>) {
  // expected-error@+1 {{'nn.winograd_filter' op result must be [36, 6, 4], found [36, 4, 6]}}
  %0 = nn.winograd_filter %w {transposed} : (tensor<3x3x4x6xf32>) -> tensor<36x4x6xf32>
  return
}

// -----

// The input is a map.
func.func @conv(%x: tensor<?x4xf32>, %u: tensor<36x4x6xf32>) {
  // expected-error@+1 {{'nn.winograd_conv2d' op input must have 4 dimensions, found [N, 4]}}
  %0 = nn.winograd_conv2d %x, %u : (tensor<?x4xf32>, tensor<36x4x6xf32>) -> tensor<?x6x6x6xf32>
  return
}

// -----

// The filter is transformed.
func.func @conv(%x: tensor<?x8x8x4xf32>, %w: tensor<3x3x4x6xf32>) {
  // expected-error@+1 {{'nn.winograd_conv2d' op filter must have 3 dimensions, found [3, 3, 4, 6]}}
  %0 = nn.winograd_conv2d %x, %w : (tensor<?x8x8x4xf32>, tensor<3x3x4x6xf32>) -> tensor<?x6x6x6xf32>
  return
}

// -----

// Pads are not negative.
func.func @conv(%x: tensor<?x8x8x4xf32>, %u: tensor<36x4x6xf32>) {
  // expected-error@+1 {{'nn.winograd_conv2d' op pads must be 4 numbers of at least 0}}
  %0 = nn.winograd_conv2d %x, %u {pads = array<i64: 0, 0, 0, -1>} : (tensor<?x8x8x4xf32>, tensor<36x4x6xf32>) -> tensor<?x6x6x6xf32>
  return
}

// -----

// The filter has the input's channels.
func.func @conv(%x: tensor<?x8x8x4xf32>, %u: tensor<36x5x6xf32>) {
  // expected-error@+1 {{'nn.winograd_conv2d' op filter must be [36, 4, 6], found [36, 5, 6]}}
  %0 = nn.winograd_conv2d %x, %u : (tensor<?x8x8x4xf32>, tensor<36x5x6xf32>) -> tensor<?x6x6x6xf32>
  return
}

// -----

// One bias an output channel.
func.func @conv(%x: tensor<?x8x8x4xf32>, %u: tensor<36x4x6xf32>, %b: tensor<4xf32>) {
  // expected-error@+1 {{'nn.winograd_conv2d' op bias must be [6], found [4]}}
  %0 = nn.winograd_conv2d %x, %u, %b : (tensor<?x8x8x4xf32>, tensor<36x4x6xf32>, tensor<4xf32>) -> tensor<?x6x6x6xf32>
  return
}

// -----

// There is a window to see.
func.func @conv(%x: tensor<?x2x8x4xf32>, %u: tensor<36x4x6xf32>) {
  // expected-error@+1 {{'nn.winograd_conv2d' op the filter is larger than the padded input}}
  %0 = nn.winograd_conv2d %x, %u : (tensor<?x2x8x4xf32>, tensor<36x4x6xf32>) -> tensor<?x6x6x6xf32>
  return
}

// -----

// The residual has the result's shape.
func.func @conv(%x: tensor<?x8x8x4xf32>, %u: tensor<36x4x6xf32>, %r: tensor<?x8x8x6xf32>) {
  // expected-error@+1 {{'nn.winograd_conv2d' op residual must be [N, 6, 6, 6], found [N, 8, 8, 6]}}
  %0 = nn.winograd_conv2d %x, %u residual %r : (tensor<?x8x8x4xf32>, tensor<36x4x6xf32>, tensor<?x8x8x6xf32>) -> tensor<?x6x6x6xf32>
  return
}

// -----

// The result is what windows of 3 x 3 leave.
func.func @conv(%x: tensor<?x8x8x4xf32>, %u: tensor<36x4x6xf32>) {
  // expected-error@+1 {{'nn.winograd_conv2d' op result must be [N, 6, 6, 6], found [N, 8, 8, 6]}}
  %0 = nn.winograd_conv2d %x, %u : (tensor<?x8x8x4xf32>, tensor<36x4x6xf32>) -> tensor<?x8x8x6xf32>
  return
}

// -----

// Pooled, it is half of that, rounded down.
func.func @conv(%x: tensor<?x9x8x4xf32>, %u: tensor<36x4x6xf32>) {
  // expected-error@+1 {{'nn.winograd_conv2d' op result must be [N, 3, 3, 6], found [N, 4, 3, 6]}}
  %0 = nn.winograd_conv2d %x, %u {pooled} : (tensor<?x9x8x4xf32>, tensor<36x4x6xf32>) -> tensor<?x4x3x6xf32>
  return
}

// -----

// The residual is added before pooling.
func.func @conv(%x: tensor<?x8x8x4xf32>, %u: tensor<36x4x6xf32>, %r: tensor<?x3x3x6xf32>) {
  // expected-error@+1 {{'nn.winograd_conv2d' op residual must be [N, 6, 6, 6], found [N, 3, 3, 6]}}
  %0 = nn.winograd_conv2d %x, %u residual %r {pooled} : (tensor<?x8x8x4xf32>, tensor<36x4x6xf32>, tensor<?x3x3x6xf32>) -> tensor<?x3x3x6xf32>
  return
}

// -----

// There are 2 x 2 values to pool.
func.func @conv(%x: tensor<?x3x8x4xf32>, %u: tensor<36x4x6xf32>) {
  // expected-error@+1 {{'nn.winograd_conv2d' op a map of 1 x 6 has nothing to pool}}
  %0 = nn.winograd_conv2d %x, %u {pooled} : (tensor<?x3x8x4xf32>, tensor<36x4x6xf32>) -> tensor<?x1x3x6xf32>
  return
}
