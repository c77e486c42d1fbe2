//===- TL.td - what the user asked ---------------------------------------===//
//
// The TL dialect: model, backbone, head, freeze ranges, phases,
// preprocessing. It is what the frontend gives after elaboration: every
// layer, shape and range is resolved, and every location points into the
// .tl file.
//
//===----------------------------------------------------------------------===//
#ifndef TL_TL_TD
#define TL_TL_TD

include "dialects/NN/NNAttributes.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def TL_Dialect : Dialect {
  let name = "tl";
  let cppNamespace = "::tl::ask";
  let dependentDialects = ["::tl::nn::NNDialect"];
  let summary = "What the user asked: a recipe for transfer learning";
  let description = [{
    ```mlir
    tl.model @bees attributes {input = array<i64: 224, 224, 3>, labels = ["ants", "bees"]} {
      nn.parameter @conv1.kernel : tensor<3x3x3x8xf32> {layer = "conv1", role = "kernel", ...}
      tl.preprocess "tf" {scale = 0.00784 : f32, mean = array<f32: 1., 1., 1.>, ...}
      tl.backbone "mobilenet" attributes {weights = "f.h5"} {
      ^bb0(%x: tensor<?x224x224x3xf32>):
        %1 = tl.layer "conv1" kind "Conv2D" index 1 (%x) { ... } : ...
        tl.yield %1 : tensor<?x7x7x256xf32>
      }
      tl.head {
      ^bb0(%f: tensor<?x7x7x256xf32>):
        ...
        tl.yield %y : tensor<?x2xf32>
      }
      tl.train attributes {batch = 32 : i64, loss = "categorical_crossentropy", ...} {
        tl.phase "head" {epochs = 100 : i64, optimizer = #nn.optimizer<adam, keras, {}>, ...}
      }
    }
    ```
  }];
}

class TL_Op<string mnemonic, list<Trait> traits = []>
    : Op<TL_Dialect, mnemonic, traits>;

def TL_ModelOp : TL_Op<"model", [Symbol, SymbolTable, IsolatedFromAbove,
                                 SingleBlock, NoTerminator]> {
  let summary = "one recipe";
  let description = [{
    `input`: height, width, channels. `labels`: class names in label order, or
    absent: then the picture folders give them. `classes`: how many the head
    tells apart (2 for one sigmoid output), 0 for a feature extractor. `recipe`
    is the text of the .tl file. `keep` names values that stay readable.
    `backbone_name` and `layers` (a dictionary a layer: name, kind, index,
    parameters, trainable) tell what the model was made of once
    convert-tl-to-nn has taken the backbone and the head apart.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, DenseI64ArrayAttr:$input,
                       OptionalAttr<StrArrayAttr>:$labels,
                       DefaultValuedAttr<I64Attr, "0">:$classes,
                       OptionalAttr<StrAttr>:$recipe,
                       OptionalAttr<StrArrayAttr>:$keep,
                       OptionalAttr<StrAttr>:$backbone_name,
                       OptionalAttr<ArrayAttr>:$layers);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    BackboneOp getBackbone(); // null after convert-tl-to-nn
    HeadOp getHead();      // null for a backbone with include_top
    TrainOp getTrain();    // null for a feature extractor
    PreprocessOp getPreprocess();
  }];
}

def TL_PreprocessOp : TL_Op<"preprocess", [HasParent<"ModelOp">]> {
  let summary = "how a picture becomes the network's input";
  let description = [{
    value = (pixel * scale - mean[c]) / std[c] in float32, c in network order
    (`bgr` or RGB), pixels 0..255. `resize`: nearest, bilinear, bicubic (as
    Pillow), tf_bilinear. `resize_to` 0: straight to the input's size; else
    the short side first and then, with `crop`, the centre.
  }];
  let arguments = (ins StrAttr:$name, UnitAttr:$bgr,
                       DefaultValuedAttr<F32Attr, "1.0f">:$scale,
                       DenseF32ArrayAttr:$mean, DenseF32ArrayAttr:$std,
                       DefaultValuedAttr<StrAttr, "\"bilinear\"">:$resize,
                       DefaultValuedAttr<I64Attr, "0">:$resize_to,
                       UnitAttr:$crop);
  let assemblyFormat = "$name attr-dict";
  let hasVerifier = 1;
}

