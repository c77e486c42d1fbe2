// Construction of a model: choice of code, and the tables behind the getters.
#include "runtime/core/Model.h"

#include "runtime/core/Cpu.h"
#include "runtime/core/Failure.h"
#include "runtime/core/Initialize.h"
#include "runtime/core/Program.h"

#include <algorithm>

using namespace tl;

namespace {
constexpr uint32_t kNone = 4294967295u;

const char *text(const flatbuffers::String *string) {
  return string ? string->c_str() : "";
}
} // namespace

void tl_model::initialise(tl_isa isa) {
  drawn.resize(root.tensors()->size());
  derivedValues.resize(root.derived() ? root.derived()->size() : 0);
  chooseCode(isa);
  frontiers = findFrontiers(root);
  for (uint32_t e = 0; e < root.entries()->size(); ++e)
    if (root.entries()->Get(e)->kind() == schema::EntryKind::predict)
      predictEntry = int32_t(e);
  fillPreprocess();
  fillInfo();
  fillTables();
  fillValues();
}

void tl_model::chooseCode(tl_isa isa) {
  if (isa > TL_ISA_X86_64_V4)
    fail(TL_STATUS_INVALID_ARGUMENT, "unknown isa %d", int(isa));
#if !defined(__x86_64__)
  fail(TL_STATUS_UNSUPPORTED, "the file has code for x86-64 only");
#endif
  schema::Isa best = bestIsa();
  std::string names;
  for (const schema::Code *candidate : *root.code()) {
    schema::Isa its = candidate->isa();
    names += std::string(names.empty() ? "" : ", ") + schema::EnumNameIsa(its);
    bool fits = its <= best && (!code || its > code->isa());
    if (isa == TL_ISA_AUTO ? fits : its <= best && int(its) + 1 == int(isa))
      code = candidate;
  }
  if (!code && isa != TL_ISA_AUTO)
    fail(TL_STATUS_UNSUPPORTED,
         "no code for %s: the file has %s, this CPU runs up to %s",
         schema::EnumNameIsa(schema::Isa(int(isa) - 1)), names.c_str(),
         schema::EnumNameIsa(best));
  if (!code)
    fail(TL_STATUS_UNSUPPORTED,
         "no code for this CPU: the file has %s, the CPU runs up to %s",
         names.empty() ? "none" : names.c_str(), schema::EnumNameIsa(best));
  const schema::Segment &segment = *root.segments()->Get(code->segment());
  if (segment.size())
    image = std::make_unique<CodeImage>(container.segment(code->segment()),
                                        segment.size(), segment.checksum());
}

// float32, evaluated as written in the schema; 256 results a channel.
void tl_model::fillPreprocess() {
  const schema::Preprocess &p = *root.preprocess();
  for (uint32_t c = 0; c < p.channels(); ++c) {
    tables.mean.push_back(p.mean()->Get(c));
    tables.std.push_back(p.std()->Get(c));
    for (int byte = 0; byte < 256; ++byte)
      normalised[c][byte] =
          (float(byte) * p.scale() - p.mean()->Get(c)) / p.std()->Get(c);
  }
  tl_preprocess &out = tables.info.preprocess;
  out.name = text(p.name());
  out.height = p.height();
  out.width = p.width();
  out.channels = p.channels();
  out.bgr = p.bgr();
  out.scale = p.scale();
  out.mean = tables.mean.data();
  out.std = tables.std.data();
  out.resize = tl_resize(p.resize());
  out.resize_to = p.resize_to();
  out.crop = p.crop();
}

void tl_model::fillInfo() {
  tl_model_info &info = tables.info;
  info.name = text(root.name());
  info.producer = text(root.producer());
  info.backbone = text(root.backbone());
  info.recipe = text(root.recipe());
  info.classes = root.classes();
  info.sigmoid = root.sigmoid();
  info.outputs = root.sigmoid() ? 1 : root.classes();
  for (uint32_t i = 0; root.labels() && i < root.labels()->size(); ++i)
    tables.labels.push_back(root.labels()->Get(i)->c_str());
  info.labels = tables.labels.data();
  info.label_count = uint32_t(tables.labels.size());
  const schema::Preprocess &p = *root.preprocess();
  info.pixel_count = uint64_t(p.height()) * p.width() * p.channels();
  info.feature_count = frontiers.last().count;
  info.frontier_count = uint32_t(frontiers.all.size());
  info.trained = root.trained();
  info.used_seed = root.used_seed();
  fillTrain();
  info.isa = tl_isa(int(code->isa()) + 1);
  info.file_bytes = container.size();
  info.code_bytes = root.segments()->Get(code->segment())->size();
  for (const schema::Tensor *tensor : *root.tensors())
    (tensor->role() == schema::TensorRole::constant    ? info.constant_bytes
     : tensor->role() == schema::TensorRole::parameter ? info.parameter_bytes
                                                       : info.slot_bytes) +=
        tensor->bytes();
}

static tl_augment augmentOf(const schema::Augment *a) {
  tl_augment out{};
  out.crop_least = out.crop_most = 1;
  out.views = 1;
  if (!a)
    return out;
  out.flip_horizontal = a->flip_horizontal();
  out.flip_vertical = a->flip_vertical();
  out.rotate = a->rotate();
  out.shift = a->shift();
  out.zoom = a->zoom();
  out.crop_least = a->crop_least();
  out.crop_most = a->crop_most();
  out.brightness = a->brightness();
  out.contrast = a->contrast();
  out.saturation = a->saturation();
  out.hue = a->hue();
  out.views = a->views();
  return out;
}

