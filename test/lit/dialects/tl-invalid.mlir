// RUN: tl-opt %s --split-input-file --verify-diagnostics

// An input has three sizes.
// expected-error@+1 {{'tl.model' op input must be height, width and channels, each at least 1}}
tl.model @m attributes {input = array<i64: 4, 4>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
}

// -----

// A model says how pictures become its input.
// expected-error@+1 {{'tl.model' op must hold 1 tl.preprocess, found 0}}
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
}

// -----

// One backbone at most.
// expected-error@+1 {{'tl.model' op must hold 0 or 1 tl.backbone, found 2}}
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  tl.backbone "a" attributes {frozen = array<i64>} {
  ^bb0(%x: tensor<?x4x4x3xf32>):
    tl.yield %x : tensor<?x4x4x3xf32>
  }
  tl.backbone "b" attributes {frozen = array<i64>} {
  ^bb0(%x: tensor<?x4x4x3xf32>):
    tl.yield %x : tensor<?x4x4x3xf32>
  }
}

// -----

// As many labels as classes.
// expected-error@+1 {{'tl.model' op has 1 labels for 2 classes}}
tl.model @m attributes {input = array<i64: 4, 4, 3>, classes = 2 : i64, labels = ["ants"]} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
}

// -----

// The head takes what the backbone gives.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  tl.backbone "a" attributes {frozen = array<i64>} {
  ^bb0(%x: tensor<?x4x4x3xf32>):
    tl.yield %x : tensor<?x4x4x3xf32>
  }
  // expected-error@+1 {{'tl.head' op must take what the backbone gives, 'tensor<?x4x4x3xf32>'}}
  tl.head {
  ^bb0(%x: tensor<?x4xf32>):
    tl.yield %x : tensor<?x4xf32>
  }
}

// -----

// One mean and one deviation a channel.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  // expected-error@+1 {{'tl.preprocess' op mean and std must have one value a channel}}
  tl.preprocess "raw" {mean = array<f32: 0.0, 0.0>, std = array<f32: 1.0>}
}

// -----

// The network divides by std.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  // expected-error@+1 {{'tl.preprocess' op std must not be 0}}
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 0.0>}
}

// -----

// Resizing is one of four.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  // expected-error@+1 {{'tl.preprocess' op resize must be nearest, bilinear, bicubic or tf_bilinear, found 'lanczos'}}
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>, resize = "lanczos"}
}

// -----

// resize_to is a size.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  // expected-error@+1 {{'tl.preprocess' op resize_to must not be negative}}
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>, resize_to = -1 : i64}
}

// -----

// A backbone takes the pixels and nothing else.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  // expected-error@+1 {{'tl.backbone' op takes one value, the input}}
  tl.backbone "a" attributes {frozen = array<i64>} {
  ^bb0(%x: tensor<?x4x4x3xf32>, %y: tensor<?x4x4x3xf32>):
    tl.yield %x : tensor<?x4x4x3xf32>
  }
}

// -----

// Freeze ranges need each index once.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  tl.backbone "a" attributes {frozen = array<i64>} {
  ^bb0(%x: tensor<?x4x4x3xf32>):
    %1 = tl.layer "one" kind "ReLU" index 1 (%x) {
    ^bb0(%a: tensor<?x4x4x3xf32>):
      tl.yield %a : tensor<?x4x4x3xf32>
    } : (tensor<?x4x4x3xf32>) -> tensor<?x4x4x3xf32>
    // expected-error@+1 {{'tl.layer' op index 1 is taken by another layer}}
    %2 = tl.layer "two" kind "ReLU" index 1 (%1) {
    ^bb0(%a: tensor<?x4x4x3xf32>):
      tl.yield %a : tensor<?x4x4x3xf32>
    } : (tensor<?x4x4x3xf32>) -> tensor<?x4x4x3xf32>
    tl.yield %2 : tensor<?x4x4x3xf32>
  }
}

// -----

// A layer's body takes its inputs.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  tl.backbone "a" attributes {frozen = array<i64>} {
  ^bb0(%x: tensor<?x4x4x3xf32>):
    // expected-error@+1 {{'tl.layer' op body must take the layer's inputs}}
    %1 = tl.layer "one" kind "ReLU" index 1 (%x) {
    ^bb0(%a: tensor<?x4xf32>):
      tl.yield %a : tensor<?x4xf32>
    } : (tensor<?x4x4x3xf32>) -> tensor<?x4xf32>
    tl.yield %1 : tensor<?x4xf32>
  }
}

// -----

// A layer gives what its body yields.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  tl.backbone "a" attributes {frozen = array<i64>} {
  ^bb0(%x: tensor<?x4x4x3xf32>):
    // expected-error@+1 {{'tl.layer' op body gives 'tensor<?x4x4x3xf32>', the layer 'tensor<?x4xf32>'}}
    %1 = tl.layer "one" kind "ReLU" index 1 (%x) {
    ^bb0(%a: tensor<?x4x4x3xf32>):
      tl.yield %a : tensor<?x4x4x3xf32>
    } : (tensor<?x4x4x3xf32>) -> tensor<?x4xf32>
    tl.yield %1 : tensor<?x4xf32>
  }
}

