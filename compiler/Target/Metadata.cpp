// One function a table of the schema: tensors, kernels, code, entries. The
// recipe's part stands in Recipe.cpp.
#include "compiler/Target/Metadata.h"

#include "compiler/Analysis/MultiplyAdds.h"
#include "compiler/Target/Recipe.h"
#include "dialects/NN/Marks.h"
#include "dialects/NN/Storage.h"
#include "runtime/schema/Contract.h"

using namespace mlir;

namespace tl {
namespace {

template <typename T> llvm::StringMap<uint32_t> indexSymbols(ModuleOp module) {
  llvm::StringMap<uint32_t> index;
  for (T op : module.getOps<T>())
    index.try_emplace(op.getSymName(), index.size());
  return index;
}

class MetadataBuilder {
public:
  MetadataBuilder(ModuleOp module, ArrayRef<CodeImage> images)
      : module(module), images(images),
        tensorIndex(indexSymbols<rt::TensorOp>(module)),
        kernelIndex(indexSymbols<rt::KernelOp>(module)),
        derivedIndex(indexSymbols<rt::DerivedOp>(module)) {}

  FailureOr<std::unique_ptr<schema::ModelT>> build() {
    model = std::make_unique<schema::ModelT>();
    addSegments();
    for (auto tensor : module.getOps<rt::TensorOp>())
      addTensor(tensor);
    for (auto kernel : module.getOps<rt::KernelOp>())
      addKernel(kernel);
    for (auto derived : module.getOps<rt::DerivedOp>())
      addDerived(derived);
    for (auto [i, image] : llvm::enumerate(images))
      if (failed(addCode(image, kFirstCodeSegment + i)))
        return failure();
    for (auto entry : module.getOps<rt::EntryOp>())
      if (failed(addEntry(entry)))
        return failure();
    if (failed(describeRecipe(module, *model)))
      return failure();
    return std::move(model);
  }

private:
  void addSegments() {
    auto add = [&](schema::SegmentKind kind) {
      auto segment = std::make_unique<schema::SegmentT>();
      segment->kind = kind;
      model->segments.push_back(std::move(segment));
    };
    add(schema::SegmentKind::constants);
    add(schema::SegmentKind::parameters);
    for (size_t i = 0; i < images.size(); ++i)
      add(schema::SegmentKind::code);
  }

  static std::unique_ptr<schema::InitT> initOf(nn::InitAttr attr) {
    auto init = std::make_unique<schema::InitT>();
    init->kind = schema::InitKind(attr.getKind());
    init->scale = attr.getScale().getValueAsDouble();
    init->stream = attr.getStream();
    if (IntegerAttr seed = attr.getSeed()) {
      init->fixed_seed = true;
      init->seed = seed.getValue().getZExtValue();
    }
    return init;
  }

  std::unique_ptr<schema::SourceT> sourceOf(DictionaryAttr attr) {
    auto source = std::make_unique<schema::SourceT>();
    source->name = attr.getAs<StringAttr>("name").str();
    auto copy = [&](StringRef name, auto &to) {
      if (auto values = attr.getAs<DenseI64ArrayAttr>(name))
        to.assign(values.asArrayRef().begin(), values.asArrayRef().end());
    };
    copy("shape", source->shape);
    copy("view", source->view);
    copy("axes", source->axes);
    source->head = attr.contains("head");
    if (auto scale = attr.getAs<FlatSymbolRefAttr>("scale"))
      source->scale = tensorIndex.lookup(scale.getValue());
    return source;
  }

