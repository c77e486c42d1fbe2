// The stand-in for the runtime; see the header.
#include "test/unit/kernels/Harness.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "runtime/schema/KernelAbi.h"
#include "runtime/schema/WeightForm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <sys/mman.h>

using namespace mlir;

namespace tl::test {

// ---------------------------------------------------------------- programs

static DialectRegistry makeRegistry() {
  DialectRegistry registry;
  registry.insert<nn::NNDialect, rt::RTDialect>();
  cpu::registerCpuDialects(registry);
  return registry;
}

Program::Program(const std::string &text, bool threads)
    : context_(makeRegistry(), threads ? MLIRContext::Threading::ENABLED
                                       : MLIRContext::Threading::DISABLED) {
  context_.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
    diagnostics_ += diagnostic.str() + "\n";
  });
  module_ = parseSourceString<ModuleOp>(text, ParserConfig(&context_));
  EXPECT_TRUE(module_) << diagnostics_ << text;
}

std::string Program::kernel(const std::string &arguments,
                            const std::string &body,
                            const std::string &attributes) {
  return "rt.kernel @k " +
         (attributes.empty() ? "" : "attributes {" + attributes + "} ") +
         "{\n^bb0(" + arguments + "):\n" + body + "\n}\n";
}

rt::KernelOp Program::kernel() {
  return *module_->getOps<rt::KernelOp>().begin();
}

llvm::FailureOr<const CodeImage *> Program::code(const cpu::Isa &isa) {
  auto known = images_.find(&isa);
  if (known == images_.end()) {
    auto image = compileKernels(module(), isa);
    if (failed(image))
      return failure();
    known = images_.emplace(&isa, std::move(*image)).first;
  }
  return &known->second;
}

std::vector<const cpu::Isa *> runnableIsas() {
  std::vector<const cpu::Isa *> isas;
  for (const cpu::Isa &isa : cpu::allIsas())
    if (cpu::hostRuns(isa))
      isas.push_back(&isa);
  return isas;
}

// ---------------------------------------------------------------- code

LoadedCode::LoadedCode(const CodeImage &image)
    : image_(image), size_(image.bytes.size()) {
  memory_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  std::memcpy(memory_, image.bytes.data(), size_);
  mprotect(memory_, size_, PROT_READ | PROT_EXEC);
}
LoadedCode::~LoadedCode() { munmap(memory_, size_); }

void *LoadedCode::entry(size_t kernel) const {
  return static_cast<char *>(memory_) + image_.kernels[kernel].offset;
}

// ---------------------------------------------------------------- storage

int64_t logicalElements(RankedTensorType type, int64_t batch) {
  int64_t count = 1;
  for (int64_t d : type.getShape())
    count *= ShapedType::isDynamic(d) ? batch : d;
  return count;
}

static int64_t storedElements(RankedTensorType type, int64_t batch) {
  nn::Storage storage = nn::storageOf(type);
  return storage.elements * (storage.perPicture ? batch : 1);
}

/// Calls move(stored index, logical index) for every logical element.
template <typename Move>
static void forEachElement(RankedTensorType type, int64_t batch, Move move) {
  int64_t count = logicalElements(type, batch);
  ArrayRef<int64_t> shape = type.getShape();
  if (nn::WeightForm form = nn::formOf(type);
      form != nn::WeightForm::Canonical) {
    schema::FormShape s = schema::formShape({shape.begin(), shape.end()});
    for (int64_t i = 0; i < count; ++i)
      move(schema::formIndex(schema::Form(form), s, i / s.outputs,
                             i % s.outputs),
           i);
    return;
  }
  nn::HaloSizes halo = nn::haloOf(type);
  if (!halo.any()) {
    for (int64_t i = 0; i < count; ++i)
      move(i, i);
    return;
  }
  int64_t h = shape[1], w = shape[2], c = shape[3];
  int64_t row = (halo.left + w + halo.right) * c;
  for (int64_t i = 0; i < count; ++i) {
    int64_t n = i / (h * w * c), y = i / (w * c) % h, x = i / c % w;
    move((n * (halo.top + h + halo.bottom) + halo.top + y) * row +
             (halo.left + x) * c + i % c,
         i);
  }
}

Array store(RankedTensorType type, int64_t batch, const Array &logical) {
  Array stored(storedElements(type, batch), 0.0f);
  forEachElement(type, batch,
                 [&](int64_t s, int64_t l) { stored[s] = logical[l]; });
  return stored;
}

Array unstore(RankedTensorType type, int64_t batch, const Array &stored) {
  Array logical(logicalElements(type, batch));
  forEachElement(type, batch,
                 [&](int64_t s, int64_t l) { logical[l] = stored[s]; });
  return logical;
}

