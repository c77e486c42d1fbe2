//===- RT.td - how it runs -----------------------------------------------===//
//
// The RT dialect: kernel calls on buffers at planned offsets, entry points.
// It is written one-to-one into the container (runtime/schema/model.fbs).
//
//===----------------------------------------------------------------------===//
#ifndef TL_RT_TD
#define TL_RT_TD

include "dialects/NN/NNAttributes.td"
include "dialects/RT/RTEnums.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def RT_Dialect : Dialect {
  let name = "rt";
  let cppNamespace = "::tl::rt";
  let dependentDialects = ["::tl::nn::NNDialect"];
  let summary = "How it runs: kernels, buffers, entry points";
  let description = [{
    A program is a module of `rt.tensor` (weights), `rt.derived` (what is made
    of them before the first run), `rt.kernel` (fused operations, each compiled
    once for each ISA) and `rt.entry` (what the runtime can be asked to run). A `!rt.buffer<T>` is memory that holds a
    value of the NN type T, laid out as T's encoding says
    (dialects/NN/Storage.h).
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

def RT_BufferType : TypeDef<RT_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "memory that holds a tensor";
  let parameters = (ins "::mlir::RankedTensorType":$tensor);
  let assemblyFormat = "`<` $tensor `>`";
}

def RT_TensorRoleAttr : EnumAttr<RT_Dialect, RT_TensorRole, "role">;

def RT_EntryKindAttr : EnumAttr<RT_Dialect, RT_EntryKind, "entry_kind">;

def RT_GridAttr : AttrDef<RT_Dialect, "Grid"> {
  let mnemonic = "grid";
  let summary = "how many tiles a kernel has";
  let description = [{
    A batch of n pictures has
    `fixed + ceil(n / pictures) * tiles` tiles; each thread that runs some
    needs `scratch` bytes of its own. One grid a kernel and ISA.
  }];
  let parameters = (ins "int64_t":$fixed, "int64_t":$pictures, "int64_t":$tiles,
                        "int64_t":$scratch);
  let assemblyFormat = "`<` `fixed` $fixed `,` $tiles `per` $pictures `,` `scratch` $scratch `>`";
  let genVerifyDecl = 1;
}

class RT_Op<string mnemonic, list<Trait> traits = []>
    : Op<RT_Dialect, mnemonic, traits>;

def RT_TensorOp : RT_Op<"tensor", [Symbol]> {
  let summary = "a weight, parameter or optimizer slot in the container";
  let description = [{
    `type` carries the storage form; `value` is canonical (the emitter packs
    it). A tensor without `value` starts from `init`; a slot starts at zero.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, RT_TensorRoleAttr:$role,
                       TypeAttr:$type, OptionalAttr<ElementsAttr>:$value,
                       OptionalAttr<NN_InitAttr>:$init,
                       OptionalAttr<StrAttr>:$layer,
                       OptionalAttr<I64Attr>:$first_phase,
                       OptionalAttr<FlatSymbolRefAttr>:$slot_of);
  let assemblyFormat = "$role $sym_name `:` $type attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() {
      return ::llvm::cast<::mlir::RankedTensorType>(getType());
    }
  }];
}

def RT_DerivedOp : RT_Op<"derived", [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "what a kernel makes of a weight, kept out of the container";
  let description = [{
    The one result of `kernel` on `source`, a constant or, for predictions and
    taps, a parameter: the same in every run. The runtime computes it when the
    first program that reads it is bound, shares it among all programs of the
    model and frees it with the last. Entries that a training runs read none
    that is made of a parameter.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, FlatSymbolRefAttr:$kernel,
                       FlatSymbolRefAttr:$source, TypeAttr:$type);
  let assemblyFormat = "$sym_name `=` $kernel `(` $source `)` `:` $type attr-dict";
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() {
      return ::llvm::cast<::mlir::RankedTensorType>(getType());
    }
  }];
}