  void addTensor(rt::TensorOp op) {
    auto tensor = std::make_unique<schema::TensorT>();
    RankedTensorType type = op.getTensorType();
    tensor->name = op.getSymName();
    tensor->shape.assign(type.getShape().begin(), type.getShape().end());
    tensor->form = schema::WeightForm(nn::formOf(type));
    tensor->role = schema::TensorRole(op.getRole());
    tensor->bytes = nn::storageOf(type).bytes;
    if (op.getValueAttr()) {
      tensor->segment = op.getRole() == rt::TensorRole::Constant
                            ? kConstantsSegment
                            : kParametersSegment;
      uint64_t &end = segmentEnd[tensor->segment];
      tensor->offset = end;
      end = llvm::alignTo(end + tensor->bytes, 64);
      model->segments[tensor->segment]->size = end;
    } else if (nn::InitAttr init = op.getInitAttr()) {
      tensor->init = initOf(init);
    }
    if (auto owner = op.getSlotOf())
      tensor->of = tensorIndex.lookup(*owner);
    if (auto phase = op.getFirstPhase())
      tensor->first_phase = *phase;
    tensor->average = op->hasAttr(nn::kAverageAttr);
    if (auto source = op->getAttrOfType<DictionaryAttr>(nn::kSourceAttr))
      tensor->source = sourceOf(source);
    model->tensors.push_back(std::move(tensor));
  }

  static schema::KernelArgT argument(Type type, bool written) {
    nn::Storage storage = nn::storageOf(cast<RankedTensorType>(type));
    schema::KernelArgT arg;
    arg.per_picture = storage.perPicture;
    arg.bytes = storage.bytes;
    arg.written = written;
    return arg;
  }

  void addKernel(rt::KernelOp op) {
    auto kernel = std::make_unique<schema::KernelT>();
    kernel->name = op.getSymName();
    auto add = [&](Type type, bool written) {
      kernel->args.push_back(
          std::make_unique<schema::KernelArgT>(argument(type, written)));
    };
    llvm::SmallDenseSet<int64_t> inPlace;
    unsigned results = op.getReturned().size();
    for (unsigned i = 0; i < results; ++i)
      inPlace.insert(op.getInPlaceArgument(i));
    for (BlockArgument value : op.getBlock()->getArguments())
      add(value.getType(), inPlace.contains(value.getArgNumber()));
    for (auto [i, value] : llvm::enumerate(op.getReturned()))
      if (op.getInPlaceArgument(i) < 0)
        add(value.getType(), true);
    model->kernels.push_back(std::move(kernel));
  }

  void addDerived(rt::DerivedOp op) {
    auto derived = std::make_unique<schema::DerivedT>();
    derived->name = op.getSymName();
    derived->kernel = kernelIndex.lookup(op.getKernel());
    derived->source = tensorIndex.lookup(op.getSource());
    derived->bytes = nn::storageOf(op.getTensorType()).bytes;
    model->derived.push_back(std::move(derived));
  }

  schema::ArgRef place(rt::WeightOp weight) const {
    auto derived = derivedIndex.find(weight.getTensor());
    if (derived != derivedIndex.end())
      return schema::ArgRef(schema::ArgKind::derived, derived->second);
    return schema::ArgRef(schema::ArgKind::tensor,
                          tensorIndex.lookup(weight.getTensor()));
  }

  LogicalResult addCode(const CodeImage &image, uint32_t segment) {
    auto code = std::make_unique<schema::CodeT>();
    bool known = false;
    for (schema::Isa isa : schema::EnumValuesIsa())
      if (image.isa == schema::EnumNameIsa(isa)) {
        code->isa = isa;
        known = true;
      }
    if (!known || image.kernels.size() != model->kernels.size())
      return module.emitError()
             << "code image for '" << image.isa << "' with "
             << image.kernels.size() << " kernels does not fit the program's "
             << model->kernels.size();
    code->segment = segment;
    model->segments[segment]->size = image.bytes.size();
    for (const CodeImage::Kernel &kernel : image.kernels) {
      auto place = std::make_unique<schema::KernelCodeT>();
      place->offset = kernel.offset;
      place->fixed_tiles = kernel.grid.getFixed();
      place->pictures_per_group = kernel.grid.getPictures();
      place->tiles_per_group = kernel.grid.getTiles();
      place->scratch = kernel.grid.getScratch();
      place->fingerprint = kernel.fingerprint;
      code->kernels.push_back(std::move(place));
    }
    code->contract = schema::kernelContract(model->kernels, *code);
    model->code.push_back(std::move(code));
    return success();
  }