void tl_model::fillTrain() {
  tl_model_info &info = tables.info;
  info.augment = augmentOf(root.train() ? root.train()->augment() : nullptr);
  const schema::Train *train = root.train();
  if (!train)
    return;
  info.batch = train->batch();
  info.loss = tl_loss(train->loss());
  info.label_smoothing = train->label_smoothing();
  info.split = train->split();
  info.seed = train->seed();
  info.convention = tl_convention(train->convention());
  info.class_weights = tl_class_weights(train->class_weights());
  if (train->class_weights() == schema::ClassWeights::given)
    info.weights = train->weights()->data();
  info.mixup = train->mixup();
  info.top_k = train->top_k();
  info.auc = train->auc();
}

void tl_model::fillPhases() {
  for (uint32_t p = 0; p < frontiers.phases.size(); ++p) {
    const schema::Phase &phase = *root.train()->phases()->Get(p);
    tl_phase_info out{};
    out.name = text(phase.name());
    out.epochs = phase.epochs();
    out.optimizer = tl_optimizer(phase.optimizer());
    out.learning_rate = phase.learning_rate();
    out.keep_best = phase.keep_best();
    out.backbone_rate =
        phase.backbone_rate() > 0 ? phase.backbone_rate() : out.learning_rate;
    out.schedule = tl_schedule(phase.schedule());
    out.warmup = phase.warmup();
    out.schedule_every = phase.schedule_every();
    out.schedule_factor = phase.schedule_factor();
    out.clip_norm = phase.clip_norm();
    out.ema = phase.ema();
    out.early_stop = phase.early_stop();
    out.frontier = frontiers.phases[p];
    out.feature_count = frontiers.of(p).count;
    tables.phases.push_back(out);
  }
}

void tl_model::fillTables() {
  fillPhases();
  if (root.layers())
    for (const schema::Layer *layer : *root.layers())
      tables.layers.push_back({layer->index(), text(layer->name()),
                               text(layer->kind()), layer->parameters(),
                               layer->trainable(), layer->first_phase()});
  if (root.history())
    for (const schema::EpochRecord *line : *root.history())
      tables.history.push_back({line->phase(), line->epoch(), line->loss(),
                                line->accuracy(), line->val_loss(),
                                line->val_accuracy(), line->val_top_k(),
                                line->val_auc()});
  for (const schema::Entry *entry : *root.entries()) {
    uint64_t scratch = 0;
    for (uint32_t c = 0; entry->calls() && c < entry->calls()->size(); ++c)
      scratch = std::max(
          scratch,
          code->kernels()->Get(entry->calls()->Get(c)->kernel())->scratch());
    tables.entries.push_back({text(entry->name()), tl_entry_kind(entry->kind()),
                              entry->arena_fixed() + derivedBytes(root, *entry),
                              entry->arena_per_picture(), scratch,
                              entry->multiply_adds()});
  }
  tl_model_info &info = tables.info;
  info.phase_count = uint32_t(tables.phases.size());
  info.layer_count = uint32_t(tables.layers.size());
  info.entry_count = uint32_t(tables.entries.size());
  info.history_count = uint32_t(tables.history.size());
}

void tl_model::addValue(uint32_t entry, uint32_t output) {
  const schema::Port &port =
      *root.entries()->Get(entry)->outputs()->Get(output);
  for (const tl_value_info &value : tables.values)
    if (port.name()->string_view() == value.name)
      return;
  tables.shapes.emplace_back(port.shape()->begin(), port.shape()->end());
  const std::vector<int64_t> &shape = tables.shapes.back();
  tables.values.push_back({port.name()->c_str(), portCount(port),
                           uint32_t(shape.size()), shape.data()});
  valueSources.push_back({entry, output});
}

// Kept values first, then what extraction and prediction give anyway.
void tl_model::fillValues() {
  tables.shapes.reserve(root.entries()->size() + 64);
  for (schema::EntryKind kind :
       {schema::EntryKind::tap, schema::EntryKind::extract,
        schema::EntryKind::predict})
    for (uint32_t e = 0; e < root.entries()->size(); ++e)
      if (root.entries()->Get(e)->kind() == kind)
        for (uint32_t o = 0; o < root.entries()->Get(e)->outputs()->size(); ++o)
          addValue(e, o);
  tables.info.value_count = uint32_t(tables.values.size());
}

const float *tl_model::value(uint32_t index) const {
  const schema::Tensor &tensor = *root.tensors()->Get(index);
  if (tensor.segment() != kNone)
    return reinterpret_cast<const float *>(container.segment(tensor.segment()) +
                                           tensor.offset());
  std::lock_guard<std::mutex> lock(drawing);
  std::unique_ptr<Memory> &memory = drawn[index];
  if (!memory) {
    auto fresh = std::make_unique<Memory>(tensor.bytes());
    uint64_t seed = root.train() ? root.train()->seed() : 0;
    drawTensor(tensor, seed, reinterpret_cast<float *>(fresh->data()));
    memory = std::move(fresh);
  }
  return reinterpret_cast<const float *>(memory->data());
}
