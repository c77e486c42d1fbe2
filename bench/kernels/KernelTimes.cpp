// Times each rt.kernel of a module with as many threads as the runtime would
// use, through the runtime's own pool and memory. A peer's process of the suite
// measures the same layers, so that this one speaks its protocol: a line with a
// number of seconds comes in, a line of JSON with each kernel's median and
// least time goes out.
//   bin/kernel_times layers.mlir x86_64_v4 8 2     (batch 8, two threads)
#include "bench/kernels/FmaPeak.h"
#include "compiler/Target/CodeImage.h"
#include "dialects/NN/Storage.h"
#include "mlir/Parser/Parser.h"
#include "runtime/core/Memory.h"
#include "runtime/core/ThreadPool.h"
#include "runtime/schema/KernelAbi.h"
#include "llvm/Support/JSON.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <iostream>
#include <sys/mman.h>

using namespace mlir;
using namespace tl;

namespace {

/// Seconds at the start of a turn that are not counted: each thread then has
/// found a processor.
constexpr double kWarmUp = 0.05;

using Clock = std::chrono::steady_clock;

/// Machine code of all kernels, executable.
class Code {
public:
  explicit Code(CodeImage made) : image(std::move(made)) {
    memory = mmap(nullptr, image.bytes.size(), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memcpy(memory, image.bytes.data(), image.bytes.size());
    mprotect(memory, image.bytes.size(), PROT_READ | PROT_EXEC);
  }
  schema::KernelFunction function(size_t kernel) const {
    return reinterpret_cast<schema::KernelFunction>(
        static_cast<char *>(memory) + image.kernels[kernel].offset);
  }

  CodeImage image;

private:
  void *memory;
};

/// One kernel with buffers of its own.
struct Kernel {
  std::string name;
  schema::KernelFunction function;
  int64_t batch, tiles;
  uint64_t scratchShare;
  std::vector<void *> arguments;
  Memory buffers, scratch;
};

/// Small numbers, so that sums stay in range, and none of them a denormal;
/// labels and steps are 0.
void fill(RankedTensorType type, float *data, int64_t elements) {
  bool floats = type.getElementType().isF32();
  for (int64_t i = 0; i < elements; ++i)
    data[i] = floats ? float(i % 17) * 0.01f + 0.01f : 0;
}

void prepare(Kernel &kernel, rt::KernelOp op, rt::GridAttr grid,
             uint32_t threads) {
  SmallVector<Value> values(op.getBlock()->getArguments());
  llvm::append_range(values, op.getReturned());
  auto elements = [&](Value value) {
    auto storage = nn::storageOf(cast<RankedTensorType>(value.getType()));
    return storage.elements * (storage.perPicture ? kernel.batch : 1);
  };
  auto bytes = [&](Value value) {
    return uint64_t(elements(value) * 4 + 63) / 64 * 64;
  };
  uint64_t total = 0;
  for (Value value : values)
    total += bytes(value);
  kernel.buffers.reserve(total);
  uint8_t *next = kernel.buffers.data();
  for (Value value : values) {
    fill(cast<RankedTensorType>(value.getType()),
         reinterpret_cast<float *>(next), elements(value));
    kernel.arguments.push_back(next);
    next += bytes(value);
  }
  kernel.scratchShare = (uint64_t(grid.getScratch()) + 4095) / 4096 * 4096;
  kernel.scratch.reserve(kernel.scratchShare * threads);
  kernel.tiles = grid.getFixed() + (kernel.batch + grid.getPictures() - 1) /
                                       grid.getPictures() * grid.getTiles();
}

double run(ThreadPool &pool, Kernel &kernel) {
  auto start = Clock::now();
  pool.run(
      uint32_t(kernel.tiles),
      [](void *context, int64_t tile, uint32_t thread) {
        auto &k = *static_cast<Kernel *>(context);
        k.function(k.arguments.data(), k.batch, tile,
                   k.scratch.data() + thread * k.scratchShare);
      },
      &kernel);
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// One round that is not counted, then at least five, for so many seconds.
llvm::json::Object measure(ThreadPool &pool, Kernel &kernel, double seconds) {
  run(pool, kernel);
  std::vector<double> taken;
  for (double sum = 0; taken.size() < 5 || sum < seconds; sum += taken.back())
    taken.push_back(run(pool, kernel));
  std::sort(taken.begin(), taken.end());
  return llvm::json::Object{{"median", taken[taken.size() / 2]},
                            {"least", taken.front()}};
}

int serve(ModuleOp module, const cpu::Isa &isa, int64_t batch,
          uint32_t threads) {
  auto image = compileKernels(module, isa);
  if (failed(image))
    return 1;
  Code code{std::move(*image)};
  std::deque<Kernel> kernels; // they stay where they are
  for (auto [i, op] : llvm::enumerate(module.getOps<rt::KernelOp>())) {
    Kernel &kernel = kernels.emplace_back();
    kernel.name = op.getSymName().str();
    kernel.function = code.function(i);
    kernel.batch = batch;
    prepare(kernel, op, code.image.kernels[i].grid, threads);
  }
  ThreadPool pool(threads);
  double peak = measurePeak(isa);
  llvm::outs() << llvm::json::Value(llvm::json::Object{
                      {"versions", llvm::json::Object{}}, {"peak", peak}})
               << "\n";
  llvm::outs().flush();
  for (std::string line; std::getline(std::cin, line);) {
    double seconds = std::stod(line) / double(kernels.size());
    measure(pool, kernels.front(), kWarmUp);
    llvm::json::Object answer;
    for (Kernel &kernel : kernels)
      answer[kernel.name] = measure(pool, kernel, seconds);
    llvm::outs() << llvm::json::Value(
                        llvm::json::Object{{"layers", std::move(answer)}})
                 << "\n";
    llvm::outs().flush();
  }
  return 0;
}
} // namespace

int main(int argc, char **argv) {
  const cpu::Isa *isa = argc == 5 ? cpu::findIsa(argv[2]) : nullptr;
  if (!isa || !cpu::hostRuns(*isa)) {
    llvm::errs() << "usage: kernel_times FILE.mlir ISA BATCH THREADS, with an "
                    "ISA that this machine runs, x86_64_v3 for one\n";
    return 1;
  }
  DialectRegistry registry;
  registry.insert<nn::NNDialect, rt::RTDialect>();
  cpu::registerCpuDialects(registry);
  MLIRContext context(registry);
  auto module = parseSourceFile<ModuleOp>(argv[1], ParserConfig(&context));
  if (!module)
    return 1;
  return serve(*module, *isa, std::atoll(argv[3]),
               uint32_t(std::atoi(argv[4])));
}
