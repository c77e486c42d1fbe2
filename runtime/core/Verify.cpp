// Checks of the file's frame: header, metadata, segments, tensors, recipe.
// Every number is bounded before it is used in arithmetic.
#include "runtime/core/Verify.h"

#include "runtime/core/Failure.h"
#include "runtime/schema/Contract.h"
#include "runtime/schema/Header.h"
#include "runtime/schema/WeightForm.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

namespace tl {

namespace {

using schema::FileHeader;

constexpr uint32_t kNone = 4294967295u;
constexpr int64_t kMaxElements = int64_t(1) << 40;
constexpr uint64_t kMaxFileBytes = uint64_t(1) << 46;
constexpr uint32_t kMaxEpochs = 10000000;

#define TL_BAD(...) fail(TL_STATUS_BAD_FILE, __VA_ARGS__)

FileHeader verifyHeader(const uint8_t *data, uint64_t bytes) {
  FileHeader header;
  if (bytes < sizeof header)
    TL_BAD("not a model.bin: %llu bytes are less than a header",
           static_cast<unsigned long long>(bytes));
  memcpy(&header, data, sizeof header);
  if (memcmp(header.magic, schema::kMagic, sizeof header.magic) != 0)
    TL_BAD("not a model.bin: it does not start with \"TLMODEL\"");
  if (header.version != schema::kFormatVersion)
    fail(TL_STATUS_UNSUPPORTED,
         "format version %u: this runtime reads version %u", header.version,
         schema::kFormatVersion);
  if (header.headerChecksum !=
      XXH64(data, offsetof(FileHeader, headerChecksum), 0))
    TL_BAD("damaged: the header's checksum does not match");
  if (header.headerBytes != sizeof header || header.reserved != 0)
    TL_BAD("damaged: the header's size is %u, expected 64", header.headerBytes);
  if (header.fileBytes != bytes || bytes > kMaxFileBytes)
    TL_BAD("truncated or extended: %llu bytes, the header says %llu",
           static_cast<unsigned long long>(bytes),
           static_cast<unsigned long long>(header.fileBytes));
  if (header.metadataOffset < sizeof header || header.metadataOffset % 64 ||
      header.metadataBytes < 16 ||
      header.metadataBytes > schema::kMaxMetadataBytes ||
      header.metadataOffset > bytes ||
      header.metadataBytes > bytes - header.metadataOffset)
    TL_BAD("damaged: the metadata lies outside the file");
  return header;
}

// Strict UTF-8; names moreover are one printable line.
bool validText(const flatbuffers::String *string, bool name) {
  if (!string)
    return true;
  auto *at = reinterpret_cast<const unsigned char *>(string->c_str());
  const unsigned char *end = at + string->size();
  while (at < end) {
    unsigned char first = *at++;
    if (first < 0x80) {
      if (first == 0 || (name && (first < 0x20 || first == 0x7f)))
        return false;
      continue;
    }
    int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || end - at < more)
      return false;
    uint32_t code = first & (0x3f >> more);
    for (int i = 0; i < more; ++i, ++at) {
      if ((*at & 0xc0) != 0x80)
        return false;
      code = code << 6 | (*at & 0x3f);
    }
    if ((more == 2 && code < 0x800) || (more == 3 && code < 0x10000) ||
        code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
      return false;
  }
  return true;
}

void verifyName(const flatbuffers::String *string, const char *what) {
  if (!validText(string, true) || (string && string->size() > 4096))
    TL_BAD("damaged: the name of %s is not a line of UTF-8", what);
}

struct Span {
  uint64_t begin, end;
};

// Spans sorted, disjoint, and nothing but zeros between them.
void verifyGaps(const uint8_t *data, uint64_t bytes, std::vector<Span> spans) {
  std::sort(spans.begin(), spans.end(),
            [](Span a, Span b) { return a.begin < b.begin; });
  spans.push_back({bytes, bytes});
  uint64_t at = 0;
  for (Span span : spans) {
    if (span.begin < at)
      TL_BAD("damaged: two parts of the file overlap at byte %llu",
             static_cast<unsigned long long>(span.begin));
    for (uint64_t i = at; i < span.begin; ++i)
      if (data[i] != 0)
        TL_BAD("damaged: byte %llu lies between the parts and is not zero",
               static_cast<unsigned long long>(i));
    at = span.end;
  }
}

void verifySegments(const uint8_t *data, const FileHeader &header,
                    const schema::Model &model) {
  std::vector<Span> spans = {
      {0, sizeof header},
      {header.metadataOffset, header.metadataOffset + header.metadataBytes}};
  uint32_t index = 0, parameterSegments = 0;
  for (const schema::Segment *segment : *model.segments()) {
    if (segment->kind() > schema::SegmentKind::MAX)
      TL_BAD("damaged: segment %u has an unknown kind", index);
    parameterSegments += segment->kind() == schema::SegmentKind::parameters;
    bool empty = segment->size() == 0; // wherever it says it lies
    if (!empty && (segment->offset() % schema::kSegmentAlignment ||
                   segment->offset() < sizeof header ||
                   segment->offset() > header.fileBytes ||
                   segment->size() > header.fileBytes - segment->offset()))
      TL_BAD("damaged: segment %u lies outside the file or is not aligned",
             index);
    if (!empty)
      spans.push_back({segment->offset(), segment->offset() + segment->size()});
    ++index;
  }
  if (parameterSegments > 1)
    TL_BAD("damaged: %u segments of parameters, expected at most one",
           parameterSegments);
  verifyGaps(data, header.fileBytes, spans);
  index = 0;
  for (const schema::Segment *segment : *model.segments()) {
    if (segment->size() && XXH64(data + segment->offset(), segment->size(),
                                 0) != segment->checksum())
      TL_BAD("damaged: the checksum of segment %u (%s) does not match", index,
             schema::EnumNameSegmentKind(segment->kind()));
    ++index;
  }
}

int64_t verifyShape(const flatbuffers::Vector<int64_t> &shape,
                    const char *name) {
  if (shape.size() > 8)
    TL_BAD("damaged: tensor \"%s\" has %u dimensions, expected at most 8", name,
           shape.size());
  int64_t elements = 1;
  for (int64_t extent : shape) {
    if (extent < 1 || extent > kMaxElements / elements)
      TL_BAD("damaged: a dimension of tensor \"%s\" is %lld", name,
             static_cast<long long>(extent));
    elements *= extent;
  }
  return elements;
}

void verifyInit(const schema::Tensor &tensor, const char *name) {
  const schema::Init *init = tensor.init();
  if (init &&
      (init->kind() > schema::InitKind::MAX || !std::isfinite(init->scale())))
    TL_BAD("damaged: the initialiser of tensor \"%s\"", name);
  bool has = init && init->kind() != schema::InitKind::none;
  bool stored = tensor.segment() != kNone;
  if (tensor.role() == schema::TensorRole::slot ? stored : !stored && !has)
    TL_BAD("damaged: tensor \"%s\" has %s", name,
           stored ? "a segment, though it is optimizer state"
                  : "neither a segment nor an initialiser");
  if (tensor.role() == schema::TensorRole::constant && !stored &&
      init->kind() != schema::InitKind::fill && !init->fixed_seed())
    TL_BAD("damaged: constant \"%s\" has no fixed seed", name);
}

// One factor an output. That the vector itself is sound is its own check.
void verifyScale(const schema::Model &model, const schema::Tensor &tensor,
                 uint32_t scale, const char *name) {
  const schema::Tensor *factors =
      scale < model.tensors()->size() ? model.tensors()->Get(scale) : nullptr;
  if (!factors || factors->role() != schema::TensorRole::constant ||
      tensor.shape()->size() == 0 || factors->shape()->size() != 1 ||
      factors->shape()->Get(0) !=
          tensor.shape()->Get(tensor.shape()->size() - 1))
    TL_BAD("damaged: the scale of tensor \"%s\" in its source", name);
}

// The shape there and the canonical one are views of the same values.
void verifySource(const schema::Model &model, const schema::Tensor &tensor,
                  const char *name) {
  const schema::Source *source = tensor.source();
  if (!source)
    return;
  verifyName(source->name(), "a tensor's source");
  int64_t elements = verifyShape(*tensor.shape(), name);
  bool sound = verifyShape(*source->shape(), name) == elements;
  uint32_t rank = source->axes() ? source->axes()->size() : 0;
  sound &= (source->view() ? source->view()->size() : 0) == rank;
  if (sound && rank > 0)
    sound = verifyShape(*source->view(), name) == elements;
  uint32_t seen = 0;
  for (uint32_t axis = 0; axis < rank && sound; ++axis) {
    uint32_t bit = 1u << std::min<uint32_t>(source->axes()->Get(axis), 31);
    sound = source->axes()->Get(axis) < rank && !(seen & bit);
    seen |= bit;
  }
  if (!sound)
    TL_BAD("damaged: the shape of tensor \"%s\" in its source", name);
  if (source->scale() != kNone)
    verifyScale(model, tensor, source->scale(), name);
}

void verifyPlace(const schema::Model &model, const schema::Tensor &tensor,
                 const char *name) {
  if (tensor.segment() == kNone)
    return;
  if (tensor.segment() >= model.segments()->size())
    TL_BAD("damaged: tensor \"%s\" names segment %u of %u", name,
           tensor.segment(), model.segments()->size());
  const schema::Segment &segment = *model.segments()->Get(tensor.segment());
  auto expected = tensor.role() == schema::TensorRole::parameter
                      ? schema::SegmentKind::parameters
                      : schema::SegmentKind::constants;
  if (segment.kind() != expected)
    TL_BAD("damaged: tensor \"%s\" lies in a segment of %s", name,
           schema::EnumNameSegmentKind(segment.kind()));
  if (tensor.offset() % 64 || tensor.offset() > segment.size() ||
      tensor.bytes() > segment.size() - tensor.offset())
    TL_BAD("damaged: tensor \"%s\" lies outside its segment or is not aligned",
           name);
}

void verifyTensor(const schema::Model &model, const schema::Tensor &tensor,
                  uint32_t phases) {
  verifyName(tensor.name(), "a tensor");
  const char *name = tensor.name()->c_str();
  if (tensor.form() > schema::WeightForm::MAX ||
      tensor.role() > schema::TensorRole::MAX)
    TL_BAD("damaged: the form or role of tensor \"%s\"", name);
  verifyShape(*tensor.shape(), name);
  std::vector<int64_t> shape(tensor.shape()->begin(), tensor.shape()->end());
  int64_t elements =
      schema::formElements(static_cast<schema::Form>(tensor.form()), shape);
  if (tensor.bytes() != uint64_t(elements) * sizeof(float))
    TL_BAD("damaged: tensor \"%s\" has %llu bytes, its shape needs %llu", name,
           static_cast<unsigned long long>(tensor.bytes()),
           static_cast<unsigned long long>(elements) * sizeof(float));
  verifyInit(tensor, name);
  verifySource(model, tensor, name);
  verifyPlace(model, tensor, name);
  if (tensor.role() == schema::TensorRole::slot &&
      (tensor.of() >= model.tensors()->size() ||
       model.tensors()->Get(tensor.of())->role() !=
           schema::TensorRole::parameter))
    TL_BAD("damaged: \"%s\" is the state of tensor %u, which is no parameter",
           name, tensor.of());
  if (tensor.role() == schema::TensorRole::slot && tensor.average() &&
      tensor.bytes() != model.tensors()->Get(tensor.of())->bytes())
    TL_BAD("damaged: the average \"%s\" has another size than its parameter",
           name);
  if (tensor.first_phase() != kNone && tensor.first_phase() >= phases)
    TL_BAD("damaged: tensor \"%s\" is first trained in phase %u of %u", name,
           tensor.first_phase(), phases);
}

void verifyTensors(const schema::Model &model, uint64_t memoryLimit) {
  uint32_t phases = model.train() && model.train()->phases()
                        ? model.train()->phases()->size()
                        : 0;
  std::vector<Span> parameters;
  std::vector<std::string_view> names;
  uint64_t memory = 0;
  for (const schema::Tensor *tensor : *model.tensors()) {
    verifyTensor(model, *tensor, phases);
    names.push_back(tensor->name()->string_view());
    if (tensor->role() == schema::TensorRole::parameter &&
        tensor->segment() != kNone)
      parameters.push_back(
          {tensor->offset(), tensor->offset() + tensor->bytes()});
    if (tensor->role() != schema::TensorRole::constant ||
        tensor->segment() == kNone)
      memory += tensor->bytes();
    if (memory > memoryLimit)
      fail(TL_STATUS_OUT_OF_MEMORY,
           "its tensors need more than the limit of %llu bytes",
           static_cast<unsigned long long>(memoryLimit));
  }
  std::sort(parameters.begin(), parameters.end(),
            [](Span a, Span b) { return a.begin < b.begin; });
  for (size_t i = 1; i < parameters.size(); ++i)
    if (parameters[i].begin < parameters[i - 1].end)
      TL_BAD("damaged: two parameters overlap");
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    TL_BAD("damaged: two tensors are called \"%s\"", twice->data());
}

void verifyPreprocess(const schema::Preprocess &p) {
  verifyName(p.name(), "the preprocessing");
  if (p.height() < 1 || p.height() > 16384 || p.width() < 1 ||
      p.width() > 16384 || (p.channels() != 1 && p.channels() != 3))
    TL_BAD("damaged: a network input of %u x %u x %u", p.height(), p.width(),
           p.channels());
  if (p.mean()->size() != p.channels() || p.std()->size() != p.channels() ||
      p.resize() > schema::Resize::MAX || !std::isfinite(p.scale()) ||
      p.resize_to() > 65536)
    TL_BAD("damaged: the preprocessing");
  for (uint32_t c = 0; c < p.channels(); ++c)
    if (!std::isfinite(p.mean()->Get(c)) || !std::isfinite(p.std()->Get(c)) ||
        p.std()->Get(c) == 0)
      TL_BAD("damaged: the preprocessing of channel %u", c);
}

// A number in [least, most]; false for what is no number.
bool within(float value, float least, float most) {
  return value >= least && value <= most;
}

void verifyPhase(const schema::Phase &phase) {
  verifyName(phase.name(), "a phase");
  constexpr float kLargest = std::numeric_limits<float>::max();
  if (phase.epochs() > kMaxEpochs ||
      phase.optimizer() > schema::Optimizer::MAX ||
      phase.schedule() > schema::Schedule::MAX ||
      !std::isfinite(phase.learning_rate()) || !(phase.beta1() >= 0) ||
      !(phase.beta1() < 1) || !(phase.beta2() >= 0) || !(phase.beta2() < 1) ||
      !within(phase.backbone_rate(), 0, kLargest) ||
      !within(phase.warmup(), 0, kMaxEpochs) ||
      !within(phase.schedule_every(), 0, kMaxEpochs) ||
      !within(phase.schedule_factor(), 0, kLargest) ||
      !within(phase.clip_norm(), 0, kLargest) || !(phase.ema() >= 0) ||
      !(phase.ema() < 1) || phase.early_stop() > kMaxEpochs)
    TL_BAD("damaged: phase \"%s\"", phase.name()->c_str());
}

void verifyAugment(const schema::Augment &a) {
  bool good = within(a.rotate(), 0, 360) && within(a.crop_least(), 0, 1) &&
              within(a.crop_most(), a.crop_least(), 1) && a.crop_most() > 0 &&
              within(a.hue(), 0, 0.5f) && a.views() <= kMaxEpochs;
  for (float share : {a.flip_horizontal(), a.flip_vertical(), a.shift(),
                      a.zoom(), a.brightness(), a.contrast(), a.saturation()})
    good &= within(share, 0, 1);
  if (!good)
    TL_BAD("damaged: the augmentation");
}

void verifyTrain(const schema::Model &model, const schema::Train &train) {
  bool given = train.class_weights() == schema::ClassWeights::given;
  uint32_t weights = train.weights() ? train.weights()->size() : 0;
  if (train.batch() < 1 || train.batch() > 65536 ||
      train.loss() > schema::Loss::MAX ||
      train.convention() > schema::Convention::MAX || !(train.split() >= 0) ||
      !(train.split() < 1) || !std::isfinite(train.label_smoothing()) ||
      train.class_weights() > schema::ClassWeights::MAX ||
      weights != (given ? model.classes() : 0) ||
      !within(train.mixup(), 0, 1e6f))
    TL_BAD("damaged: the training recipe");
  for (uint32_t i = 0; i < weights; ++i)
    if (!within(train.weights()->Get(i), 0, std::numeric_limits<float>::max()))
      TL_BAD("damaged: the weight of class %u", i);
  if (train.augment())
    verifyAugment(*train.augment());
  if (train.phases())
    for (const schema::Phase *phase : *train.phases())
      verifyPhase(*phase);
  if (train.phases() && train.phases()->size() && !model.classes())
    TL_BAD("damaged: phases, but no classes");
}

void verifyRecipe(const schema::Model &model) {
  verifyPreprocess(*model.preprocess());
  uint32_t labels = model.labels() ? model.labels()->size() : 0;
  if (model.classes() > 1000000 || model.classes() == 1 ||
      (model.sigmoid() && model.classes() != 2) ||
      (labels && labels != model.classes()))
    TL_BAD("damaged: %u classes and %u labels", model.classes(), labels);
  std::vector<std::string_view> names;
  for (uint32_t i = 0; i < labels; ++i) {
    verifyName(model.labels()->Get(i), "a label");
    names.push_back(model.labels()->Get(i)->string_view());
  }
  std::sort(names.begin(), names.end());
  if (std::adjacent_find(names.begin(), names.end()) != names.end())
    TL_BAD("damaged: a label occurs twice");
  if (model.train())
    verifyTrain(model, *model.train());
}

void verifyStrings(const schema::Model &model) {
  verifyName(model.name(), "the model");
  verifyName(model.producer(), "the producer");
  verifyName(model.backbone(), "the backbone");
  if (!validText(model.recipe(), false))
    TL_BAD("damaged: the recipe is not UTF-8");
  if (!model.layers())
    return;
  for (const schema::Layer *layer : *model.layers()) {
    verifyName(layer->name(), "a layer");
    verifyName(layer->kind(), "a layer's kind");
  }
}

} // namespace

const schema::Model *verifyContainer(const uint8_t *data, uint64_t bytes,
                                     uint64_t memoryLimit) {
  FileHeader header = verifyHeader(data, bytes);
  const uint8_t *metadata = data + header.metadataOffset;
  if (XXH64(metadata, header.metadataBytes, 0) != header.metadataChecksum)
    TL_BAD("damaged: the checksum of the metadata does not match");
  flatbuffers::Verifier verifier(metadata, header.metadataBytes);
  if (!schema::VerifyModelBuffer(verifier))
    TL_BAD("damaged: the metadata is not a valid flatbuffer of this schema");
  const schema::Model *model = schema::GetModel(metadata);
  verifyStrings(*model);
  verifySegments(data, header, *model);
  verifyRecipe(*model);
  verifyTensors(*model, memoryLimit);
  verifyProgram(*model, memoryLimit);
  return model;
}

} // namespace tl
