// tl_trainer_save_state, tl_trainer_load_state.
#include "runtime/core/State.h"

#include "runtime/core/Atomic.h"
#include "runtime/core/Failure.h"
#include "runtime/core/Trainer.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sys/stat.h>

using namespace tl;

namespace {

struct Part {
  const void *data;
  uint64_t bytes;
};

uint64_t headerSum(const StateHeader &header) {
  return XXH64(&header, offsetof(StateHeader, headerChecksum), 0);
}

uint64_t bodySum(const std::vector<Part> &parts) {
  XXH64_state_t state;
  XXH64_reset(&state, 0);
  for (const Part &part : parts)
    if (part.bytes)
      XXH64_update(&state, part.data, part.bytes);
  return XXH64_digest(&state);
}

void saveState(const tl_trainer &trainer, const char *path,
               const tl_snapshot *kept, Part progress) {
  if (kept && kept->owner != &trainer)
    fail(TL_STATUS_INVALID_ARGUMENT, "a snapshot of another trainer");
  std::vector<Part> parts = {
      {trainer.parameters.block(), trainer.parameters.blockBytes()}};
  if (kept)
    parts.push_back({kept->block.data(), kept->block.size()});
  parts.push_back({trainer.history.data(),
                   trainer.history.size() * sizeof(tl_epoch_record)});
  parts.push_back(progress);

  StateHeader header{};
  memcpy(header.magic, kStateMagic, sizeof header.magic);
  header.version = kStateVersion;
  header.headerBytes = sizeof header;
  header.fileBytes = sizeof header;
  for (const Part &part : parts)
    header.fileBytes += part.bytes;
  header.model = trainer.model.container.identity();
  header.seed = trainer.seed;
  header.isa = trainer.model.tables.info.isa;
  header.averaged = trainer.averaged;
  header.phase = trainer.phase;
  header.step = trainer.stepNumber;
  if (kept) {
    header.kept = 1;
    header.keptPhase = kept->phase;
    header.keptStep = kept->step;
    header.keptAveraged = kept->averaged;
  }
  header.blockBytes = trainer.parameters.blockBytes();
  header.historyCount = trainer.history.size();
  header.progressBytes = progress.bytes;
  header.bodyChecksum = bodySum(parts);
  header.headerChecksum = headerSum(header);

  AtomicFile file(path);
  file.write(&header, sizeof header);
  for (const Part &part : parts)
    file.write(part.data, part.bytes);
  file.commit();
}

// A file being read, whose size is known.
class Reader {
public:
  explicit Reader(const char *path) : path(path) {
    struct stat known;
    if (stat(path, &known) != 0)
      fail(errno == ENOENT ? TL_STATUS_NOT_FOUND : TL_STATUS_IO,
           "no state to go on from: \"%s\": %s", path, strerror(errno));
    if (!S_ISREG(known.st_mode))
      fail(TL_STATUS_BAD_FILE, "\"%s\" is no regular file", path);
    size = uint64_t(known.st_size);
    stream.open(path, std::ios::binary);
  }
  void read(void *to, uint64_t bytes) {
    if (!stream.read(static_cast<char *>(to), std::streamsize(bytes)))
      fail(TL_STATUS_IO, "cannot read \"%s\"", path);
  }
  [[noreturn]] void damaged(const char *what) const {
    fail(TL_STATUS_BAD_FILE, "\"%s\" is no undamaged state of a run: %s", path,
         what);
  }

