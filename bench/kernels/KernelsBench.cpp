// Each kernel on one thread: billions of operations a second and the share of
// the FMA peak measured just before. The machine may be shared, so that the
// time counted is, for each tile, the least of 15 rounds. Shapes of VGG16 at
// 150x150, MobileNet 0.25, SqueezeNet and the heads. Other work on the machine
// lowers both.
//   bin/kernels_bench --benchmark_filter=v4.*vgg
#include "bench/kernels/FmaPeak.h"
#include "compiler/Target/CodeImage.h"
#include "dialects/NN/Storage.h"
#include "mlir/Parser/Parser.h"
#include "runtime/schema/KernelAbi.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <numeric>
#include <sys/mman.h>

using namespace mlir;
using namespace tl;

namespace {
struct Case {
  std::string name, text; ///< one rt.kernel
  int64_t batch;
  double operations; ///< of the whole batch, an FMA counts 2
};

Case conv(const char *name, int64_t batch, int64_t h, int64_t w, int64_t ic,
          int64_t oc, int64_t k = 3, int64_t stride = 1,
          bool depthwise = false) {
  int64_t before = stride == 1 ? k / 2 : 0, after = k / 2;
  std::string halo =
      k > 1 ? fmt::format(", #nn.halo<{0}, {1}, {0}, {1}>", before, after) : "";
  int64_t oh = (h + before + after - k) / stride + 1;
  int64_t ow = (w + before + after - k) / stride + 1;
  std::string x = fmt::format("tensor<?x{}x{}x{}xf32{}>", h, w, ic, halo);
  std::string f =
      fmt::format("tensor<{}x{}x{}x{}xf32{}>", k, k, depthwise ? 1 : ic, oc,
                  depthwise ? "" : ", #nn.form<panels>");
  std::string y = fmt::format("tensor<?x{}x{}x{}xf32>", oh, ow, oc);
  return {name,
          fmt::format("rt.kernel @k {{\n^bb0(%x: {0}, %w: {1}, %b: "
                      "tensor<{3}xf32>):\n%y = nn.conv2d %x, %w, %b {{pads = "
                      "array<i64: {4}, {5}, {4}, {5}>, strides = array<i64: "
                      "{6}, {6}>, groups = {7} : i64, activation = "
                      "#nn.act<relu>}} : ({0}, {1}, tensor<{3}xf32>) -> {2}\n"
                      "rt.return %y : {2}\n}}",
                      x, f, y, oc, before, after, stride, depthwise ? oc : 1),
          batch, 2.0 * batch * oh * ow * oc * k * k * (depthwise ? 1 : ic)};
}

/// `op`: dense, dense_grad_input or dense_grad_weight.
Case dense(const std::string &op, int64_t n, int64_t k, int64_t m) {
  std::string x = fmt::format("tensor<?x{}xf32>", k);
  std::string y = fmt::format("tensor<?x{}xf32>", m);
  std::string w = fmt::format("tensor<{}x{}xf32, #nn.form<{}>>", k, m,
                              m < 16 ? "rows" : "panels");
  bool input = op == "dense_grad_input", weight = op == "dense_grad_weight";
  std::string a = input ? y : x, b = weight ? y : w;
  std::string result = input ? x : weight ? w : y;
  return {
      fmt::format("head/{}_{}x{}x{}", op, n, k, m),
      fmt::format("rt.kernel @k {{\n^bb0(%a: {0}, %b: {1}):\n%r = nn.{3} %a, "
                  "%b : ({0}, {1}) -> {2}\nrt.return %r : {2}\n}}",
                  a, b, result, op),
      n, 2.0 * n * k * m};
}

/// An operation of batch normalisation in training on [n, h, w, c]; 4
/// operations an element, bound by memory. `arguments` and `results`: x is a
/// picture's value, c one number a channel.
Case norm(const std::string &op, llvm::StringRef arguments,
          llvm::StringRef results, int64_t n, int64_t h, int64_t w, int64_t c) {
  std::string x = fmt::format("tensor<?x{}x{}x{}xf32>", h, w, c);
  std::string v = fmt::format("tensor<{}xf32>", c);
  std::string declared, names, types, given, returned;
  for (auto [i, kind] : llvm::enumerate(arguments)) {
    std::string type = kind == 'x' ? x : v, comma = i ? ", " : "";
    declared += fmt::format("{}%a{}: {}", comma, i, type);
    names += fmt::format(
        "{}%a{}", i == 3 && op == "batch_norm_grad_input" ? " through " : comma,
        i);
    types += comma + type;
  }
  for (auto [i, kind] : llvm::enumerate(results)) {
    given += (i ? ", " : "") + (kind == 'x' ? x : v);
    returned += fmt::format("{}%r#{}", i ? ", " : "", i);
  }
  std::string epsilon = op == "batch_stats" ? "" : " {epsilon = 0.001}";
  return {fmt::format("norm/{}_{}x{}x{}x{}", op, n, h, w, c),
          fmt::format("rt.kernel @k {{\n^bb0({0}):\n%r:{1} = nn.{2} {3}{4} : "
                      "({5}) -> ({6})\nrt.return {7} : {6}\n}}",
                      declared, results.size(), op, names, epsilon, types,
                      given, returned),
          n, 4.0 * n * h * w * c};
}

std::vector<Case> normCases() {
  std::vector<Case> list;
  for (auto [n, h, c] : {std::array<int64_t, 3>{128, 32, 16}, {20, 18, 512}}) {
    list.push_back(norm("batch_stats", "x", "cc", n, h, h, c));
    list.push_back(norm("batch_norm", "xcccc", "x", n, h, h, c));
    list.push_back(norm("batch_norm_grad_affine", "xxcc", "cc", n, h, h, c));
    list.push_back(norm("batch_norm_grad_input", "xccxccc", "x", n, h, h, c));
  }
  return list;
}

std::vector<Case> cases() {
  std::vector<Case> list = normCases();
  std::vector<Case> products = {
      conv("vgg/conv1_1", 4, 150, 150, 3, 64),
      conv("vgg/conv1_2", 2, 150, 150, 64, 64),
      conv("vgg/conv2_1", 2, 75, 75, 64, 128),
      conv("vgg/conv2_2", 2, 75, 75, 128, 128),
      conv("vgg/conv3_1", 2, 37, 37, 128, 256),
      conv("vgg/conv3_2", 2, 37, 37, 256, 256),
      conv("vgg/conv4_1", 4, 18, 18, 256, 512),
      conv("vgg/conv4_2", 4, 18, 18, 512, 512),
      conv("vgg/conv5_1", 8, 9, 9, 512, 512),
      conv("mobilenet/conv1", 8, 224, 224, 3, 8, 3, 2),
      conv("mobilenet/dw1", 8, 112, 112, 8, 8, 3, 1, true),
      conv("mobilenet/dw2", 8, 112, 112, 16, 16, 3, 2, true),
      conv("mobilenet/dw6", 8, 14, 14, 128, 128, 3, 1, true),
      conv("mobilenet/pw1", 8, 112, 112, 8, 16, 1),
      conv("mobilenet/pw3", 8, 56, 56, 32, 32, 1),
      conv("mobilenet/pw7", 8, 14, 14, 128, 128, 1),
      conv("mobilenet/pw13", 8, 7, 7, 256, 256, 1),
      conv("squeezenet/conv1", 4, 224, 224, 3, 96, 7, 2),
      conv("squeezenet/squeeze2", 8, 55, 55, 96, 16, 1),
      conv("squeezenet/expand2", 8, 55, 55, 16, 64, 3),
      conv("squeezenet/expand8", 8, 13, 13, 64, 256, 3),
      conv("resnet/1x1_56", 2, 56, 56, 64, 256, 1),
      conv("resnet/1x1_7", 8, 7, 7, 2048, 512, 1),
      dense("dense", 32, 8192, 256),
      dense("dense_grad_weight", 32, 8192, 256),
      dense("dense_grad_input", 32, 8192, 256),
      dense("dense", 1, 8192, 256),
      dense("dense", 32, 256, 2),
      dense("dense_grad_weight", 32, 256, 2),
      dense("dense_grad_input", 32, 256, 2),
  };
  list.insert(list.end(), products.begin(), products.end());
  return list;
}

struct Executable {
  void *memory;
  CodeImage image;
  schema::KernelFunction function;
};

Executable loadKernel(MLIRContext &context, const Case &c, const cpu::Isa &isa,
                      std::vector<int64_t> &elements) {
  auto module = parseSourceString<ModuleOp>(c.text, ParserConfig(&context));
  auto image = compileKernels(*module, isa);
  if (failed(image))
    return {};
  rt::KernelOp kernel = *module->getOps<rt::KernelOp>().begin();
  auto add = [&](Value value) {
    auto storage = nn::storageOf(cast<RankedTensorType>(value.getType()));
    elements.push_back(storage.elements * (storage.perPicture ? c.batch : 1));
  };
  llvm::for_each(kernel.getBlock()->getArguments(), add);
  llvm::for_each(kernel.getReturned(), add);
  size_t size = image->bytes.size();
  void *memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  std::memcpy(memory, image->bytes.data(), size);
  mprotect(memory, size, PROT_READ | PROT_EXEC);
  auto *entry = static_cast<char *>(memory) + image->kernels[0].offset;
  return {memory, std::move(*image),
          reinterpret_cast<schema::KernelFunction>(entry)};
}

void runCase(benchmark::State &state, MLIRContext &context, const Case &c,
             const cpu::Isa &isa) {
  std::vector<int64_t> elements;
  Executable code = loadKernel(context, c, isa, elements);
  if (!code.memory)
    return state.SkipWithError("the kernel does not compile");
  std::vector<void *> arguments;
  for (int64_t count : elements) {
    auto *data = static_cast<float *>(
        std::aligned_alloc(64, (count * 4 + 63) / 64 * 64));
    for (int64_t i = 0; i < count; ++i)
      data[i] = float(i % 17) * 0.01f;
    arguments.push_back(data);
  }
  rt::GridAttr grid = code.image.kernels[0].grid;
  void *scratch = std::aligned_alloc(64, grid.getScratch() + 64);
  int64_t tiles = grid.getFixed() + (c.batch + grid.getPictures() - 1) /
                                        grid.getPictures() * grid.getTiles();
  double peak = measurePeak(isa);
  std::vector<double> least(tiles, 1e9);
  for (auto _ : state) {
    for (int round = 0; round < 15; ++round)
      for (int64_t tile = 0; tile < tiles; ++tile) {
        auto start = std::chrono::steady_clock::now();
        code.function(arguments.data(), c.batch, tile, scratch);
        std::chrono::duration<double> time =
            std::chrono::steady_clock::now() - start;
        least[tile] = std::min(least[tile], time.count());
      }
    state.SetIterationTime(std::accumulate(least.begin(), least.end(), 0.0));
  }
  state.counters["tiles"] = tiles;
  state.counters["code_KB"] = code.image.bytes.size() / 1024.0;
  state.counters["GB/s"] = benchmark::Counter(
      4e-9 * std::accumulate(elements.begin(), elements.end(), int64_t(0)),
      benchmark::Counter::kIsIterationInvariantRate);
  state.counters["GFLOPS"] = benchmark::Counter(
      c.operations / 1e9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] = benchmark::Counter(
      c.operations / 1e9 / peak, benchmark::Counter::kIsIterationInvariantRate);
  for (void *argument : arguments)
    std::free(argument);
  std::free(scratch);
  munmap(code.memory, code.image.bytes.size());
}
} // namespace

int main(int argc, char **argv) {
  DialectRegistry registry;
  registry.insert<nn::NNDialect, rt::RTDialect>();
  cpu::registerCpuDialects(registry);
  MLIRContext context(registry);
  static std::vector<Case> all = cases();
  for (const cpu::Isa &isa : cpu::allIsas())
    if (cpu::hostRuns(isa))
      for (const Case &c : all)
        benchmark::RegisterBenchmark(
            (isa.name + "/" + c.name).str().c_str(),
            [&](benchmark::State &state) { runCase(state, context, c, isa); })
            ->Unit(benchmark::kMillisecond)
            ->Iterations(1)
            ->UseManualTime();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
