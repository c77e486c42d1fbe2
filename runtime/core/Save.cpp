// A new container from an old one and a trainer: the same code and constants,
// parameters rewritten in tensor order, 64-aligned, and the metadata told of
// them. What is written depends on the model and the training alone.
#include "runtime/core/Atomic.h"
#include "runtime/core/Failure.h"
#include "runtime/core/Trainer.h"
#include "runtime/schema/Header.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

namespace tl {

namespace {

constexpr uint64_t kAlign = schema::kSegmentAlignment;

uint64_t alignUp(uint64_t value, uint64_t to) {
  return (value + to - 1) / to * to;
}

// The parameters' segment: its bytes, and each tensor's place in it.
std::vector<uint8_t> layParameters(const tl_trainer &trainer,
                                   schema::ModelT &model, uint32_t segment) {
  uint64_t bytes = 0;
  for (auto &tensor : model.tensors)
    if (tensor->role == schema::TensorRole::parameter) {
      tensor->segment = segment;
      tensor->offset = bytes;
      bytes += alignUp(tensor->bytes, 64);
    }
  std::vector<uint8_t> content(bytes, 0);
  for (uint32_t i = 0; i < model.tensors.size(); ++i)
    if (model.tensors[i]->role == schema::TensorRole::parameter)
      memcpy(content.data() + model.tensors[i]->offset,
             trainer.parameters.tensor(i), model.tensors[i]->bytes);
  return content;
}

uint32_t parameterSegment(schema::ModelT &model) {
  for (uint32_t i = 0; i < model.segments.size(); ++i)
    if (model.segments[i]->kind == schema::SegmentKind::parameters)
      return i;
  model.segments.push_back(std::make_unique<schema::SegmentT>());
  model.segments.back()->kind = schema::SegmentKind::parameters;
  return uint32_t(model.segments.size() - 1);
}

void fillFacts(const tl_trainer &trainer, schema::ModelT &model) {
  model.labels = trainer.labels;
  model.trained = true;
  model.used_seed = trainer.seed;
  model.history.clear();
  for (const tl_epoch_record &line : trainer.history) {
    auto record = std::make_unique<schema::EpochRecordT>();
    record->phase = line.phase;
    record->epoch = line.epoch;
    record->loss = line.loss;
    record->accuracy = line.accuracy;
    record->val_loss = line.val_loss;
    record->val_accuracy = line.val_accuracy;
    record->val_top_k = line.val_top_k;
    record->val_auc = line.val_auc;
    model.history.push_back(std::move(record));
  }
}

flatbuffers::DetachedBuffer packed(const schema::ModelT &model) {
  flatbuffers::FlatBufferBuilder builder;
  // Every scalar is written, so that the metadata's size does not depend on
  // the segments' offsets, which depend on it.
  builder.ForceDefaults(true);
  schema::FinishModelBuffer(builder, schema::Model::Pack(builder, &model));
  return builder.Release();
}

void placeSegments(schema::ModelT &model, uint64_t metadataBytes) {
  uint64_t at = alignUp(sizeof(schema::FileHeader) + metadataBytes, kAlign);
  for (auto &segment : model.segments) {
    segment->offset = at;
    at = alignUp(at + segment->size, kAlign);
  }
}

schema::FileHeader header(const schema::ModelT &model,
                          const flatbuffers::DetachedBuffer &metadata) {
  schema::FileHeader head{};
  memcpy(head.magic, schema::kMagic, sizeof head.magic);
  head.version = schema::kFormatVersion;
  head.headerBytes = sizeof head;
  head.metadataOffset = sizeof head;
  head.metadataBytes = metadata.size();
  head.metadataChecksum = XXH64(metadata.data(), metadata.size(), 0);
  head.fileBytes = sizeof head + metadata.size();
  for (const auto &segment : model.segments)
    if (segment->offset + segment->size > head.fileBytes)
      head.fileBytes = segment->offset + segment->size;
  head.headerChecksum =
      XXH64(&head, offsetof(schema::FileHeader, headerChecksum), 0);
  return head;
}

// In pieces that do not stay: the constants of a large backbone would be the
// most memory that training takes.
void copyBytes(const Container &from, uint32_t segment, uint64_t count,
               AtomicFile &file) {
  constexpr uint64_t kPiece = uint64_t(4) << 20;
  const uint8_t *bytes = from.segment(segment);
  for (uint64_t at = 0; at < count; at += kPiece) {
    uint64_t size = std::min(kPiece, count - at);
    file.write(bytes + at, size);
    from.release(bytes + at, size);
  }
}

} // namespace

void saveTrainer(const tl_trainer &trainer, const char *path) {
  std::unique_ptr<schema::ModelT> model(trainer.model.root.UnPack());
  uint32_t own = parameterSegment(*model);
  std::vector<uint8_t> parameters = layParameters(trainer, *model, own);
  model->segments[own]->size = parameters.size();
  model->segments[own]->checksum =
      XXH64(parameters.data(), parameters.size(), 0);
  fillFacts(trainer, *model);
  placeSegments(*model, packed(*model).size());
  flatbuffers::DetachedBuffer metadata = packed(*model);
  if (metadata.size() > schema::kMaxMetadataBytes)
    fail(TL_STATUS_UNSUPPORTED, "the metadata grew past %llu bytes",
         static_cast<unsigned long long>(schema::kMaxMetadataBytes));
  schema::FileHeader head = header(*model, metadata);

  AtomicFile file(path);
  file.write(&head, sizeof head);
  file.write(metadata.data(), metadata.size());
  for (uint32_t i = 0; i < model->segments.size(); ++i) {
    const schema::SegmentT &segment = *model->segments[i];
    if (segment.size == 0)
      continue;
    file.padTo(segment.offset);
    if (i == own)
      file.write(parameters.data(), parameters.size());
    else
      copyBytes(trainer.model.container, i, segment.size, file);
  }
  file.commit();
}

} // namespace tl