def RT_KernelOp : RT_Op<"kernel", [Symbol, IsolatedFromAbove, SingleBlock,
                                   NoTerminator]> {
  let summary = "one fused operation: what it computes, and its grids";
  let description = [{
    The body says what the kernel computes, in NN operations on the arguments'
    values; the last operation is `rt.return`. It is the kernel's definition
    for every backend and its oracle (the reference interpreter runs it).
    Calls with the same body share one kernel. `in_place` lists, for results
    that take the storage of an argument, the pairs (result, argument).

    ```mlir
    rt.kernel @dense_0 {
    ^bb0(%x: tensor<?x256xf32>, %w: tensor<256x2xf32, #nn.form<rows>>, %b: tensor<2xf32>):
      %y = nn.dense %x, %w, %b : (...) -> tensor<?x2xf32>
      rt.return %y : tensor<?x2xf32>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       OptionalAttr<DenseI64ArrayAttr>:$in_place,
                       OptionalAttr<DictionaryAttr>:$grids);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The operation that the kernel computes (the first of the body).
    ::mlir::Operation *getComputation() { return &getBody().front().front(); }
    ::mlir::Block *getBlock() { return &getBody().front(); }
    /// Values returned by the body.
    ::mlir::OperandRange getReturned();
    /// The argument whose storage result `index` takes, or -1.
    int64_t getInPlaceArgument(unsigned index);
  }];
}

def RT_ReturnOp : RT_Op<"return", [Pure, HasParent<"KernelOp">]> {
  let summary = "the values that a kernel writes";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

def RT_EntryOp : RT_Op<"entry", [Symbol, SingleBlock, NoTerminator]> {
  let summary = "an entry point: calls in order on buffers of one arena";
  let description = [{
    `arena_fixed` and `arena_per_picture` are set by the memory plan.

    ```mlir
    rt.entry predict @predict {
      %x = rt.buffer : !rt.buffer<tensor<?x256xf32>>
      %w = rt.weight @dense.kernel : !rt.buffer<tensor<256x2xf32, #nn.form<rows>>>
      %b = rt.weight @dense.bias : !rt.buffer<tensor<2xf32>>
      %y = rt.buffer : !rt.buffer<tensor<?x2xf32>>
      rt.input "frontier", %x : !rt.buffer<tensor<?x256xf32>>
      rt.call @dense_0(%x, %w, %b) -> (%y) : ...
      rt.output "logits", %y : !rt.buffer<tensor<?x2xf32>>
    }
    ```
  }];
  let arguments = (ins RT_EntryKindAttr:$kind, SymbolNameAttr:$sym_name,
                       OptionalAttr<I64Attr>:$phase,
                       OptionalAttr<I64Attr>:$arena_fixed,
                       OptionalAttr<I64Attr>:$arena_per_picture);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$kind $sym_name attr-dict-with-keyword $body";
}

def RT_BufferOp : RT_Op<"buffer", [MemoryEffects<[MemAlloc]>]> {
  let summary = "a place in the entry's arena; its offset comes from the plan";
  let description = [{
    Per-picture buffers lie at F + n * offset, fixed ones at offset (F: the
    fixed part of the arena, n: the batch).
  }];
  let arguments = (ins OptionalAttr<I64Attr>:$offset);
  let results = (outs RT_BufferType:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def RT_WeightOp : RT_Op<"weight", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the memory of a stored or derived tensor";
  let arguments = (ins FlatSymbolRefAttr:$tensor);
  let results = (outs RT_BufferType:$result);
  let assemblyFormat = "$tensor attr-dict `:` type($result)";
}

def RT_StepOp : RT_Op<"step", [Pure]> {
  let summary = "the step block (runtime/schema/KernelAbi.h)";
  let results = (outs RT_BufferType:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def RT_CallOp : RT_Op<"call", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel over all its tiles";
  let description = [{
    `inputs` match the kernel's arguments; `outputs` its returned values that
    do not take an argument's storage.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel,
                       Variadic<RT_BufferType>:$inputs,
                       Variadic<RT_BufferType>:$outputs,
                       OptionalAttr<StrAttr>:$layer);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` `->` `(` $outputs `)` attr-dict `:`
    functional-type($inputs, $outputs)
  }];
}

class RT_Port<string mnemonic> : RT_Op<mnemonic> {
  let arguments = (ins StrAttr:$name, RT_BufferType:$buffer);
  let assemblyFormat = "$name `,` $buffer attr-dict `:` type($buffer)";
}
def RT_InputOp : RT_Port<"input"> {
  let summary = "a named value that the caller writes before a run";
}
def RT_OutputOp : RT_Port<"output"> {
  let summary = "a named value that the caller reads after a run";
}

#endif