// -----

// A step needs a picture.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  // expected-error@+1 {{'tl.train' op batch must be at least 1}}
  tl.train attributes {loss = "binary_crossentropy", batch = 0 : i64} {
  }
}

// -----

// Two losses.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  // expected-error@+1 {{'tl.train' op loss must be binary_crossentropy or categorical_crossentropy, found 'hinge'}}
  tl.train attributes {loss = "hinge"} {
  }
}

// -----

// A split leaves pictures on both sides.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  // expected-error@+1 {{'tl.train' op split must be above 0 and below 1}}
  tl.train attributes {loss = "binary_crossentropy", split = 1.0 : f64} {
  }
}

// -----

// Two conventions.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  // expected-error@+1 {{'tl.train' op convention must be keras or torch}}
  tl.train attributes {loss = "binary_crossentropy", convention = "jax"} {
  }
}

// -----

// A phase lasts.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  tl.train attributes {loss = "binary_crossentropy"} {
    // expected-error@+1 {{'tl.phase' op epochs must be at least 1}}
    tl.phase "p" {epochs = 0 : i64, optimizer = #nn.optimizer<sgd, keras, {}>, learning_rate = 1.0 : f64, unfreeze = array<i64>}
  }
}

// -----

// A phase moves.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  tl.train attributes {loss = "binary_crossentropy"} {
    // expected-error@+1 {{'tl.phase' op learning_rate must be positive, found 0}}
    tl.phase "p" {epochs = 1 : i64, optimizer = #nn.optimizer<sgd, keras, {}>, learning_rate = 0.0 : f64, unfreeze = array<i64>}
  }
}

// -----

// Class weights have one source.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  // expected-error@+1 {{'tl.train' op class weights are given or balanced, not both}}
  tl.train attributes {loss = "binary_crossentropy", balanced_weights, class_weights = array<f64: 1.0, 2.0>} {
  }
}

// -----

// A Beta distribution has a positive alpha; 0 is none.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  // expected-error@+1 {{'tl.train' op mixup must be at least 0}}
  tl.train attributes {loss = "binary_crossentropy", mixup = -1.0 : f64} {
  }
}

// -----

// 0 is not reported.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  // expected-error@+1 {{'tl.train' op top_k must be at least 0}}
  tl.train attributes {loss = "binary_crossentropy", top_k = -1 : i64} {
  }
}

// -----

// Schedules have names.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  tl.train attributes {loss = "binary_crossentropy"} {
    // expected-error@+1 {{'tl.phase' op schedule must be constant, step, cosine or one_cycle, found 'linear'}}
    tl.phase "p" {epochs = 1 : i64, optimizer = #nn.optimizer<sgd, keras, {}>, learning_rate = 1.0 : f64, unfreeze = array<i64>, schedule = "linear"}
  }
}

// -----

// A rise takes time.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  tl.train attributes {loss = "binary_crossentropy"} {
    // expected-error@+1 {{'tl.phase' op warmup must be at least 0}}
    tl.phase "p" {epochs = 1 : i64, optimizer = #nn.optimizer<sgd, keras, {}>, learning_rate = 1.0 : f64, unfreeze = array<i64>, warmup = -1.0 : f64}
  }
}

// -----

// Cuts come every so often.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  tl.train attributes {loss = "binary_crossentropy"} {
    // expected-error@+1 {{'tl.phase' op schedule_every must be above 0, schedule_factor above 0 and at most 1}}
    tl.phase "p" {epochs = 1 : i64, optimizer = #nn.optimizer<sgd, keras, {}>, learning_rate = 1.0 : f64, unfreeze = array<i64>, schedule_every = 0.0 : f64}
  }
}

// -----

// Cuts do not raise.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  tl.train attributes {loss = "binary_crossentropy"} {
    // expected-error@+1 {{'tl.phase' op schedule_every must be above 0, schedule_factor above 0 and at most 1}}
    tl.phase "p" {epochs = 1 : i64, optimizer = #nn.optimizer<sgd, keras, {}>, learning_rate = 1.0 : f64, unfreeze = array<i64>, schedule_factor = 2.0 : f64}
  }
}

// -----

// A norm is positive.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  tl.train attributes {loss = "binary_crossentropy"} {
    // expected-error@+1 {{'tl.phase' op clip_norm must be above 0}}
    tl.phase "p" {epochs = 1 : i64, optimizer = #nn.optimizer<sgd, keras, {}>, learning_rate = 1.0 : f64, unfreeze = array<i64>, clip_norm = 0.0 : f64}
  }
}

// -----

// Patience is a number of epochs.
tl.model @m attributes {input = array<i64: 4, 4, 3>} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  tl.train attributes {loss = "binary_crossentropy"} {
    // expected-error@+1 {{'tl.phase' op early_stop must be at least 0}}
    tl.phase "p" {epochs = 1 : i64, optimizer = #nn.optimizer<sgd, keras, {}>, learning_rate = 1.0 : f64, unfreeze = array<i64>, early_stop = -1 : i64}
  }
}
