//===- NNDialect.td - what is computed -----------------------------------===//
//
// The NN dialect: layers over tensors whose only dynamic dimension is the
// batch, their losses, gradients and parameter updates. Pictures are NHWC.
//
//===----------------------------------------------------------------------===//
#ifndef TL_NN_DIALECT_TD
#define TL_NN_DIALECT_TD

include "mlir/IR/OpBase.td"

def NN_Dialect : Dialect {
  let name = "nn";
  let cppNamespace = "::tl::nn";
  let summary = "What is computed: layers, losses, gradients, updates";
  let description = [{
    Operations take and give ranked tensors. The first dimension of an
    activation is the batch and is dynamic; every other dimension is static.
    Pictures are `[N, H, W, C]`, features `[N, K]`.

    Weights are `nn.parameter` symbols, read by `nn.get` and written by
    `nn.set`. Convolution weights are `[KH, KW, IC / groups, OC]`, dense
    weights `[K, N]`.

    A discardable attribute `nn.layer` on an operation names the layer of the
    model that it computes: the name taps, freeze ranges and messages use.

    A function with `nn.entry` is an entry point: "extract", "train_step",
    "evaluate", "predict" or "tap". `nn.name` on its arguments and results
    names its ports.

    Encodings on tensor types, set by the layout phase, say how values lie in
    memory: `#nn.halo` for activations, `#nn.form` for weights. They change no
    value; shapes in types stay the logical ones.
  }];
  let useDefaultAttributePrinterParser = 1;
}

#endif
