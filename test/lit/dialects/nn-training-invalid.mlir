// RUN: tl-opt %s --split-input-file --verify-diagnostics

// A mean a channel.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>) {
  // expected-error@+1 {{'nn.batch_stats' op mean must be [3], found [2]}}
  %0:2 = nn.batch_stats %x : (tensor<?x2x2x3xf32>) -> (tensor<2xf32>, tensor<3xf32>)
  return
}

// -----

// And a variance a channel.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>) {
  // expected-error@+1 {{'nn.batch_stats' op variance must be [3], found [2]}}
  %0:2 = nn.batch_stats %x : (tensor<?x2x2x3xf32>) -> (tensor<3xf32>, tensor<2xf32>)
  return
}

// -----

// A momentum is a share.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>) {
  // expected-error@+1 {{'nn.moving_average' op momentum must be between 0 and 1, found -5.000000e-01}}
  %0 = nn.moving_average %c by %c of %x {momentum = -0.5} : (tensor<3xf32>, tensor<3xf32>, tensor<?x2x2x3xf32>) -> tensor<3xf32>
  return
}

// -----

// On both sides.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>) {
  // expected-error@+1 {{'nn.moving_average' op momentum must be between 0 and 1, found 1.500000e+00}}
  %0 = nn.moving_average %c by %c of %x {momentum = 1.5} : (tensor<3xf32>, tensor<3xf32>, tensor<?x2x2x3xf32>) -> tensor<3xf32>
  return
}

// -----

// An average has a number for each channel of its input.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>) {
  // expected-error@+1 {{'nn.moving_average' op old must be [3], found [2]}}
  %0 = nn.moving_average %d by %c of %x {momentum = 0.5} : (tensor<2xf32>, tensor<3xf32>, tensor<?x2x2x3xf32>) -> tensor<3xf32>
  return
}

// -----

// So has what is added to it.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>) {
  // expected-error@+1 {{'nn.moving_average' op batch must be [3], found [2]}}
  %0 = nn.moving_average %c by %d of %x {momentum = 0.5} : (tensor<3xf32>, tensor<2xf32>, tensor<?x2x2x3xf32>) -> tensor<3xf32>
  return
}

// -----

// And what comes of it.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>) {
  // expected-error@+1 {{'nn.moving_average' op result must be [3], found [2]}}
  %0 = nn.moving_average %c by %c of %x {momentum = 0.5} : (tensor<3xf32>, tensor<3xf32>, tensor<?x2x2x3xf32>) -> tensor<2xf32>
  return
}

// -----