Array pictureOf(const Array &values, size_t picture, size_t batch) {
  size_t elements = values.size() / batch;
  return Array(values.begin() + picture * elements,
               values.begin() + (picture + 1) * elements);
}

Array randomArray(int64_t elements, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  Array values(elements);
  for (float &value : values)
    value = uniform(random);
  return values;
}

// ---------------------------------------------------------------- running

namespace {
constexpr uint32_t kPoison = 0x7fc0dead; // a NaN of its own

/// Memory between two zones that nobody may touch.
struct Guarded {
  static constexpr int64_t kZone = 1024; // elements
  explicit Guarded(int64_t elements)
      : elements(elements), memory(elements + 2 * kZone + 16) {
    auto address = reinterpret_cast<uintptr_t>(memory.data() + kZone);
    data = memory.data() + kZone + (64 - address % 64) % 64 / 4;
    for (uint32_t &word : memory)
      word = kPoison;
  }
  float *floats() { return reinterpret_cast<float *>(data); }
  bool intact() const {
    auto bad = [](uint32_t word) { return word != kPoison; };
    const uint32_t *first = memory.data(), *last = first + memory.size();
    return std::none_of(first, static_cast<const uint32_t *>(data), bad) &&
           std::none_of(static_cast<const uint32_t *>(data + elements), last,
                        bad);
  }

  int64_t elements;
  std::vector<uint32_t> memory;
  uint32_t *data;
};

/// Argument values into memory; integers become i32.
void fill(Guarded &memory, RankedTensorType type, const Array &stored) {
  for (size_t i = 0; i < stored.size(); ++i)
    if (type.getElementType().isInteger(32))
      memory.data[i] = uint32_t(int32_t(stored[i]));
    else
      memory.floats()[i] = stored[i];
}

int64_t tileCount(rt::GridAttr grid, int64_t n) {
  return grid.getFixed() +
         (n + grid.getPictures() - 1) / grid.getPictures() * grid.getTiles();
}

/// Reads a result and checks the bytes around its logical values.
Array readResult(Guarded &memory, RankedTensorType type, int64_t batch) {
  Array stored(memory.floats(), memory.floats() + memory.elements);
  Array logical = unstore(type, batch, stored);
  Array expected = store(type, batch, logical);
  EXPECT_EQ(0, std::memcmp(stored.data(), expected.data(), stored.size() * 4))
      << "halo or padding is not zero";
  return logical;
}
} // namespace

std::vector<Array> run(Program &program, const cpu::Isa &isa, int64_t batch,
                       const std::vector<Array> &arguments, unsigned seed) {
  auto compiled = program.code(isa);
  EXPECT_TRUE(succeeded(compiled)) << program.diagnostics();
  if (failed(compiled))
    return {};
  const CodeImage &image = **compiled;
  rt::KernelOp kernel = program.kernel();
  std::vector<Guarded> memory;
  std::vector<RankedTensorType> types;
  for (auto [argument, value] :
       llvm::zip_equal(kernel.getBlock()->getArguments(), arguments)) {
    types.push_back(cast<RankedTensorType>(argument.getType()));
    EXPECT_EQ(int64_t(value.size()), logicalElements(types.back(), batch));
    memory.emplace_back(storedElements(types.back(), batch));
    fill(memory.back(), types.back(), store(types.back(), batch, value));
  }
  std::vector<size_t> results;
  for (auto [i, value] : llvm::enumerate(kernel.getReturned())) {
    if (int64_t inPlace = kernel.getInPlaceArgument(i); inPlace >= 0) {
      results.push_back(inPlace);
      continue;
    }
    results.push_back(memory.size());
    types.push_back(cast<RankedTensorType>(value.getType()));
    memory.emplace_back(storedElements(types.back(), batch));
  }

  std::vector<void *> pointers;
  for (Guarded &buffer : memory)
    pointers.push_back(buffer.data);
  rt::GridAttr grid = image.kernels[0].grid;
  std::vector<int64_t> tiles(tileCount(grid, batch));
  std::iota(tiles.begin(), tiles.end(), 0);
  std::shuffle(tiles.begin(), tiles.end(), std::mt19937(seed));
  LoadedCode code(image);
  auto function = reinterpret_cast<schema::KernelFunction>(code.entry(0));
  Guarded scratch(grid.getScratch() / 4);
  for (int64_t tile : tiles)
    function(pointers.data(), batch, tile, scratch.data);

  EXPECT_TRUE(scratch.intact()) << "wrote outside the scratch memory";
  for (auto [i, buffer] : llvm::enumerate(memory))
    EXPECT_TRUE(buffer.intact()) << "wrote outside buffer " << i;
  std::vector<Array> values;
  for (size_t index : results)
    values.push_back(readResult(memory[index], types[index], batch));
  return values;
}

} // namespace tl::test
