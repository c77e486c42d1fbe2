//===- Passes.td - the compiler's own passes ------------------------------===//
//
// Every pass of ours, also the conversions, with its summary; the order in
// which they run stands in compiler/Pipeline/Pipeline.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef TL_PASSES_TD
#define TL_PASSES_TD

include "mlir/Pass/PassBase.td"

class TL_Pass<string flag> : Pass<flag, "::mlir::ModuleOp"> {
  let dependentDialects = ["::tl::nn::NNDialect", "::tl::rt::RTDialect",
                           "::mlir::func::FuncDialect"];
}

def ConvertTLToNN : TL_Pass<"convert-tl-to-nn"> {
  let summary = "Split the model at the frontier into entry-point functions";
  let description = [{
    Decides which parameters each phase trains, finds the frontier (the values
    that cross from the frozen region into the rest) and writes one function
    for each entry point: `extract` (pixels to frontier), for each phase
    `train_step.<phase>` (forward and loss; the gradient comes later),
    `evaluate`, `predict`, and `tap.<name>` for each readable value. The
    tl.model stays, without its layers, for what the container tells about it.
  }];
}

def FoldBatchNorm : TL_Pass<"tl-fold-batch-norm"> {
  let summary = "Fold batch norms of the frozen region into convolutions";
  let description = [{
    bn(conv(x, w, b)) = conv(x, w s, (b - mean) s + beta), with
    s = gamma / sqrt(variance + epsilon), computed in double. Only where no
    phase trains any of the parameters and nothing else reads the convolution.
    Weights that are drawn rather than loaded keep being drawn, scaled.
  }];
}

def FoldDropout : TL_Pass<"tl-fold-dropout"> {
  let summary = "Remove dropout outside training steps";
}

def Differentiate : TL_Pass<"tl-differentiate"> {
  let summary = "Add gradients and updates to each training step";
  let description = [{
    From the loss back to the trainable parameters, and no further: an
    operation gets a gradient only if a trainable parameter lies at or below
    it. Each parameter that the phase trains gets one nn.update, its slots are
    declared as parameters `<name>.slot<i>`.
  }];
}

def FuseActivations : TL_Pass<"tl-fuse-activations"> {
  let summary = "Move activations into the operation that makes their input";
}

def FuseResiduals : TL_Pass<"tl-fuse-residuals"> {
  let summary = "Move additions into the convolution that makes one operand";
  let description = [{
    Where nothing else reads the convolution and it has no activation yet: that
    of the addition comes last, so that it is fused before.
  }];
}

def FusePadding : TL_Pass<"tl-fuse-padding"> {
  let summary = "Move zero padding into the convolutions that read it";
}

def AssignLayouts : TL_Pass<"tl-assign-layouts"> {
  let summary = "Choose halos of activations and storage forms of weights";
  let description = [{
    An activation gets the largest padding of the convolutions that read it as
    its halo. A convolution's weights are stored in panels, a dense layer's in
    panels (16 outputs or more) or rows (fewer).
  }];
}

def ConvertNNToRT : TL_Pass<"convert-nn-to-rt"> {
  let summary = "Outline each operation into a kernel; entry points call them";
  let description = [{
    Operations that compute the same thing on the same shapes share a kernel.
    Updates write in place, onto the parameter and its slots.
  }];
}

def PlanMemory : TL_Pass<"tl-plan-memory"> {
  let summary = "Give every buffer an offset in its entry's arena";
  let description = [{
    Buffers whose lifetimes do not meet may share memory. The largest go
    first, each at the lowest offset that is free over its lifetime.
  }];
}

def DropUnusedParameters : TL_Pass<"tl-drop-unused-parameters"> {
  let summary = "Remove parameters that no function reads";
}

#endif
