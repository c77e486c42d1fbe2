// Lays the file out and writes it front to back, once: header and metadata at
// the front need the checksums of what follows, so their place is kept free
// and filled at the end.
#include "compiler/Target/Container.h"

#include "compiler/Target/Metadata.h"
#include "compiler/Transforms/ParameterValues.h"
#include "dialects/NN/Storage.h"
#include "runtime/schema/Header.h"
#include "runtime/schema/WeightForm.h"
#include "llvm/Support/FileSystem.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace mlir;

namespace tl {
namespace {

/// Writes bytes at the end of a file and knows their checksum.
class SegmentWriter {
public:
  SegmentWriter(llvm::raw_fd_ostream &os, schema::SegmentT &segment)
      : os(os), segment(segment), state(XXH64_createState()) {
    XXH64_reset(state, 0);
    os.write_zeros(llvm::alignTo(os.tell(), schema::kSegmentAlignment) -
                   os.tell());
    segment.offset = os.tell();
  }

  void write(const void *data, size_t bytes) {
    XXH64_update(state, data, bytes);
    os.write(static_cast<const char *>(data), bytes);
  }

  /// Fills up to `offset` of the segment.
  void padTo(uint64_t offset) {
    static constexpr char zeros[64] = {};
    for (uint64_t here = os.tell() - segment.offset; here < offset;
         here = os.tell() - segment.offset)
      write(zeros, std::min<uint64_t>(sizeof zeros, offset - here));
  }

  void finish() {
    padTo(segment.size);
    segment.checksum = XXH64_digest(state);
    XXH64_freeState(state);
  }

private:
  llvm::raw_fd_ostream &os;
  schema::SegmentT &segment;
  XXH64_state_t *state;
};

/// Writes a tensor's values in its stored form. Sixteen outputs at a time lie
/// together in every form, so that packing needs no second copy of a tensor of
/// half a gigabyte.
void writeValues(rt::TensorOp tensor, SegmentWriter &writer) {
  std::vector<float> room;
  ArrayRef<float> values = valuesOf(tensor.getValueAttr(), room);
  RankedTensorType type = tensor.getTensorType();
  auto form = schema::Form(nn::formOf(type));
  if (form == schema::Form::Canonical)
    return writer.write(values.data(), values.size() * sizeof(float));
  schema::FormShape matrix =
      schema::formShape({type.getShape().begin(), type.getShape().end()});
  std::vector<float> packed;
  for (int64_t first = 0; first < matrix.outputs;
       first += schema::kPanelWidth) {
    int64_t width = std::min(schema::kPanelWidth, matrix.outputs - first);
    int64_t begin = schema::formIndex(form, matrix, 0, first);
    packed.assign(matrix.leading * (form == schema::Form::Panels
                                        ? schema::kPanelWidth
                                        : width),
                  0);
    for (int64_t row = 0; row < matrix.leading; ++row)
      for (int64_t column = first; column < first + width; ++column)
        packed[schema::formIndex(form, matrix, row, column) - begin] =
            values[row * matrix.outputs + column];
    writer.write(packed.data(), packed.size() * sizeof(float));
  }
}

void writeTensors(ModuleOp module, const schema::ModelT &model,
                  uint32_t segment, SegmentWriter &writer) {
  size_t index = 0;
  for (auto op : module.getOps<rt::TensorOp>()) {
    const schema::TensorT &tensor = *model.tensors[index++];
    if (tensor.segment != segment)
      continue;
    writer.padTo(tensor.offset);
    writeValues(op, writer);
  }
}

flatbuffers::DetachedBuffer finishMetadata(const schema::ModelT &model) {
  flatbuffers::FlatBufferBuilder builder(1 << 16);
  builder.Finish(schema::Model::Pack(builder, &model),
                 schema::ModelIdentifier());
  return builder.Release();
}

schema::FileHeader makeHeader(ArrayRef<uint8_t> metadata, uint64_t fileBytes) {
  schema::FileHeader header{};
  std::memcpy(header.magic, schema::kMagic, sizeof header.magic);
  header.version = schema::kFormatVersion;
  header.headerBytes = sizeof header;
  header.metadataOffset = sizeof header;
  header.metadataBytes = metadata.size();
  header.metadataChecksum = XXH64(metadata.data(), metadata.size(), 0);
  header.fileBytes = fileBytes;
  header.headerChecksum =
      XXH64(&header, offsetof(schema::FileHeader, headerChecksum), 0);
  return header;
}

/// Writes the whole file to `os`, whose position is 0.
LogicalResult writeFile(ModuleOp module, ArrayRef<CodeImage> images,
                        schema::ModelT &model, llvm::raw_fd_ostream &os) {
  // Scalars at their defaults take no space, so that the size is only known
  // with real values in place: lay out with impossible ones first.
  for (auto &segment : model.segments)
    segment->offset = segment->checksum = ~uint64_t(0);
  size_t room = finishMetadata(model).size();
  if (room > schema::kMaxMetadataBytes)
    return module.emitError() << "the program's metadata is " << room
                              << " bytes, more than the container allows";
  os.write_zeros(sizeof(schema::FileHeader) + room);
  for (auto [i, segment] : llvm::enumerate(model.segments)) {
    SegmentWriter writer(os, *segment);
    if (i < kFirstCodeSegment)
      writeTensors(module, model, i, writer);
    else
      writer.write(images[i - kFirstCodeSegment].bytes.data(),
                   images[i - kFirstCodeSegment].bytes.size());
    writer.finish();
  }
  flatbuffers::DetachedBuffer metadata = finishMetadata(model);
  schema::FileHeader header =
      makeHeader({metadata.data(), metadata.size()}, os.tell());
  os.pwrite(reinterpret_cast<const char *>(&header), sizeof header, 0);
  os.pwrite(reinterpret_cast<const char *>(metadata.data()), metadata.size(),
            sizeof header);
  return success();
}
} // namespace

LogicalResult writeContainer(ModuleOp module, ArrayRef<CodeImage> images,
                             StringRef path) {
  auto model = buildMetadata(module, images);
  if (failed(model))
    return failure();
  auto file = llvm::sys::fs::TempFile::create(path + ".%%%%%%.tmp",
                                              llvm::sys::fs::all_read |
                                                  llvm::sys::fs::owner_write);
  auto report = [&](llvm::Error error) {
    return emitError(UnknownLoc::get(module.getContext()))
           << "cannot write '" << path
           << "': " << llvm::toString(std::move(error));
  };
  if (!file)
    return report(file.takeError());
  LogicalResult written = success();
  std::error_code failed;
  {
    llvm::raw_fd_ostream os(file->FD, /*shouldClose=*/false);
    written = writeFile(module, images, **model, os);
    os.flush();
    failed = os.error();
    os.clear_error();
  }
  if (failed || mlir::failed(written)) {
    llvm::consumeError(file->discard());
    return failed ? report(llvm::errorCodeToError(failed)) : written;
  }
  if (llvm::Error error = file->keep(path))
    return report(std::move(error));
  return success();
}

} // namespace tl
