// RUN: tl-opt %s --convert-tl-to-nn --split-input-file --verify-diagnostics

// A compilation is one model.
// expected-error @below {{expected one tl.model}}
module {
}

// -----

// A value to keep must be there; the nearest name helps.
// expected-error @below {{nothing named 'relu2' to keep; the nearest layer is 'relu1'}}
tl.model @m attributes {input = array<i64: 4, 4, 3>, keep = ["relu2"]} {
  tl.preprocess "raw" {mean = array<f32: 0.0>, std = array<f32: 1.0>}
  tl.backbone "a" attributes {frozen = array<i64: 1>} {
  ^bb0(%x: tensor<?x4x4x3xf32>):
    %1 = tl.layer "relu1" kind "ReLU" index 1 (%x) {
    ^bb0(%a: tensor<?x4x4x3xf32>):
      %y = nn.activation %a {activation = #nn.act<relu>} : (tensor<?x4x4x3xf32>) -> tensor<?x4x4x3xf32>
      tl.yield %y : tensor<?x4x4x3xf32>
    } : (tensor<?x4x4x3xf32>) -> tensor<?x4x4x3xf32>
    tl.yield %1 : tensor<?x4x4x3xf32>
  }
}