  const char *path;
  uint64_t size = 0;

private:
  std::ifstream stream;
};

// What the file holds, before any of it is taken over.
struct Loaded {
  StateHeader header{};
  std::vector<uint8_t> block, kept, progress;
  std::vector<tl_epoch_record> history;
};

void checkHeader(const Reader &file, const StateHeader &h) {
  if (memcmp(h.magic, kStateMagic, sizeof h.magic) != 0)
    file.damaged("it does not start with \"TLSTATE\"");
  if (h.version != kStateVersion)
    fail(TL_STATUS_UNSUPPORTED,
         "\"%s\": state version %u, this runtime reads version %u", file.path,
         h.version, kStateVersion);
  if (h.headerChecksum != headerSum(h) || h.headerBytes != sizeof h)
    file.damaged("the header's checksum does not match");
  if (h.fileBytes != file.size)
    file.damaged("its size is not what it says");
}

// Whether the state belongs to this model, seed and code.
void checkOwner(const Reader &file, const StateHeader &h,
                const tl_trainer &trainer) {
  auto other = [&](const char *what, unsigned long long its,
                   unsigned long long ours) {
    fail(TL_STATUS_INVALID_ARGUMENT,
         "cannot go on from \"%s\": it was made with %s %llu, this run has "
         "%llu",
         file.path, what, its, ours);
  };
  if (h.model != trainer.model.container.identity())
    fail(TL_STATUS_INVALID_ARGUMENT,
         "cannot go on from \"%s\": it was made with another model file",
         file.path);
  if (h.seed != trainer.seed)
    other("seed", h.seed, trainer.seed);
  if (h.isa != trainer.model.tables.info.isa)
    other("the code of isa", h.isa, trainer.model.tables.info.isa);
}

void checkNumbers(const Reader &file, const StateHeader &h,
                  const tl_trainer &trainer, uint64_t progressBytes) {
  int64_t phases = int64_t(trainer.model.tables.phases.size());
  auto isPhase = [&](int64_t phase) { return phase >= -1 && phase < phases; };
  uint64_t rest = file.size - sizeof h;
  if (h.kept > 1 || h.averaged > 1 || h.keptAveraged > 1 || !isPhase(h.phase) ||
      !isPhase(h.keptPhase) ||
      h.blockBytes != trainer.parameters.blockBytes() ||
      h.progressBytes != progressBytes ||
      h.historyCount > rest / sizeof(tl_epoch_record) ||
      rest != h.blockBytes * (1 + h.kept) +
                  h.historyCount * sizeof(tl_epoch_record) + h.progressBytes)
    file.damaged("its sizes are not those of this model's training");
}

Loaded readState(const tl_trainer &trainer, const char *path,
                 uint64_t progressBytes) {
  Reader file(path);
  Loaded loaded;
  StateHeader &h = loaded.header;
  if (file.size < sizeof h)
    file.damaged("it is shorter than a header");
  file.read(&h, sizeof h);
  checkHeader(file, h);
  checkOwner(file, h, trainer);
  checkNumbers(file, h, trainer, progressBytes);
  loaded.block.resize(h.blockBytes);
  loaded.kept.resize(h.kept ? h.blockBytes : 0);
  loaded.history.resize(h.historyCount);
  loaded.progress.resize(h.progressBytes);
  uint64_t historyBytes = h.historyCount * sizeof(tl_epoch_record);
  file.read(loaded.block.data(), loaded.block.size());
  file.read(loaded.kept.data(), loaded.kept.size());
  file.read(loaded.history.data(), historyBytes);
  file.read(loaded.progress.data(), loaded.progress.size());
  if (h.bodyChecksum != bodySum({{loaded.block.data(), loaded.block.size()},
                                 {loaded.kept.data(), loaded.kept.size()},
                                 {loaded.history.data(), historyBytes},
                                 {loaded.progress.data(), h.progressBytes}}))
    file.damaged("its checksum does not match");
  for (const tl_epoch_record &line : loaded.history)
    if (line.phase >= trainer.model.tables.phases.size())
      file.damaged("its history has a phase that the model has not");
  return loaded;
}

void loadState(tl_trainer &trainer, const char *path, tl_snapshot **kept,
               void *progress, size_t bytes) {
  if (kept && *kept && (*kept)->owner != &trainer)
    fail(TL_STATUS_INVALID_ARGUMENT, "a snapshot of another trainer");
  Loaded loaded = readState(trainer, path, bytes);
  const StateHeader &h = loaded.header;
  if (bytes)
    memcpy(progress, loaded.progress.data(), bytes);
  if (!kept)
    return;
  if (h.kept && !*kept)
    *kept = new tl_snapshot;
  // From here on nothing fails.
  if (h.kept) {
    (*kept)->block.swap(loaded.kept);
    (*kept)->phase = h.keptPhase;
    (*kept)->step = h.keptStep;
    (*kept)->averaged = h.keptAveraged;
    (*kept)->owner = &trainer;
  } else {
    delete *kept;
    *kept = nullptr;
  }
  memcpy(trainer.parameters.block(), loaded.block.data(), loaded.block.size());
  trainer.phase = h.phase;
  trainer.stepNumber = h.step;
  trainer.averaged = h.averaged;
  trainer.history.swap(loaded.history);
}

} // namespace

extern "C" {

tl_status tl_trainer_save_state(tl_trainer *trainer, const char *path,
                                const tl_snapshot *kept, const void *progress,
                                size_t bytes, tl_error *error) {
  return guarded(error, [&] {
    requireArgument(path, "path");
    if (bytes)
      requireArgument(progress, "progress");
    saveState(*trainer, path, kept, {progress, bytes});
  });
}

tl_status tl_trainer_load_state(tl_trainer *trainer, const char *path,
                                tl_snapshot **kept, void *progress,
                                size_t bytes, tl_error *error) {
  return guarded(error, [&] {
    requireArgument(path, "path");
    if (bytes)
      requireArgument(progress, "progress");
    loadState(*trainer, path, kept, progress, bytes);
  });
}

} // extern "C"