// The gradient of a batch norm has the shape of its input.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>, %y: tensor<?x2x2x2xf32>) {
  // expected-error@+1 {{'nn.batch_norm_grad_affine' op gradient must be [N, 2, 2, 3], found [N, 2, 2, 2]}}
  %0:2 = nn.batch_norm_grad_affine %y, %x, %c, %c {epsilon = 0.1} : (tensor<?x2x2x2xf32>, tensor<?x2x2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

// A mean a channel.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>, %y: tensor<?x2x2x2xf32>) {
  // expected-error@+1 {{'nn.batch_norm_grad_affine' op mean must be [3], found [2]}}
  %0:2 = nn.batch_norm_grad_affine %x, %x, %d, %c {epsilon = 0.1} : (tensor<?x2x2x3xf32>, tensor<?x2x2x3xf32>, tensor<2xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

// A variance a channel.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>, %y: tensor<?x2x2x2xf32>) {
  // expected-error@+1 {{'nn.batch_norm_grad_affine' op variance must be [3], found [2]}}
  %0:2 = nn.batch_norm_grad_affine %x, %x, %c, %d {epsilon = 0.1} : (tensor<?x2x2x3xf32>, tensor<?x2x2x3xf32>, tensor<3xf32>, tensor<2xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

// A gradient of gamma a channel.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>, %y: tensor<?x2x2x2xf32>) {
  // expected-error@+1 {{'nn.batch_norm_grad_affine' op gamma must be [3], found [2]}}
  %0:2 = nn.batch_norm_grad_affine %x, %x, %c, %c {epsilon = 0.1} : (tensor<?x2x2x3xf32>, tensor<?x2x2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2xf32>, tensor<3xf32>)
  return
}

// -----

// A gradient of beta a channel.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>, %y: tensor<?x2x2x2xf32>) {
  // expected-error@+1 {{'nn.batch_norm_grad_affine' op beta must be [3], found [2]}}
  %0:2 = nn.batch_norm_grad_affine %x, %x, %c, %c {epsilon = 0.1} : (tensor<?x2x2x3xf32>, tensor<?x2x2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<2xf32>)
  return
}

// -----

// What goes through the statistics is the input.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>, %y: tensor<?x2x2x2xf32>) {
  // expected-error@+1 {{'nn.batch_norm_grad_input' op input must be [N, 2, 2, 3], found [N, 2, 2, 2]}}
  %0 = nn.batch_norm_grad_input %x, %c, %c through %y, %c, %c, %c {epsilon = 0.1} : (tensor<?x2x2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<?x2x2x2xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<?x2x2x3xf32>
  return
}

// -----

// One number a channel: gamma.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>, %y: tensor<?x2x2x2xf32>) {
  // expected-error@+1 {{'nn.batch_norm_grad_input' op gamma must be [3], found [2]}}
  %0 = nn.batch_norm_grad_input %x, %d, %c through %x, %c, %c, %c {epsilon = 0.1} : (tensor<?x2x2x3xf32>, tensor<2xf32>, tensor<3xf32>, tensor<?x2x2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<?x2x2x3xf32>
  return
}

// -----

// One number a channel: variance.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>, %y: tensor<?x2x2x2xf32>) {
  // expected-error@+1 {{'nn.batch_norm_grad_input' op variance must be [3], found [2]}}
  %0 = nn.batch_norm_grad_input %x, %c, %d through %x, %c, %c, %c {epsilon = 0.1} : (tensor<?x2x2x3xf32>, tensor<3xf32>, tensor<2xf32>, tensor<?x2x2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<?x2x2x3xf32>
  return
}

// -----

// One number a channel: mean.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>, %y: tensor<?x2x2x2xf32>) {
  // expected-error@+1 {{'nn.batch_norm_grad_input' op mean must be [3], found [2]}}
  %0 = nn.batch_norm_grad_input %x, %c, %c through %x, %d, %c, %c {epsilon = 0.1} : (tensor<?x2x2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<?x2x2x3xf32>, tensor<2xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<?x2x2x3xf32>
  return
}

// -----

// One number a channel: dgamma.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>, %y: tensor<?x2x2x2xf32>) {
  // expected-error@+1 {{'nn.batch_norm_grad_input' op dgamma must be [3], found [2]}}
  %0 = nn.batch_norm_grad_input %x, %c, %c through %x, %c, %d, %c {epsilon = 0.1} : (tensor<?x2x2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<?x2x2x3xf32>, tensor<3xf32>, tensor<2xf32>, tensor<3xf32>) -> tensor<?x2x2x3xf32>
  return
}

// -----

// One number a channel: dbeta.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>, %y: tensor<?x2x2x2xf32>) {
  // expected-error@+1 {{'nn.batch_norm_grad_input' op dbeta must be [3], found [2]}}
  %0 = nn.batch_norm_grad_input %x, %c, %c through %x, %c, %c, %d {epsilon = 0.1} : (tensor<?x2x2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<?x2x2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<2xf32>) -> tensor<?x2x2x3xf32>
  return
}

// -----

