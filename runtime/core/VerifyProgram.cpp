// Checks of kernels and entries: whatever a call is given, it is at least what
// its kernel demands, lies in the arena, and is written only where it may be.
#include "runtime/core/Failure.h"
#include "runtime/core/Program.h"
#include "runtime/core/Verify.h"
#include "runtime/schema/Contract.h"
#include "runtime/schema/KernelAbi.h"

#include <algorithm>
#include <vector>

namespace tl {

namespace {

constexpr uint64_t kMaxTiles = 1u << 24;
constexpr uint64_t kMaxScratch = 1u << 28;
constexpr uint64_t kMaxBytes = uint64_t(1) << 42;

#define TL_BAD(...) fail(TL_STATUS_BAD_FILE, __VA_ARGS__)

void verifyName(const flatbuffers::String *name, const char *what) {
  for (unsigned char c : name->string_view())
    if (c < 0x20 || c >= 0x7f)
      TL_BAD("damaged: the name of %s is not printable ASCII", what);
  if (name->size() == 0 || name->size() > 4096)
    TL_BAD("damaged: the name of %s is empty or too long", what);
}

class ProgramVerifier {
public:
  ProgramVerifier(const schema::Model &model, uint64_t memoryLimit)
      : model(model), memoryLimit(memoryLimit) {}

  void kernels();
  void code();
  void derived();
  void entries();

private:
  void entry(const schema::Entry &entry);
  void arena(const schema::Entry &entry);
  void call(const schema::Entry &entry, const schema::Call &call);
  void argument(const schema::Entry &entry, const schema::ArgRef &ref,
                const schema::KernelArg &demand, const char *kernel);
  // A training changes parameters: what is made of one would grow old.
  bool ofParameter(uint32_t derived) const {
    uint32_t source = model.derived()->Get(derived)->source();
    return model.tensors()->Get(source)->role() ==
           schema::TensorRole::parameter;
  }
  void distinct(const schema::Entry &entry, const schema::Call &call);
  void port(const schema::Entry &entry, const schema::Port &port, bool input);
  void inputs(const schema::Entry &entry);
  void outputs(const schema::Entry &entry);
  void needPort(const schema::Entry &entry, const char *name, bool input,
                uint64_t count);
  void trainStep(const schema::Entry &entry);
  void counts();

