// RUN: tl-opt %s --split-input-file --verify-diagnostics

// A grid without a tile would compute nothing.
// expected-error@+1 {{a grid needs at least one tile}}
module attributes {g = #rt.grid<fixed 0, 0 per 1, scratch 0>} {}

// -----

// Tiles are counted up.
// expected-error@+1 {{a grid needs at least one tile}}
module attributes {g = #rt.grid<fixed 2, -1 per 1, scratch 0>} {}

// -----

// A group of tiles serves pictures.
// expected-error@+1 {{a grid's tiles are for at least 1 picture}}
module attributes {g = #rt.grid<fixed 0, 1 per 0, scratch 0>} {}

// -----

// Scratch memory keeps the alignment of a cache line.
// expected-error@+1 {{scratch must be a multiple of 64 bytes}}
module attributes {g = #rt.grid<fixed 0, 1 per 1, scratch 32>} {}

// -----

// A stored tensor does not depend on the batch.
// expected-error@+1 {{'rt.tensor' op needs a static tensor type}}
rt.tensor constant @w : tensor<?xf32> {init = #nn.init<fill, 0.0 : f32, stream 0>}

// -----

// A stored tensor is a tensor.
// expected-error@+1 {{'rt.tensor' op needs a static tensor type}}
rt.tensor constant @w : f32 {init = #nn.init<fill, 0.0 : f32, stream 0>}

// -----

// A slot belongs to a parameter.
// expected-error@+1 {{'rt.tensor' op a slot, and only a slot, names its parameter}}
rt.tensor slot @w : tensor<2xf32>

// -----

// A parameter belongs to none.
// expected-error@+1 {{'rt.tensor' op a slot, and only a slot, names its parameter}}
rt.tensor parameter @w : tensor<2xf32> {init = #nn.init<fill, 0.0 : f32, stream 0>, slot_of = @v}

// -----

// A constant has values, or a rule to make them.
// expected-error@+1 {{'rt.tensor' op needs values or an init}}
rt.tensor constant @w : tensor<2xf32>

// -----

// A kernel says what it writes.
// expected-error@+1 {{'rt.kernel' op body must end with rt.return}}
rt.kernel @k {
^bb0(%x: tensor<?x2xf32>):
  %y = nn.softmax %x : (tensor<?x2xf32>) -> tensor<?x2xf32>
}

// -----

// Results in place are pairs.
// expected-error@+1 {{'rt.kernel' op in_place must be pairs (result, argument)}}
rt.kernel @k attributes {in_place = array<i64: 0>} {
^bb0(%x: tensor<?x2xf32>):
  %y = nn.softmax %x : (tensor<?x2xf32>) -> tensor<?x2xf32>
  rt.return %y : tensor<?x2xf32>
}

// -----

// Results in place are returned.
// expected-error@+1 {{'rt.kernel' op in_place names a value that is not there}}
rt.kernel @k attributes {in_place = array<i64: 1, 0>} {
^bb0(%x: tensor<?x2xf32>):
  %y = nn.softmax %x : (tensor<?x2xf32>) -> tensor<?x2xf32>
  rt.return %y : tensor<?x2xf32>
}

// -----

// The storage taken is an argument's.
// expected-error@+1 {{'rt.kernel' op in_place names a value that is not there}}
rt.kernel @k attributes {in_place = array<i64: 0, 1>} {
^bb0(%x: tensor<?x2xf32>):
  %y = nn.softmax %x : (tensor<?x2xf32>) -> tensor<?x2xf32>
  rt.return %y : tensor<?x2xf32>
}

// -----

// What lies in one place has one type.
// expected-error@+1 {{'rt.kernel' op in_place pairs must have one type}}
rt.kernel @k attributes {in_place = array<i64: 0, 0>} {
^bb0(%x: tensor<?x2x2xf32>):
  %y = nn.reshape %x : (tensor<?x2x2xf32>) -> tensor<?x4xf32>
  rt.return %y : tensor<?x4xf32>
}

// -----

// rt.return ends kernels, nothing else.
func.func @f() {
  // expected-error@+1 {{'rt.return' op expects parent op 'rt.kernel'}}
  rt.return
}

// -----

// A weight is a stored tensor that is there.
rt.entry predict @predict {
  // expected-error@+1 {{'rt.weight' op no tensor named @w}}
  %w = rt.weight @w : !rt.buffer<tensor<2xf32>>
}

// -----

// Its memory holds the tensor's type, storage form included.
rt.tensor constant @w : tensor<2x3xf32, #nn.form<rows>> {init = #nn.init<fill, 0.0 : f32, stream 0>}
rt.entry predict @predict {
  // expected-error@+1 {{'rt.weight' op tensor @w is 'tensor<2x3xf32, #nn.form<rows>>', found 'tensor<2x3xf32>'}}
  %w = rt.weight @w : !rt.buffer<tensor<2x3xf32>>
}

// -----

// A call names a kernel that is there.
rt.entry predict @predict {
  // expected-error@+1 {{'rt.call' op no kernel named @k}}
  rt.call @k() -> () : () -> ()
}

// -----

// A call passes every argument.
rt.kernel @k {
^bb0(%x: tensor<?x2xf32>):
  %y = nn.softmax %x : (tensor<?x2xf32>) -> tensor<?x2xf32>
  rt.return %y : tensor<?x2xf32>
}
rt.entry predict @predict {
  %y = rt.buffer : !rt.buffer<tensor<?x2xf32>>
  // expected-error@+1 {{'rt.call' op kernel @k has 1 inputs, found 0}}
  rt.call @k() -> (%y) : () -> !rt.buffer<tensor<?x2xf32>>
}

// -----

// A call's buffers hold what the kernel reads, halo included.
rt.kernel @k {
^bb0(%x: tensor<?x1x1x2xf32, #nn.halo<1, 1, 1, 1>>):
  %y = nn.global_avg_pool %x : (tensor<?x1x1x2xf32, #nn.halo<1, 1, 1, 1>>) -> tensor<?x2xf32>
  rt.return %y : tensor<?x2xf32>
}
rt.entry predict @predict {
  %x = rt.buffer : !rt.buffer<tensor<?x1x1x2xf32>>
  %y = rt.buffer : !rt.buffer<tensor<?x2xf32>>
  // expected-error@+1 {{'rt.call' op inputs must hold 'tensor<?x1x1x2xf32, #nn.halo<1, 1, 1, 1>>', found '!rt.buffer<tensor<?x1x1x2xf32>>'}}
  rt.call @k(%x) -> (%y) : (!rt.buffer<tensor<?x1x1x2xf32>>) -> !rt.buffer<tensor<?x2xf32>>
}

// -----

// A result that takes an argument's storage is no output.
rt.kernel @k attributes {in_place = array<i64: 0, 0>} {
^bb0(%x: tensor<?x2xf32>):
  %y = nn.softmax %x : (tensor<?x2xf32>) -> tensor<?x2xf32>
  rt.return %y : tensor<?x2xf32>
}
rt.entry predict @predict {
  %x = rt.buffer : !rt.buffer<tensor<?x2xf32>>
  // expected-error@+1 {{'rt.call' op kernel @k has 0 outputs, found 1}}
  rt.call @k(%x) -> (%x) : (!rt.buffer<tensor<?x2xf32>>) -> !rt.buffer<tensor<?x2xf32>>
}

// -----

// A call's buffers hold what the kernel writes.
rt.kernel @k {
^bb0(%x: tensor<?x2xf32>):
  %y = nn.softmax %x : (tensor<?x2xf32>) -> tensor<?x2xf32>
  rt.return %y : tensor<?x2xf32>
}
rt.entry predict @predict {
  %x = rt.buffer : !rt.buffer<tensor<?x2xf32>>
  %y = rt.buffer : !rt.buffer<tensor<?x3xf32>>
  // expected-error@+1 {{'rt.call' op outputs must hold 'tensor<?x2xf32>', found '!rt.buffer<tensor<?x3xf32>>'}}
  rt.call @k(%x) -> (%y) : (!rt.buffer<tensor<?x2xf32>>) -> !rt.buffer<tensor<?x3xf32>>
}

// -----

// Optimizer state is nothing to derive from.
rt.tensor parameter @w : tensor<3x3x4x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
rt.tensor slot @s : tensor<3x3x4x4xf32> {slot_of = @w}
rt.kernel @k {
^bb0(%w: tensor<3x3x4x4xf32>):
  %u = nn.winograd_filter %w : (tensor<3x3x4x4xf32>) -> tensor<36x4x4xf32>
  rt.return %u : tensor<36x4x4xf32>
}
// expected-error@+1 {{'rt.derived' op no constant or parameter named @s}}
rt.derived @u = @k(@s) : tensor<36x4x4xf32>

// -----

// A training changes parameters, and may not read what was made of them before.
rt.tensor parameter @w : tensor<3x3x4x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>, first_phase = 0 : i64}
rt.kernel @k {
^bb0(%w: tensor<3x3x4x4xf32>):
  %u = nn.winograd_filter %w : (tensor<3x3x4x4xf32>) -> tensor<36x4x4xf32>
  rt.return %u : tensor<36x4x4xf32>
}
rt.derived @u = @k(@w) : tensor<36x4x4xf32>
rt.entry predict @predict {
  %u = rt.weight @u : !rt.buffer<tensor<36x4x4xf32>>
}
rt.entry evaluate @evaluate {
  // expected-error@+1 {{'rt.weight' op @u is made of a parameter, which changes between runs of this entry}}
  %u = rt.weight @u : !rt.buffer<tensor<36x4x4xf32>>
}

// -----

// Nor what is not there.
rt.kernel @k {
^bb0(%w: tensor<3x3x4x4xf32>):
  %u = nn.winograd_filter %w : (tensor<3x3x4x4xf32>) -> tensor<36x4x4xf32>
  rt.return %u : tensor<36x4x4xf32>
}
// expected-error@+1 {{'rt.derived' op no constant or parameter named @w}}
rt.derived @u = @k(@w) : tensor<36x4x4xf32>

// -----

// It is made by a kernel.
rt.tensor constant @w : tensor<3x3x4x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
// expected-error@+1 {{'rt.derived' op no kernel named @k}}
rt.derived @u = @k(@w) : tensor<36x4x4xf32>

// -----

// The kernel reads nothing else.
rt.tensor constant @w : tensor<3x3x4x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
rt.kernel @k {
^bb0(%w: tensor<3x3x4x4xf32>, %v: tensor<3x3x4x4xf32>):
  %u = nn.add %w, %v : (tensor<3x3x4x4xf32>, tensor<3x3x4x4xf32>) -> tensor<3x3x4x4xf32>
  rt.return %u : tensor<3x3x4x4xf32>
}
// expected-error@+1 {{'rt.derived' op kernel @k must make one value of one argument}}
rt.derived @u = @k(@w) : tensor<3x3x4x4xf32>

// -----

// The kernel reads such a constant.
rt.tensor constant @w : tensor<3x3x4x5xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
rt.kernel @k {
^bb0(%w: tensor<3x3x4x4xf32>):
  %u = nn.winograd_filter %w : (tensor<3x3x4x4xf32>) -> tensor<36x4x4xf32>
  rt.return %u : tensor<36x4x4xf32>
}
// expected-error@+1 {{'rt.derived' op kernel @k reads 'tensor<3x3x4x4xf32>', found 'tensor<3x3x4x5xf32>'}}
rt.derived @u = @k(@w) : tensor<36x4x4xf32>

// -----

// And makes such a value.
rt.tensor constant @w : tensor<3x3x4x4xf32> {init = #nn.init<fill, 1.0 : f32, stream 0>}
rt.kernel @k {
^bb0(%w: tensor<3x3x4x4xf32>):
  %u = nn.winograd_filter %w : (tensor<3x3x4x4xf32>) -> tensor<36x4x4xf32>
  rt.return %u : tensor<36x4x4xf32>
}
// expected-error@+1 {{'rt.derived' op kernel @k makes 'tensor<36x4x4xf32>', found 'tensor<36x4x5xf32>'}}
rt.derived @u = @k(@w) : tensor<36x4x5xf32>