// The gradient of the input has the input's shape.
func.func @bad(%x: tensor<?x2x2x3xf32>, %c: tensor<3xf32>, %d: tensor<2xf32>, %y: tensor<?x2x2x2xf32>) {
  // expected-error@+1 {{'nn.batch_norm_grad_input' op result must be [N, 2, 2, 3], found [N, 2, 2, 2]}}
  %0 = nn.batch_norm_grad_input %x, %c, %c {epsilon = 0.1} : (tensor<?x2x2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<?x2x2x2xf32>
  return
}

// -----

// A weight a picture.
func.func @bad(%z: tensor<?x3xf32>, %t: tensor<?xi32>, %w: tensor<?xf32>, %v: tensor<5xf32>, %u: tensor<5xi32>) {
  // expected-error@+1 {{'nn.softmax_cross_entropy' op weights must be [N], found [5]}}
  %0 = nn.softmax_cross_entropy %z, %t weights %v : (tensor<?x3xf32>, tensor<?xi32>, tensor<5xf32>) -> tensor<?xf32>
  return
}

// -----

// Another label a picture.
func.func @bad(%z: tensor<?x3xf32>, %t: tensor<?xi32>, %w: tensor<?xf32>, %v: tensor<5xf32>, %u: tensor<5xi32>) {
  // expected-error@+1 {{'nn.softmax_cross_entropy_grad' op mix labels must be [N], found [5]}}
  %0 = nn.softmax_cross_entropy_grad %z, %t mix %u by %w : (tensor<?x3xf32>, tensor<?xi32>, tensor<5xi32>, tensor<?xf32>) -> tensor<?x3xf32>
  return
}

// -----

// A share a picture.
func.func @bad(%z: tensor<?x3xf32>, %t: tensor<?xi32>, %w: tensor<?xf32>, %v: tensor<5xf32>, %u: tensor<5xi32>) {
  // expected-error@+1 {{'nn.softmax_cross_entropy' op mix must be [N], found [5]}}
  %0 = nn.softmax_cross_entropy %z, %t mix %t by %v : (tensor<?x3xf32>, tensor<?xi32>, tensor<?xi32>, tensor<5xf32>) -> tensor<?xf32>
  return
}

// -----

// A share is of two labels.
func.func @bad(%z: tensor<?x3xf32>, %t: tensor<?xi32>, %w: tensor<?xf32>) {
  // expected-error@+1 {{'nn.softmax_cross_entropy' op mix labels and mix must come together}}
  %0 = "nn.softmax_cross_entropy"(%z, %t, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 1>}> : (tensor<?x3xf32>, tensor<?xi32>, tensor<?xf32>) -> tensor<?xf32>
  return
}

// -----

// What goes through the statistics needs all four.
func.func @bad(%x: tensor<?x3xf32>, %c: tensor<3xf32>) {
  // expected-error@+1 {{'nn.batch_norm_grad_input' op input, mean, dgamma and dbeta must come together}}
  %0 = "nn.batch_norm_grad_input"(%x, %c, %c, %x) <{epsilon = 0.1 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>}> : (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  return
}

// -----

// A partial sum for each 65536 elements.
func.func @bad(%g: tensor<65537xf32>) {
  // expected-error@+1 {{'nn.sum_squares' op result must be [2], found [1]}}
  %0 = nn.sum_squares %g : (tensor<65537xf32>) -> tensor<1xf32>
  return
}

// -----

// As they are stored: 16 of a panel's 16 columns for one output.
func.func @bad(%g: tensor<4097x1xf32, #nn.form<panels>>) {
  // expected-error@+1 {{'nn.sum_squares' op result must be [2], found [1]}}
  %0 = nn.sum_squares %g : (tensor<4097x1xf32, #nn.form<panels>>) -> tensor<1xf32>
  return
}

// -----

// A gradient of a weight has no batch.
func.func @bad(%g: tensor<?x3xf32>) {
  // expected-error@+1 {{'nn.sum_squares' op gradient must not depend on the batch, found [N, 3]}}
  %0 = nn.sum_squares %g : (tensor<?x3xf32>) -> tensor<1xf32>
  return
}

// -----

// No gradient has a norm of zero or less.
func.func @bad(%s: tensor<2xf32>) {
  // expected-error@+1 {{'nn.clip_scale' op max_norm must be positive}}
  %0 = nn.clip_scale %s {max_norm = 0.0} : (tensor<2xf32>) -> tensor<1xf32>
  return
}

// -----

// One factor for all gradients.
func.func @bad(%s: tensor<2xf32>) {
  // expected-error@+1 {{'nn.clip_scale' op result must be [1], found [2]}}
  %0 = nn.clip_scale %s {max_norm = 1.0} : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

// A gradient is scaled by one factor.
func.func @bad(%p: tensor<3xf32>, %step: tensor<16xi32>) {
  // expected-error@+1 {{'nn.update' op scale must be [1], found [3]}}
  %0 = nn.update %p slots() by %p scaled %p at %step {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<16xi32>) -> tensor<3xf32>
  return
}

// -----

// The step block has two rates.
func.func @bad(%p: tensor<3xf32>, %step: tensor<16xi32>) {
  // expected-error@+1 {{'nn.update' op rate must be 0 (head) or 1 (backbone), found 2}}
  %0 = nn.update %p slots() by %p at %step {optimizer = #nn.optimizer<sgd, keras, {}>, rate = 2} : (tensor<3xf32>, tensor<3xf32>, tensor<16xi32>) -> tensor<3xf32>
  return
}

// -----

// Nor one before the first.
func.func @bad(%p: tensor<3xf32>, %step: tensor<16xi32>) {
  // expected-error@+1 {{'nn.update' op rate must be 0 (head) or 1 (backbone), found -1}}
  %0 = nn.update %p slots() by %p at %step {optimizer = #nn.optimizer<sgd, keras, {}>, rate = -1} : (tensor<3xf32>, tensor<3xf32>, tensor<16xi32>) -> tensor<3xf32>
  return
}

// -----

// An average needs a slot of its own.
func.func @bad(%p: tensor<3xf32>, %step: tensor<16xi32>) {
  // expected-error@+1 {{'nn.update' op sgd keeps 2 slots, found 1}}
  %0:2 = nn.update %p slots(%p) by %p at %step {optimizer = #nn.optimizer<sgd, keras, {momentum = 0.9, ema = 0.9}>} : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<16xi32>) -> (tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

// A fused update sums over pictures, not over tokens.
func.func @bad(%p: tensor<3x2xf32>, %x: tensor<?x5x3xf32>, %dy: tensor<?x5x2xf32>, %step: tensor<16xi32>) {
  // expected-error@+1 {{'nn.dense_update' op input must have 2 dimensions, found [N, 5, 3]}}
  %0 = nn.dense_update %p slots() by %x, %dy at %step {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<3x2xf32>, tensor<?x5x3xf32>, tensor<?x5x2xf32>, tensor<16xi32>) -> tensor<3x2xf32>
  return
}

// -----

// The gradient has a row a picture.
func.func @bad(%p: tensor<3x2xf32>, %x: tensor<?x3xf32>, %dy: tensor<?x5x2xf32>, %step: tensor<16xi32>) {
  // expected-error@+1 {{'nn.dense_update' op gradient must have 2 dimensions, found [N, 5, 2]}}
  %0 = nn.dense_update %p slots() by %x, %dy at %step {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<3x2xf32>, tensor<?x3xf32>, tensor<?x5x2xf32>, tensor<16xi32>) -> tensor<3x2xf32>
  return
}

// -----

// The product is of the shape of the parameter.
func.func @bad(%p: tensor<3x2xf32>, %x: tensor<?x3xf32>, %dy: tensor<?x4xf32>, %step: tensor<16xi32>) {
  // expected-error@+1 {{'nn.dense_update' op parameter must be [3, 4], found [3, 2]}}
  %0 = nn.dense_update %p slots() by %x, %dy at %step {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<3x2xf32>, tensor<?x3xf32>, tensor<?x4xf32>, tensor<16xi32>) -> tensor<3x2xf32>
  return
}

// -----

// Its slots are those of the rule.
func.func @bad(%p: tensor<3x2xf32>, %x: tensor<?x3xf32>, %dy: tensor<?x2xf32>, %step: tensor<16xi32>) {
  // expected-error@+1 {{'nn.dense_update' op sgd keeps 0 slots, found 1}}
  %0 = nn.dense_update %p slots(%p) by %x, %dy at %step {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<3x2xf32>, tensor<3x2xf32>, tensor<?x3xf32>, tensor<?x2xf32>, tensor<16xi32>) -> tensor<3x2xf32>
  return
}

// -----

// Its rates are those of the step block.
func.func @bad(%p: tensor<3x2xf32>, %x: tensor<?x3xf32>, %dy: tensor<?x2xf32>, %step: tensor<16xi32>) {
  // expected-error@+1 {{'nn.dense_update' op rate must be 0 (head) or 1 (backbone), found 2}}
  %0 = nn.dense_update %p slots() by %x, %dy at %step {optimizer = #nn.optimizer<sgd, keras, {}>, rate = 2} : (tensor<3x2xf32>, tensor<?x3xf32>, tensor<?x2xf32>, tensor<16xi32>) -> tensor<3x2xf32>
  return
}

// -----

// Results are of the parameter's type.
func.func @bad(%p: tensor<3x2xf32>, %x: tensor<?x3xf32>, %dy: tensor<?x2xf32>, %step: tensor<16xi32>) {
  // expected-error@+1 {{'nn.dense_update' op slots and results must be 'tensor<3x2xf32>', as the parameter, found 'tensor<2x3xf32>'}}
  %0 = nn.dense_update %p slots() by %x, %dy at %step {optimizer = #nn.optimizer<sgd, keras, {}>} : (tensor<3x2xf32>, tensor<?x3xf32>, tensor<?x2xf32>, tensor<16xi32>) -> tensor<2x3xf32>
  return
}