  const schema::Model &model;
  uint64_t memoryLimit;
};

void ProgramVerifier::kernels() {
  for (const schema::Kernel *kernel : *model.kernels()) {
    verifyName(kernel->name(), "a kernel");
    if (kernel->args()->size() > 64)
      TL_BAD("damaged: kernel \"%s\" has %u arguments, expected at most 64",
             kernel->name()->c_str(), kernel->args()->size());
    for (const schema::KernelArg *arg : *kernel->args())
      if (arg->bytes() > kMaxBytes)
        TL_BAD("damaged: an argument of kernel \"%s\" is too large",
               kernel->name()->c_str());
  }
}

void verifyKernelCode(const schema::KernelCode &place, uint64_t imageBytes,
                      const char *name) {
  if (place.offset() >= imageBytes)
    TL_BAD("damaged: kernel \"%s\" starts outside its image", name);
  if (place.fixed_tiles() > kMaxTiles || place.tiles_per_group() > kMaxTiles ||
      place.pictures_per_group() < 1 ||
      place.pictures_per_group() > kMaxTiles ||
      place.fixed_tiles() + place.tiles_per_group() == 0)
    TL_BAD("damaged: the tiles of kernel \"%s\"", name);
  if (place.scratch() > kMaxScratch || place.scratch() % 64)
    TL_BAD("damaged: the scratch of kernel \"%s\"", name);
}

void ProgramVerifier::code() {
  std::vector<std::unique_ptr<schema::KernelT>> kernels;
  for (const schema::Kernel *kernel : *model.kernels())
    kernels.emplace_back(kernel->UnPack());
  for (const schema::Code *code : *model.code()) {
    if (code->isa() > schema::Isa::MAX ||
        code->segment() >= model.segments()->size())
      TL_BAD("damaged: a code image has an unknown ISA or segment");
    const schema::Segment &segment = *model.segments()->Get(code->segment());
    if (segment.kind() != schema::SegmentKind::code ||
        segment.size() > (1u << 30))
      TL_BAD("damaged: the code for %s lies in no code segment",
             schema::EnumNameIsa(code->isa()));
    if (code->kernels()->size() != kernels.size())
      TL_BAD("damaged: the code for %s has %u kernels, the model has %zu",
             schema::EnumNameIsa(code->isa()), code->kernels()->size(),
             kernels.size());
    for (uint32_t k = 0; k < code->kernels()->size(); ++k)
      verifyKernelCode(*code->kernels()->Get(k), segment.size(),
                       kernels[k]->name.c_str());
    std::unique_ptr<schema::CodeT> sealed(code->UnPack());
    uint64_t expected = schema::kernelContract(kernels, *sealed);
    if (expected != code->contract())
      TL_BAD("damaged: the kernel contract for %s is %016llx, expected %016llx "
             "(runtime/schema/Contract.h)",
             schema::EnumNameIsa(code->isa()),
             static_cast<unsigned long long>(code->contract()),
             static_cast<unsigned long long>(expected));
  }
}

// Each is made by a kernel that reads one weight and writes only the value.
void ProgramVerifier::derived() {
  uint64_t total = 0;
  for (uint32_t i = 0; model.derived() && i < model.derived()->size(); ++i) {
    const schema::Derived &value = *model.derived()->Get(i);
    verifyName(value.name(), "a derived value");
    const char *name = value.name()->c_str();
    if (value.kernel() >= model.kernels()->size())
      TL_BAD("damaged: \"%s\" is made by kernel %u of %u", name, value.kernel(),
             model.kernels()->size());
    if (value.source() >= model.tensors()->size() ||
        model.tensors()->Get(value.source())->role() ==
            schema::TensorRole::slot)
      TL_BAD("damaged: \"%s\" is made of no weight", name);
    const auto &args = *model.kernels()->Get(value.kernel())->args();
    if (args.size() != 2 || args.Get(0)->written() || !args.Get(1)->written() ||
        args.Get(0)->per_picture() || args.Get(1)->per_picture())
      TL_BAD(
          "damaged: \"%s\" needs a kernel that makes one value of one weight",
          name);
    if (args.Get(0)->bytes() > model.tensors()->Get(value.source())->bytes() ||
        args.Get(1)->bytes() > value.bytes())
      TL_BAD("damaged: the sizes of \"%s\" are not what its kernel needs",
             name);
    if (value.bytes() == 0 || value.bytes() > memoryLimit - total)
      fail(TL_STATUS_OUT_OF_MEMORY,
           "the derived values need more than the limit of %llu bytes",
           static_cast<unsigned long long>(memoryLimit));
    total += value.bytes();
  }
}

void ProgramVerifier::arena(const schema::Entry &entry) {
  const char *name = entry.name()->c_str();
  if (entry.arena_fixed() % 64 || entry.arena_per_picture() % 64)
    TL_BAD("damaged: the arena of \"%s\" is not aligned", name);
  uint64_t kept = derivedBytes(model, entry);
  if (entry.arena_fixed() > memoryLimit - kept ||
      entry.arena_per_picture() > memoryLimit - kept - entry.arena_fixed())
    fail(TL_STATUS_OUT_OF_MEMORY,
         "\"%s\" needs more than the limit of %llu bytes for one picture", name,
         static_cast<unsigned long long>(memoryLimit));
  if (!entry.buffers())
    return;
  for (const schema::Buffer *buffer : *entry.buffers()) {
    uint64_t region =
        buffer->per_picture() ? entry.arena_per_picture() : entry.arena_fixed();
    if (buffer->offset() % 64 || buffer->offset() > region ||
        buffer->bytes() > region - buffer->offset())
      TL_BAD("damaged: a buffer of \"%s\" lies outside the arena", name);
  }
}

void ProgramVerifier::argument(const schema::Entry &entry,
                               const schema::ArgRef &ref,
                               const schema::KernelArg &demand,
                               const char *kernel) {
  const char *name = entry.name()->c_str();
  bool training = entry.kind() == schema::EntryKind::train_step;
  bool runsInTraining = entry.kind() != schema::EntryKind::predict &&
                        entry.kind() != schema::EntryKind::tap;
  uint64_t provided = 0;
  bool perPicture = false;
  switch (ref.kind()) {
  case schema::ArgKind::buffer:
    if (!entry.buffers() || ref.index() >= entry.buffers()->size())
      TL_BAD("damaged: \"%s\" passes buffer %u to kernel \"%s\"", name,
             ref.index(), kernel);
    provided = entry.buffers()->Get(ref.index())->bytes();
    perPicture = entry.buffers()->Get(ref.index())->per_picture();
    break;
  case schema::ArgKind::tensor: {
    if (ref.index() >= model.tensors()->size())
      TL_BAD("damaged: \"%s\" passes tensor %u to kernel \"%s\"", name,
             ref.index(), kernel);
    const schema::Tensor &tensor = *model.tensors()->Get(ref.index());
    provided = tensor.bytes();
    bool slot = tensor.role() == schema::TensorRole::slot;
    bool constant = tensor.role() == schema::TensorRole::constant;
    if ((demand.written() && (constant || !training)) || (slot && !training))
      TL_BAD("damaged: \"%s\" may not %s tensor \"%s\"", name,
             demand.written() ? "write" : "read", tensor.name()->c_str());
    break;
  }
  case schema::ArgKind::derived:
    if (!model.derived() || ref.index() >= model.derived()->size())
      TL_BAD("damaged: \"%s\" passes derived value %u to kernel \"%s\"", name,
             ref.index(), kernel);
    provided = model.derived()->Get(ref.index())->bytes();
    if (demand.written() || (runsInTraining && ofParameter(ref.index())))
      TL_BAD("damaged: \"%s\" may not %s derived value \"%s\"", name,
             demand.written() ? "write" : "read",
             model.derived()->Get(ref.index())->name()->c_str());
    break;
  case schema::ArgKind::step:
    provided = sizeof(schema::StepBlock);
    if (demand.written() || !training || ref.index() != 0)
      TL_BAD("damaged: \"%s\" may not use the step block so", name);
    break;
  default:
    TL_BAD("damaged: an argument of \"%s\" is of an unknown kind", name);
  }
  if (provided < demand.bytes() || (demand.per_picture() && !perPicture))
    TL_BAD("damaged: \"%s\" gives kernel \"%s\" %llu bytes%s, it needs %llu%s",
           name, kernel, static_cast<unsigned long long>(provided),
           perPicture ? " a picture" : "",
           static_cast<unsigned long long>(demand.bytes()),
           demand.per_picture() ? " a picture" : "");
}

// A written buffer may be the same as another argument (in place), but may not
// overlap one in part: tiles run in any order.
void ProgramVerifier::distinct(const schema::Entry &entry,
                               const schema::Call &call) {
  const auto &demands = *model.kernels()->Get(call.kernel())->args();
  for (uint32_t a = 0; a < call.args()->size(); ++a)
    for (uint32_t b = 0; b < call.args()->size(); ++b) {
      const schema::ArgRef &left = *call.args()->Get(a);
      const schema::ArgRef &right = *call.args()->Get(b);
      if (!demands.Get(a)->written() || left.kind() != right.kind() ||
          left.kind() != schema::ArgKind::buffer)
        continue;
      const schema::Buffer &x = *entry.buffers()->Get(left.index());
      const schema::Buffer &y = *entry.buffers()->Get(right.index());
      bool same = x.offset() == y.offset() && x.bytes() == y.bytes();
      if (x.per_picture() == y.per_picture() && !same &&
          x.offset() < y.offset() + y.bytes() &&
          y.offset() < x.offset() + x.bytes())
        TL_BAD("damaged: \"%s\" passes kernel \"%s\" buffers that overlap",
               entry.name()->c_str(),
               model.kernels()->Get(call.kernel())->name()->c_str());
    }
}

void ProgramVerifier::call(const schema::Entry &entry,
                           const schema::Call &call) {
  const char *name = entry.name()->c_str();
  if (call.kernel() >= model.kernels()->size())
    TL_BAD("damaged: \"%s\" calls kernel %u of %u", name, call.kernel(),
           model.kernels()->size());
  const schema::Kernel &kernel = *model.kernels()->Get(call.kernel());
  if (call.args()->size() != kernel.args()->size())
    TL_BAD("damaged: \"%s\" gives kernel \"%s\" %u arguments, it takes %u",
           name, kernel.name()->c_str(), call.args()->size(),
           kernel.args()->size());
  for (uint32_t a = 0; a < call.args()->size(); ++a)
    argument(entry, *call.args()->Get(a), *kernel.args()->Get(a),
             kernel.name()->c_str());
  distinct(entry, call);
  if (call.layer() && call.layer()->size())
    verifyName(call.layer(), "a call's layer");
}

void ProgramVerifier::port(const schema::Entry &entry, const schema::Port &port,
                           bool input) {
  verifyName(port.name(), "a port");
  const char *name = port.name()->c_str();
  if (!entry.buffers() || port.buffer() >= entry.buffers()->size() ||
      !entry.buffers()->Get(port.buffer())->per_picture())
    TL_BAD("damaged: port \"%s\" of \"%s\" has no buffer for each picture",
           name, entry.name()->c_str());
  std::string_view text = port.name()->string_view();
  bool integer = text == "labels" || text == "ids" || text == "mix_labels";
  if (port.type() !=
      (input && integer ? schema::ElementType::i32 : schema::ElementType::f32))
    TL_BAD("damaged: the element type of port \"%s\"", name);
  const schema::Buffer &buffer = *entry.buffers()->Get(port.buffer());
  uint64_t limit = buffer.bytes() / sizeof(float);
  if (port.shape()->size() > 8)
    TL_BAD("damaged: the shape of port \"%s\"", name);
  uint32_t halo = port.halo() ? port.halo()->size() : 0;
  if (halo && (halo != 4 || port.shape()->size() != 3))
    TL_BAD("damaged: the halo of port \"%s\"", name);
  uint64_t count = 1;
  for (uint32_t d = 0; d < port.shape()->size(); ++d) {
    int64_t extent = port.shape()->Get(d);
    int64_t before = halo && d < 2 ? port.halo()->Get(2 * d) : 0;
    int64_t after = halo && d < 2 ? port.halo()->Get(2 * d + 1) : 0;
    if (extent < 1 || before < 0 || after < 0 || uint64_t(extent) > limit ||
        uint64_t(before) > limit || uint64_t(after) > limit ||
        uint64_t(extent + before + after) > limit / count)
      TL_BAD("damaged: port \"%s\" of \"%s\" does not fit its buffer", name,
             entry.name()->c_str());
    count *= uint64_t(extent + before + after);
  }
  if (count > limit)
    TL_BAD("damaged: port \"%s\" of \"%s\" does not fit its buffer", name,
           entry.name()->c_str());
}

void ProgramVerifier::needPort(const schema::Entry &entry, const char *name,
                               bool input, uint64_t count) {
  const schema::Port *port =
      findPort(input ? entry.inputs() : entry.outputs(), name);
  if (!port || portCount(*port) != count)
    TL_BAD("damaged: \"%s\" needs an %s \"%s\" of %llu values a picture",
           entry.name()->c_str(), input ? "input" : "output", name,
           static_cast<unsigned long long>(count));
}

void ProgramVerifier::inputs(const schema::Entry &entry) {
  const schema::Preprocess &p = *model.preprocess();
  uint64_t pixels = uint64_t(p.height()) * p.width() * p.channels();
  bool fromPixels = entry.kind() == schema::EntryKind::extract ||
                    entry.kind() == schema::EntryKind::tap;
  if (fromPixels) {
    needPort(entry, "pixels", true, pixels);
    if (entry.inputs()->size() != 1)
      TL_BAD("damaged: \"%s\" has %u inputs, expected \"pixels\" alone",
             entry.name()->c_str(), entry.inputs()->size());
    return;
  }
  bool takesLabels = entry.kind() != schema::EntryKind::predict;
  bool training = entry.kind() == schema::EntryKind::train_step;
  if (takesLabels)
    needPort(entry, "labels", true, 1);
  for (uint32_t i = 0; entry.inputs() && i < entry.inputs()->size(); ++i) {
    const schema::Port &port = *entry.inputs()->Get(i);
    std::string_view name = port.name()->string_view();
    bool aside = takesLabels && (name == "labels" || name == "ids");
    aside |= training &&
             (name == "weights" || name == "mix_labels" || name == "mix");
    if (aside || name == "pixels")
      needPort(entry, port.name()->c_str(), true, aside ? 1 : pixels);
    else if (!isFeature(name))
      TL_BAD("damaged: input \"%s\" of \"%s\" is nothing that is extracted",
             port.name()->c_str(), entry.name()->c_str());
  }
}

void ProgramVerifier::outputs(const schema::Entry &entry) {
  uint32_t count = entry.outputs() ? entry.outputs()->size() : 0;
  uint64_t scores = model.sigmoid() ? 1 : model.classes();
  switch (entry.kind()) {
  case schema::EntryKind::extract:
    for (uint32_t i = 0; i < count; ++i)
      if (!isFeature(entry.outputs()->Get(i)->name()->string_view()))
        TL_BAD("damaged: output \"%s\" of \"%s\" is no frontier",
               entry.outputs()->Get(i)->name()->c_str(), entry.name()->c_str());
    break;
  case schema::EntryKind::tap:
    if (count != 1)
      TL_BAD("damaged: \"%s\" has %u outputs, expected one",
             entry.name()->c_str(), count);
    break;
  case schema::EntryKind::predict:
    needPort(entry, "logits", false, scores);
    needPort(entry, "scores", false, scores);
    break;
  default:
    needPort(entry, "loss", false, 1);
    needPort(entry, "scores", false, scores);
  }
  if (count == 0)
    TL_BAD("damaged: \"%s\" has no output", entry.name()->c_str());
}

void ProgramVerifier::trainStep(const schema::Entry &entry) {
  int64_t loss =
      lastWriter(model, entry, findPort(entry.outputs(), "loss")->buffer());
  for (int64_t c = 0; c <= loss; ++c) {
    const schema::Call &call = *entry.calls()->Get(uint32_t(c));
    const auto &demands = *model.kernels()->Get(call.kernel())->args();
    for (uint32_t a = 0; a < call.args()->size(); ++a)
      if (demands.Get(a)->written() &&
          call.args()->Get(a)->kind() == schema::ArgKind::tensor)
        TL_BAD("damaged: call %lld of \"%s\" writes a tensor before the loss "
               "is known",
               static_cast<long long>(c), entry.name()->c_str());
  }
  if (loss < 0)
    TL_BAD("damaged: nothing in \"%s\" writes the loss", entry.name()->c_str());
}

void ProgramVerifier::entry(const schema::Entry &entry) {
  verifyName(entry.name(), "an entry");
  if (entry.kind() > schema::EntryKind::MAX)
    TL_BAD("damaged: \"%s\" is of an unknown kind", entry.name()->c_str());
  for (uint32_t c = 0; entry.calls() && c < entry.calls()->size(); ++c)
    call(entry, *entry.calls()->Get(c));
  arena(entry);
  for (uint32_t i = 0; entry.inputs() && i < entry.inputs()->size(); ++i)
    port(entry, *entry.inputs()->Get(i), true);
  for (uint32_t i = 0; entry.outputs() && i < entry.outputs()->size(); ++i)
    port(entry, *entry.outputs()->Get(i), false);
  inputs(entry);
  outputs(entry);
  if (entry.kind() == schema::EntryKind::train_step)
    trainStep(entry);
}

void ProgramVerifier::counts() {
  uint32_t predicts = 0;
  std::vector<std::string_view> names;
  for (const schema::Entry *entry : *model.entries()) {
    predicts += entry->kind() == schema::EntryKind::predict;
    names.push_back(entry->name()->string_view());
  }
  std::sort(names.begin(), names.end());
  if (std::adjacent_find(names.begin(), names.end()) != names.end())
    TL_BAD("damaged: two entries have the same name");
  if (predicts != (model.classes() ? 1u : 0u))
    TL_BAD("damaged: %u predict entries for %u classes", predicts,
           model.classes());
}

void ProgramVerifier::entries() {
  for (const schema::Entry *each : *model.entries())
    entry(*each);
  counts();
}

} // namespace

void verifyProgram(const schema::Model &model, uint64_t memoryLimit) {
  ProgramVerifier verifier(model, memoryLimit);
  verifier.kernels();
  verifier.code();
  verifier.derived();
  verifier.entries();
  verifyFrontiers(model);
}

} // namespace tl
