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
    Decides which parameters each phase trains, finds the frontier of each
    phase (the values that cross from what it keeps frozen into the rest) and
    writes one function for each entry point: `extract` (pixels to frontier),
    for each phase `train_step.<phase>` (forward and loss; the gradient comes
    later), `evaluate`, `predict`, and `tap.<name>` for each readable value.
    Where the phases have several frontiers, the first phase of each has an
    `extract.<phase>` and an `evaluate.<phase>`, `extract` gives the values of
    all in one pass, and `predict` starts from the last. A value that crosses
    has one name in the whole module; the pixels are called `pixels` and no
    extraction gives them. Batch norms that a phase with `batch_norm_train`
    trains use the statistics of the batch in its step, and nowhere else. The
    tl.model stays, without its layers, for what the container tells about it.
  }];
}

def FoldBatchNorm : TL_Pass<"tl-fold-batch-norm"> {
  let summary = "Fold batch norms of the frozen region into convolutions";
  let description = [{
    bn(conv(x, w, b)) = conv(x, w s, (b - mean) s + beta), with
    s = gamma / sqrt(variance + epsilon), computed in double. Only where no
    phase trains any of the parameters and nothing else reads the convolution,
    in any entry point: what is computed for one phase must have the same bits
    in all. A layer scale likewise.
    Weights that are drawn rather than loaded keep being drawn, scaled.

    What was folded stays in the module for the export under the names of the
    weights' framework: the vectors of the norm and the old bias as they were,
    and with the new kernel, which takes over the old one's `nn.source`, the
    factors s, by which it is divided again.
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
    declared as parameters `<name>.slot<i>` and, for the moving average of
    `ema`, `<name>.average`; phases share them, each starts them at zero. With a
    clipping norm all gradients are scaled by one factor. The stored statistics
    of batch norms in training mode get an nn.moving_average. All of this comes
    after the loss: a step writes nothing before its loss is known.
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

def Rematerialise : TL_Pass<"tl-rematerialise"> {
  let summary = "Compute cheap values again for the gradients that read them";
  let description = [{
    A value that the backward pass reads lives through most of the step. Where
    it is cheap (an activation, batch norm, sum, padding, slice, reshape or
    dropout: one read and one write of memory) and can be had from values that
    the backward pass keeps anyway, it is computed a second time right before
    its first reader there. The typical case is relu(bn(x)) behind a
    convolution: x is kept for the gradient of the batch norm, the result for
    the filter gradient of the next convolution; half of that is enough. (A
    picture's values, all of MobileNet in training mode at 224 x 224: 22.4 MB
    instead of 49.1; ResNet-110 at 32 x 32: 5.6 instead of 9.4.) Done only where
    the most bytes alive at one time become fewer; the same operation on the
    same values gives the same bits. Runs after fusion, which decides what
    values there are, and after common subexpressions are merged, which would
    undo it.
  }];
}

def AdvanceUpdates : TL_Pass<"tl-advance-updates"> {
  let summary = "Update each parameter as soon as its gradient is there";
  let description = [{
    Differentiation leaves the updates at the end of the step, where all
    gradients of parameters are alive at once. Each moves up behind its
    gradient and the last read of its parameter (the layer's gradients read it
    too), so that gradients share memory; none passes the loss, which every
    gradient reads. With clipping an update needs the norm of all gradients, and
    so stays. What is computed, and in which order each number is, does not
    change.
  }];
}

def FuseUpdates : TL_Pass<"tl-fuse-updates"> {
  let summary = "Update a dense layer's weight as its gradient is made";
  let description = [{
    nn.update by a nn.dense_grad_weight that nothing else reads becomes
    nn.dense_update: the gradient, as large as the weight, is neither written
    nor read, and each number of it is made as before. Not with clipping,
    which reads all gradients before the first update, and not where a picture
    has several rows (tokens): there the product takes longer than the update,
    and its sum is cut into parts for the cache.
  }];
}

def UseWinograd : TL_Pass<"tl-use-winograd"> {
  let summary = "Compute 3x3 convolutions with fewer products";
  let description = [{
    A convolution with stride 1 and a 3x3 filter becomes `nn.winograd_filter`
    and `nn.winograd_conv2d`, a quarter of the multiplications, where the cost
    model expects it to be faster; so does the gradient of its input, from the
    points of the transposed filter. The runtime computes the points of a filter
    once; those of a filter that trains are made in each run of a training's
    entry points, which the cost model counts. The form depends neither on the
    batch nor on the entry point, because what several of them compute has the
    same bits in all. Gradients of filters stay direct.
  }];
}

def FusePools : TL_Pass<"tl-fuse-pools"> {
  let summary = "Pool in the convolution that makes the map";
  let description = [{
    A 2x2 maximum pool with strides of 2 and without pads whose input is an
    `nn.winograd_conv2d` that nothing else reads becomes part of it: the map is
    neither written nor read, and an odd last row or column not computed. The
    bits stay the same. In a training step the map stays where a gradient reads
    it. Where a window would lie over two blocks of 4x4, it stays, too.
  }];
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
    Buffers whose lifetimes do not meet may share memory. They are placed one
    after the other, each at the lowest offset that is free over its lifetime;
    several orders are tried (by size, by size times lifetime, by lifetime, by
    first and by last use) and the smallest arena is kept.
  }];
}

def DropUnusedParameters : TL_Pass<"tl-drop-unused-parameters"> {
  let summary = "Remove parameters that no function reads";
  let description = [{
    Those with an `nn.source` stay, which `tlrun --export` writes, and those
    marked `nn.exported`, which it needs for them.
  }];
}

#endif
