// RUN: tl-opt %s --convert-nn-to-rt --verify-diagnostics --split-input-file

// Every function is an entry point.
// expected-error @below {{expected a function with nn.entry}}
func.func @lonely(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  return %x : tensor<?x4xf32>
}

// -----

// Only an update's result lies in its parameter's memory.
nn.parameter @p : tensor<4x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 1>, first_phase = 0 : i64}
func.func @step(%g: tensor<?x4xf32>) attributes {nn.entry = "train_step", nn.phase = 0 : i64} {
  %d = nn.dense_grad_weight %g, %g : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<4x4xf32>
  // expected-error @below {{only an update or a moving average of the same parameter can be stored}}
  nn.set @p, %d : tensor<4x4xf32>
  return
}

// -----

// Nor does the average of one parameter become another's value.
nn.parameter @mean : tensor<4xf32> {init = #nn.init<fill, 1.0 : f32, stream 1>, first_phase = 0 : i64}
nn.parameter @other : tensor<4xf32> {init = #nn.init<fill, 1.0 : f32, stream 1>, first_phase = 0 : i64}
func.func @step(%x: tensor<?x4xf32>, %m: tensor<4xf32>) attributes {nn.entry = "train_step", nn.phase = 0 : i64} {
  %old = nn.get @mean : tensor<4xf32>
  %new = nn.moving_average %old by %m of %x {momentum = 0.9} : (tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>) -> tensor<4xf32>
  // expected-error @below {{only an update or a moving average of the same parameter can be stored}}
  nn.set @other, %new : tensor<4xf32>
  return
}