  LogicalResult addEntry(rt::EntryOp op) {
    if (!op.getArenaFixed() || !op.getArenaPerPicture())
      return op.emitError("memory is not planned");
    auto entry = std::make_unique<schema::EntryT>();
    entry->name = op.getSymName();
    entry->kind = schema::EntryKind(op.getKind());
    entry->phase = op.getPhase().value_or(0);
    entry->arena_fixed = *op.getArenaFixed();
    entry->arena_per_picture = *op.getArenaPerPicture();
    llvm::DenseMap<Value, schema::ArgRef> places;
    for (Operation &child : op.getBody().front())
      addToEntry(&child, *entry, places);
    model->entries.push_back(std::move(entry));
    return success();
  }

  void addToEntry(Operation *op, schema::EntryT &entry,
                  llvm::DenseMap<Value, schema::ArgRef> &places) {
    if (auto buffer = dyn_cast<rt::BufferOp>(op)) {
      nn::Storage storage = nn::storageOf(buffer.getType().getTensor());
      places[buffer.getResult()] =
          schema::ArgRef(schema::ArgKind::buffer, entry.buffers.size());
      entry.buffers.emplace_back(*buffer.getOffset(), storage.bytes,
                                 storage.perPicture);
    } else if (auto weight = dyn_cast<rt::WeightOp>(op)) {
      places[weight.getResult()] = place(weight);
    } else if (auto step = dyn_cast<rt::StepOp>(op)) {
      places[step.getResult()] = schema::ArgRef(schema::ArgKind::step, 0);
    } else if (auto input = dyn_cast<rt::InputOp>(op)) {
      entry.inputs.push_back(port(input.getName(), input.getBuffer(), places));
    } else if (auto output = dyn_cast<rt::OutputOp>(op)) {
      entry.outputs.push_back(
          port(output.getName(), output.getBuffer(), places));
    } else if (auto call = dyn_cast<rt::CallOp>(op)) {
      auto made = std::make_unique<schema::CallT>();
      made->kernel = kernelIndex.lookup(call.getKernel());
      made->layer = call.getLayer().value_or("");
      for (Value argument : call.getOperands())
        made->args.push_back(places.lookup(argument));
      entry.multiply_adds += multiplyAdds(call);
      entry.calls.push_back(std::move(made));
    }
  }

  static std::unique_ptr<schema::PortT>
  port(StringRef name, Value buffer,
       const llvm::DenseMap<Value, schema::ArgRef> &places) {
    auto made = std::make_unique<schema::PortT>();
    RankedTensorType type = cast<rt::BufferType>(buffer.getType()).getTensor();
    made->name = name;
    made->buffer = places.lookup(buffer).index();
    ArrayRef<int64_t> shape = type.getShape().drop_front();
    made->shape.assign(shape.begin(), shape.end());
    made->type = type.getElementType().isInteger(32) ? schema::ElementType::i32
                                                     : schema::ElementType::f32;
    if (nn::HaloSizes halo = nn::haloOf(type); halo.any())
      made->halo = {halo.top, halo.bottom, halo.left, halo.right};
    return made;
  }

  ModuleOp module;
  ArrayRef<CodeImage> images;
  llvm::StringMap<uint32_t> tensorIndex, kernelIndex, derivedIndex;
  std::unique_ptr<schema::ModelT> model;
  uint64_t segmentEnd[2] = {0, 0};
};
} // namespace

FailureOr<std::unique_ptr<schema::ModelT>>
buildMetadata(ModuleOp module, ArrayRef<CodeImage> images) {
  return MetadataBuilder(module, images).build();
}

} // namespace tl
