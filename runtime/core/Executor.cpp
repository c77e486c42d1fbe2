// Binding and running.
#include "runtime/core/Executor.h"

#include "runtime/core/Cpu.h"
#include "runtime/core/Failure.h"
#include "runtime/core/Parameters.h"
#include "runtime/core/Program.h"

#include <algorithm>
#include <cstring>

namespace tl {

// A call that touches less than this runs in a few microseconds, about what it
// costs to wake a thread: the caller does it alone.
static constexpr uint64_t kSmallCallBytes = 64 << 10;

static constexpr uint64_t kMostArena = uint64_t(16) << 20;
static constexpr uint32_t kMostPictures = 32;

static uint32_t countThreads(uint32_t threads) {
  return std::min(threads ? threads : availableThreads(), 1024u);
}

uint32_t chooseBatch(const schema::Model &model, uint32_t threads) {
  uint64_t picture = 1;
  for (const schema::Entry *entry : *model.entries())
    if (entry->kind() != schema::EntryKind::train_step &&
        entry->kind() != schema::EntryKind::evaluate)
      picture = std::max(picture, entry->arena_per_picture());
  uint32_t least = std::min(2 * countThreads(threads), kMostPictures);
  return uint32_t(
      std::clamp<uint64_t>(kMostArena / picture, least, kMostPictures));
}

Machine::Machine(const tl_model &model, uint32_t threads)
    : pool(countThreads(threads)) {
  for (const schema::KernelCode *place : *model.code->kernels())
    scratchShare = std::max(scratchShare, place->scratch());
  scratchShare = (scratchShare + 4095) / 4096 * 4096;
  if (scratchShare)
    scratch.reserve(scratchShare * pool.size());
}

Program::Program(const tl_model &model, uint32_t entryIndex)
    : entry(*model.root.entries()->Get(entryIndex)), model(model) {
  size_t count = 0;
  for (uint32_t c = 0; entry.calls() && c < entry.calls()->size(); ++c)
    count += entry.calls()->Get(c)->args()->size();
  args.resize(count);
  calls.resize(entry.calls() ? entry.calls()->size() : 0);
}

void *Program::address(const schema::ArgRef &ref, void *const *tensors,
                       void *step) const {
  switch (ref.kind()) {
  case schema::ArgKind::tensor:
    return tensors[ref.index()];
  case schema::ArgKind::step:
    return step;
  case schema::ArgKind::derived:
    return derived[ref.index()]->data();
  case schema::ArgKind::buffer:
    break;
  }
  const schema::Buffer &buffer = *entry.buffers()->Get(ref.index());
  if (buffer.per_picture())
    return boundArena + entry.arena_fixed() + boundBatch * buffer.offset();
  return boundArena + buffer.offset();
}

void Program::holdDerived(Machine &machine) {
  if (!model.root.derived() || !derived.empty())
    return;
  std::vector<std::shared_ptr<const Memory>> held(model.root.derived()->size());
  forEachDerived(entry, [&](uint32_t index) {
    held[index] = model.derived(index, machine);
  });
  derived = std::move(held);
}

void Program::bind(Machine &machine, uint32_t n, void *const *tensors,
                   void *step) {
  uint64_t each = std::max<uint64_t>(entry.arena_per_picture(), 1);
  uint64_t shared = entry.arena_fixed() + derivedBytes(model.root, entry);
  if (n > (model.memoryLimit - shared) / each)
    fail(TL_STATUS_OUT_OF_MEMORY,
         "a batch of %u pictures in \"%s\" needs more than the limit of %llu "
         "bytes: make the batch smaller",
         n, entry.name()->c_str(),
         static_cast<unsigned long long>(model.memoryLimit));
  machine.arena.reserve(std::max<uint64_t>(arenaBytes(entry, n), 64));
  if (boundBatch == n && boundArena == machine.arena.data())
    return;
  holdDerived(machine);
  boundBatch = n;
  boundArena = machine.arena.data();
  void **next = args.data();
  for (uint32_t c = 0; c < calls.size(); ++c) {
    const schema::Call &call = *entry.calls()->Get(c);
    const schema::KernelCode &place =
        *model.code->kernels()->Get(call.kernel());
    const auto &demands = *model.root.kernels()->Get(call.kernel())->args();
    uint64_t groups =
        (n + place.pictures_per_group() - 1) / place.pictures_per_group();
    uint64_t tiles = place.fixed_tiles() + groups * place.tiles_per_group();
    if (tiles >= uint64_t(1) << 32)
      fail(TL_STATUS_UNSUPPORTED, "a batch of %u pictures has too many tiles",
           n);
    uint64_t bytes = 0;
    calls[c] = {model.kernel(call.kernel()), next, n, uint32_t(tiles), false};
    for (uint32_t a = 0; a < call.args()->size(); ++a) {
      *next++ = address(*call.args()->Get(a), tensors, step);
      bytes +=
          demands.Get(a)->bytes() * (demands.Get(a)->per_picture() ? n : 1);
    }
    calls[c].small = bytes < kSmallCallBytes;
  }
}

namespace {
struct TileContext {
  schema::KernelFunction function;
  void *const *args;
  int64_t n;
  uint8_t *scratch;
  uint64_t scratchShare;
};

void runTile(void *context, int64_t tile, uint32_t thread) {
  auto &c = *static_cast<TileContext *>(context);
  c.function(c.args, c.n, tile, c.scratch + thread * c.scratchShare);
}
} // namespace

void Machine::run(const BoundCall &call) {
  TileContext context{call.function, call.args, call.n, scratch.data(),
                      scratchShare};
  if (call.small || call.tiles == 1)
    for (uint32_t tile = 0; tile < call.tiles; ++tile)
      runTile(&context, tile, 0);
  else
    pool.run(call.tiles, runTile, &context);
}

void Program::run(Machine &machine, int64_t begin, int64_t end) const {
  for (int64_t c = begin; c < end; ++c)
    machine.run(calls[size_t(c)]);
}

uint8_t *Program::portBase(const schema::Port &port) const {
  return boundArena + entry.arena_fixed() +
         boundBatch * entry.buffers()->Get(port.buffer())->offset();
}

namespace {
// A picture of a port seen as rows: `lines` runs of `run` bytes each.
struct PortLayout {
  uint64_t lines = 1, run, picture, first = 0, pitch;