def TL_BackboneOp : TL_Op<"backbone", [HasParent<"ModelOp">, SingleBlock]> {
  let summary = "the pretrained network: its layers in the order of its list";
  let description = [{
    `weights`: the file to load, already relative to the .tl file's folder, or
    absent. `frozen`: indices of frozen layers (resolved freeze ranges).
    `other_layers`: names of layers that the network has but this model does
    not use (its top), whose weights a file may hold.
  }];
  let arguments = (ins StrAttr:$name, OptionalAttr<StrAttr>:$weights,
                       UnitAttr:$include_top,
                       DenseI64ArrayAttr:$frozen,
                       OptionalAttr<StrArrayAttr>:$other_layers);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$name attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def TL_HeadOp : TL_Op<"head", [HasParent<"ModelOp">, SingleBlock]> {
  let summary = "the new layers on top of the backbone, trained in every phase";
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "attr-dict-with-keyword $body";
}

def TL_LayerOp : TL_Op<"layer", [SingleBlock]> {
  let summary = "one layer of the list that freeze ranges index";
  let description = [{
    `index` is the place in the list (Keras: the input is 0). `kind` is the
    Keras class ("Conv2D", "DepthwiseConv2D", "BatchNormalization", "Dense",
    "ReLU", "ZeroPadding2D", ...), also for networks that come from elsewhere:
    it tells the weight binder what parameters to expect and in which order.
    `source` is the layer's module name in torch files where it differs from
    the layer's name; `other_sources` are names that other versions of the same
    file use. `resample` says how a stored position embedding of another grid
    becomes this layer's (`bicubic`, `bicubic_antialias`), `grid` the rows and
    columns of this layer's. The body computes the layer in NN operations; its
    parameters are `nn.parameter @<layer>.<role>`. The layers of a network's
    own top carry the unit attribute `tl.top`. Layers with the same `tl.group`
    (an attribute too) share an entry of the list and its index.
  }];
  let arguments = (ins StrAttr:$name, StrAttr:$kind, I64Attr:$index,
                       Variadic<AnyRankedTensor>:$inputs,
                       OptionalAttr<StrAttr>:$source,
                       OptionalAttr<StrArrayAttr>:$other_sources,
                       OptionalAttr<StrAttr>:$resample,
                       OptionalAttr<DenseI64ArrayAttr>:$grid);
  let results = (outs AnyRankedTensor:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $name `kind` $kind `index` $index `(` $inputs `)` attr-dict-with-keyword
    $body `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def TL_YieldOp : TL_Op<"yield", [Pure, Terminator, ParentOneOf<["BackboneOp", "HeadOp", "LayerOp"]>]> {
  let summary = "the value of a layer, a backbone or a head";
  let arguments = (ins AnyRankedTensor:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

def TL_TrainOp : TL_Op<"train", [HasParent<"ModelOp">, SingleBlock, NoTerminator]> {
  let summary = "how the model is trained: phases in order";
  let description = [{
    `loss`: binary_crossentropy (1 output, 2 classes) or
    categorical_crossentropy (outputs = classes). `class_weights`: one number a
    class, or empty with `balanced_weights` (from the training pictures:
    pictures / (classes * pictures of the class)), or neither. `mixup`: alpha of
    the Beta distribution, 0: none. `top_k`: 0: not reported. `augment`: f64
    entries `flip_horizontal`, `flip_vertical` (probabilities), `rotate`
    (degrees), `shift`, `zoom` (shares), `crop_least`, `crop_most` (shares of the
    area), `brightness`, `contrast`, `saturation`, `hue` (shares), and the
    integer `views`: how many of each picture, 0: a fresh one each epoch.
  }];
  let arguments = (ins DefaultValuedAttr<I64Attr, "32">:$batch, StrAttr:$loss,
                       DefaultValuedAttr<F64Attr, "0.0">:$label_smoothing,
                       DefaultValuedAttr<I64Attr, "0">:$seed,
                       DefaultValuedAttr<F64Attr, "0.2">:$split,
                       DefaultValuedAttr<StrAttr, "\"keras\"">:$convention,
                       OptionalAttr<DenseF64ArrayAttr>:$class_weights,
                       UnitAttr:$balanced_weights,
                       DefaultValuedAttr<F64Attr, "0.0">:$mixup,
                       DefaultValuedAttr<I64Attr, "0">:$top_k, UnitAttr:$auc,
                       OptionalAttr<DictionaryAttr>:$augment);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def TL_PhaseOp : TL_Op<"phase", [HasParent<"TrainOp">]> {
  let summary = "one training phase";
  let description = [{
    `unfreeze`: indices of backbone layers that train from this phase on (in
    addition to the phases before it). `learning_rate` is the head's (`lr(head:
    )` or the optimizer's), `backbone_rate` the backbone's where it differs.
    `schedule`: constant, step (every `schedule_every` epochs times
    `schedule_factor`), cosine or one_cycle, after `warmup` epochs of linear
    rise. `clip_norm`: of the global gradient norm. `early_stop`: epochs without
    improvement. `batch_norm_train`: trained batch norms of the backbone use the
    statistics of the batch and update the stored ones, as those of the head
    always do; else they stay in inference mode.
    The factor of the parameters' moving average is the optimizer's `ema`.
  }];
  let arguments = (ins StrAttr:$name, I64Attr:$epochs,
                       NN_OptimizerAttr:$optimizer, F64Attr:$learning_rate,
                       DenseI64ArrayAttr:$unfreeze, UnitAttr:$keep_best,
                       OptionalAttr<F64Attr>:$backbone_rate,
                       DefaultValuedAttr<StrAttr, "\"constant\"">:$schedule,
                       DefaultValuedAttr<F64Attr, "0.0">:$warmup,
                       DefaultValuedAttr<F64Attr, "1.0">:$schedule_every,
                       DefaultValuedAttr<F64Attr, "0.1">:$schedule_factor,
                       OptionalAttr<F64Attr>:$clip_norm,
                       DefaultValuedAttr<I64Attr, "0">:$early_stop,
                       UnitAttr:$batch_norm_train);
  let assemblyFormat = "$name attr-dict";
  let hasVerifier = 1;
}

#endif