  explicit PortLayout(const schema::Port &port) {
    run = picture = pitch = portCount(port) * sizeof(float);
    if (!port.halo() || port.halo()->size() != 4)
      return;
    uint64_t height = uint64_t(port.shape()->Get(0));
    uint64_t width = uint64_t(port.shape()->Get(1));
    uint64_t pixel = uint64_t(port.shape()->Get(2)) * sizeof(float);
    auto halo = [&](uint32_t i) { return uint64_t(port.halo()->Get(i)); };
    lines = height;
    run = width * pixel;
    pitch = (halo(2) + width + halo(3)) * pixel;
    picture = (halo(0) + height + halo(1)) * pitch;
    first = halo(0) * pitch + halo(2) * pixel;
  }
};
} // namespace

void Program::write(const schema::Port &port, const void *rows,
                    uint64_t stride) const {
  PortLayout layout(port);
  for (uint32_t i = 0; i < boundBatch; ++i) {
    uint8_t *to = portBase(port) + i * layout.picture;
    auto *from = static_cast<const uint8_t *>(rows) + i * stride * 4;
    if (layout.run != layout.picture)
      memset(to, 0, layout.picture);
    for (uint64_t line = 0; line < layout.lines; ++line)
      memcpy(to + layout.first + line * layout.pitch, from + line * layout.run,
             layout.run);
  }
}

void Program::read(const schema::Port &port, void *rows,
                   uint64_t stride) const {
  PortLayout layout(port);
  for (uint32_t i = 0; i < boundBatch; ++i) {
    const uint8_t *from = portBase(port) + i * layout.picture;
    auto *to = static_cast<uint8_t *>(rows) + i * stride * 4;
    for (uint64_t line = 0; line < layout.lines; ++line)
      memcpy(to + line * layout.run, from + layout.first + line * layout.pitch,
             layout.run);
  }
}

std::string Program::findNotFinite(Machine &machine, int64_t end,
                                   void *const *tensors) const {
  for (int64_t c = 0; c < end; ++c) {
    const schema::Call &call = *entry.calls()->Get(uint32_t(c));
    const schema::Kernel &kernel = *model.root.kernels()->Get(call.kernel());
    std::string layer = call.layer() && call.layer()->size()
                            ? call.layer()->str()
                            : kernel.name()->str();
    for (const schema::ArgRef *ref : *call.args()) {
      bool derived = ref->kind() == schema::ArgKind::derived;
      if (ref->kind() != schema::ArgKind::tensor && !derived)
        continue;
      uint32_t index = derived
                           ? model.root.derived()->Get(ref->index())->source()
                           : ref->index();
      const schema::Tensor &tensor = *model.root.tensors()->Get(index);
      auto *values = derived ? model.value(index)
                             : static_cast<const float *>(tensors[index]);
      if (!allFinite(values, tensor.bytes() / sizeof(float)))
        return "the parameter \"" + tensor.name()->str() + "\" of layer \"" +
               layer + "\"";
    }
    run(machine, c, c + 1);
    for (uint32_t a = 0; a < call.args()->size(); ++a) {
      const schema::KernelArg &demand = *kernel.args()->Get(a);
      uint64_t bytes = demand.bytes() * (demand.per_picture() ? boundBatch : 1);
      if (demand.written() &&
          !allFinite(static_cast<const float *>(calls[size_t(c)].args[a]),
                     bytes / sizeof(float)))
        return "the output of layer \"" + layer + "\"";
    }
  }
  return "";
}

} // namespace tl
