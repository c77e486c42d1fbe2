// Each kernel on one thread: billions of operations a second and the share of
// the FMA peak, bytes of its values and the share of the memory's bandwidth,
// both limits measured just before. What stays in the caches from one round to
// the next can pass the latter. The machine may be shared, so that the
// time counted is, for each tile, the least of 15 rounds. Shapes of VGG16 at
// 150x150, MobileNet 0.25, SqueezeNet, ResNet-20 and the heads. Other work on
// the machine lowers both.
//   bin/kernels_bench --benchmark_filter=v4.*vgg
#include "bench/kernels/Bandwidth.h"
#include "bench/kernels/FmaPeak.h"
#include "compiler/Target/CodeImage.h"
#include "dialects/NN/Storage.h"
#include "dialects/NN/Winograd.h"
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

/// An operation that only moves or adds values: GFLOPS are then billions of
/// elements a second.
Case elementwise(const char *name, const std::string &op, int64_t batch,
                 const std::string &from, const std::string &to,
                 double elements) {
  return {name,
          fmt::format("rt.kernel @k {{\n^bb0(%a: {0}):\n%r = {2} %a : ({0}) "
                      "-> {1}\nrt.return %r : {1}\n}}",
                      from, to, op),
          batch, elements};
}

/// 3x3, a map of `size` x `size`, relu. Operations are those of the direct
/// convolution, so that shares of the peak compare and may pass 1.
Case winograd(const char *name, int64_t batch, int64_t size, int64_t ic,
              int64_t oc) {
  int64_t after = nn::winograd::blocksFor(size) * 4 + 1 - size;
  std::string x = fmt::format("tensor<?x{0}x{0}x{1}xf32, #nn.halo<1, {2}, 1, "
                              "{2}>>",
                              size, ic, after);
  std::string u = fmt::format("tensor<36x{}x{}xf32, #nn.form<panels>>", ic, oc);
  std::string y = fmt::format("tensor<?x{0}x{0}x{1}xf32>", size, oc);
  return {fmt::format("winograd/{}", name),
          fmt::format(
              "rt.kernel @k {{\n^bb0(%x: {0}, %u: {1}, %b: tensor<{3}xf32>):"
              "\n%y = nn.winograd_conv2d %x, %u, %b {{pads = array<i64: 1, "
              "1, 1, 1>, activation = #nn.act<relu>}} : ({0}, {1}, "
              "tensor<{3}xf32>) -> {2}\nrt.return %y : {2}\n}}",
              x, u, y, oc),
          batch, 2.0 * batch * size * size * ic * oc * 9};
}

/// The shapes of direct convolutions below.
std::vector<Case> winogradCases() {
  return {
      winograd("conv1_2", 2, 150, 64, 64),
      winograd("conv2_1", 2, 75, 64, 128),
      winograd("conv2_2", 2, 75, 128, 128),
      winograd("conv3_1", 2, 37, 128, 256),
      winograd("conv3_2", 2, 37, 256, 256),
      winograd("conv4_1", 4, 18, 256, 512),
      winograd("conv4_2", 4, 18, 512, 512),
      winograd("conv5_1", 8, 9, 512, 512),
      winograd("conv4_2_alone", 1, 18, 512, 512),
      winograd("conv5_1_alone", 1, 9, 512, 512),
      winograd("resnet20_1", 128, 32, 16, 16),
      winograd("resnet20_2", 128, 16, 32, 32),
      winograd("resnet20_3", 128, 8, 64, 64),
      winograd("squeezenet_expand2", 8, 55, 16, 64),
      winograd("squeezenet_expand8", 8, 13, 64, 256),
      elementwise("winograd/filter", "nn.winograd_filter", 1,
                  "tensor<3x3x512x512xf32, #nn.form<panels>>",
                  "tensor<36x512x512xf32, #nn.form<panels>>", 36.0 * 512 * 512),
  };
}

/// `op`: conv2d_grad_input or conv2d_grad_filter, 3x3 but for `k`, of a map
/// `h` x `h` x `ic` to `oc` channels.
Case convGrad(const std::string &op, const char *name, int64_t batch, int64_t h,
              int64_t ic, int64_t oc, int64_t k = 3, int64_t stride = 1,
              bool depthwise = false) {
  int64_t pad = k / 2, oh = (h + 2 * pad - k) / stride + 1;
  bool input = op == "conv2d_grad_input";
  auto map = [](int64_t size, int64_t channels, int64_t halo) {
    return fmt::format("tensor<?x{0}x{0}x{1}xf32, #nn.halo<{2}, {2}, {2}, "
                       "{2}>>",
                       size, channels, halo);
  };
  std::string x = map(h, ic, pad), y = map(oh, oc, pad);
  std::string f =
      fmt::format("tensor<{0}x{0}x{1}x{2}xf32{3}>", k,
                  depthwise ? 1
                  : input   ? oc
                            : ic,
                  input ? ic : oc, depthwise ? "" : ", #nn.form<panels>");
  std::string a = input ? y : x, b = input ? f : y, result = input ? x : f;
  return {
      fmt::format("{}/{}", op, name),
      fmt::format("rt.kernel @k {{\n^bb0(%a: {0}, %b: {1}):\n%r = nn.{3} %a, "
                  "%b {{pads = array<i64: {4}, {4}, {4}, {4}>, strides = "
                  "array<i64: {5}, {5}>, dilations = array<i64: 1, 1>, groups "
                  "= {6} : i64}} : ({0}, {1}) -> {2}\nrt.return %r : {2}\n}}",
                  a, b, result, op, pad, stride, depthwise ? oc : 1),
      batch, 2.0 * batch * oh * oh * oc * k * k * (depthwise ? 1 : ic)};
}

/// The layers of fine-tuning VGG16's last block and of training ResNet-20.
std::vector<Case> gradientCases() {
  std::vector<Case> all;
  for (const char *op : {"conv2d_grad_input", "conv2d_grad_filter"}) {
    all.push_back(convGrad(op, "vgg_block5", 20, 9, 512, 512));
    all.push_back(convGrad(op, "vgg_conv4_1", 20, 18, 256, 512));
    all.push_back(convGrad(op, "resnet20_1", 128, 32, 16, 16));
    all.push_back(convGrad(op, "resnet20_2_first", 128, 32, 16, 32, 3, 2));
    all.push_back(convGrad(op, "resnet20_2", 128, 16, 32, 32));
    all.push_back(convGrad(op, "resnet20_3_first", 128, 16, 32, 64, 3, 2));
    all.push_back(convGrad(op, "resnet20_3", 128, 8, 64, 64));
    all.push_back(convGrad(op, "resnet20_shortcut", 128, 16, 32, 64, 1, 2));
    all.push_back(convGrad(op, "1x1_14", 16, 14, 128, 256, 1));
    all.push_back(convGrad(op, "depthwise", 16, 14, 128, 128, 3, 1, true));
  }
  all.push_back(convGrad("conv2d_grad_filter", "resnet20_0", 128, 32, 3, 16));
  all.push_back(elementwise(
      "transpose_filter/vgg_block5", "nn.transpose_filter", 1,
      "tensor<3x3x512x512xf32, #nn.form<panels>>",
      "tensor<3x3x512x512xf32, #nn.form<panels>>", 9.0 * 512 * 512));
  all.push_back(elementwise("bias_grad/vgg_block5", "nn.bias_grad", 20,
                            "tensor<?x9x9x512xf32>", "tensor<512xf32>",
                            20.0 * 81 * 512));
  all.push_back(elementwise("bias_grad/resnet20_1", "nn.bias_grad", 128,
                            "tensor<?x32x32x16xf32>", "tensor<16xf32>",
                            128.0 * 1024 * 16));
  return all;
}

/// `op`: dense, dense_grad_input or dense_grad_weight; of tokens if not 0.
Case dense(const std::string &op, int64_t n, int64_t k, int64_t m,
           int64_t tokens = 0) {
  std::string rows = tokens ? fmt::format("?x{}", tokens) : "?";
  std::string x = fmt::format("tensor<{}x{}xf32>", rows, k);
  std::string y = fmt::format("tensor<{}x{}xf32>", rows, m);
  std::string w = fmt::format("tensor<{}x{}xf32, #nn.form<{}>>", k, m,
                              m < 16 ? "rows" : "panels");
  bool input = op == "dense_grad_input", weight = op == "dense_grad_weight";
  std::string a = input ? y : x, b = weight ? y : w;
  std::string result = input ? x : weight ? w : y;
  std::string name =
      tokens ? fmt::format("vit/{}_{}x{}x{}x{}", op, n, tokens, k, m)
             : fmt::format("head/{}_{}x{}x{}", op, n, k, m);
  return {
      name,
      fmt::format("rt.kernel @k {{\n^bb0(%a: {0}, %b: {1}):\n%r = nn.{3} %a, "
                  "%b : ({0}, {1}) -> {2}\nrt.return %r : {2}\n}}",
                  a, b, result, op),
      n, 2.0 * n * std::max<int64_t>(1, tokens) * k * m};
}

/// One step of rmsprop on the weight of a [k, m] dense layer: by a gradient in
/// memory, or by the one that it makes itself (`fused`). Bytes count what is
/// updated twice, read and written.
Case update(int64_t n, int64_t k, int64_t m, bool fused) {
  std::string w = fmt::format("tensor<{}x{}xf32, #nn.form<panels>>", k, m);
  std::string x = fmt::format("tensor<?x{}xf32>", k);
  std::string dy = fmt::format("tensor<?x{}xf32>", m);
  std::string operands = fused ? "%x, %dy" : "%g";
  std::string types = fused ? x + ", " + dy : w;
  std::string declared =
      fused ? fmt::format("%x: {}, %dy: {}", x, dy) : "%g: " + w;
  return {fmt::format("head/{}_{}x{}x{}", fused ? "dense_update" : "update", n,
                      k, m),
          fmt::format("rt.kernel @k attributes {{in_place = array<i64: 0, 0, "
                      "1, 1>}} {{\n^bb0(%p: {0}, %v: {0}, {1}, %s: "
                      "tensor<16xi32>):\n%r:2 = nn.{2} %p slots(%v) by {3} at "
                      "%s {{optimizer = #nn.optimizer<rmsprop, keras, {{}}>}} "
                      ": ({0}, {0}, {4}, tensor<16xi32>) -> ({0}, {0})\n"
                      "rt.return %r#0, %r#1 : {0}, {0}\n}}",
                      w, declared, fused ? "dense_update" : "update", operands,
                      types),
          n, fused ? 2.0 * n * k * m : 8.0 * k * m};
}

/// Counts the products alone: 2 of tokens x tokens x size a head, in the
/// gradient 5.
Case attention(bool gradient, int64_t n, int64_t tokens, int64_t heads,
               int64_t size) {
  int64_t width = heads * size;
  std::string x = fmt::format("tensor<?x{}x{}xf32>", tokens, 3 * width);
  std::string y = fmt::format("tensor<?x{}x{}xf32>", tokens, width);
  std::string attributes =
      fmt::format("{{heads = {} : i64, scale = 0.125 : f64}}", heads);
  std::string text =
      gradient ? fmt::format("rt.kernel @k {{\n^bb0(%dy: {0}, %x: {1}):\n%r = "
                             "nn.attention_grad %dy, %x {2} : ({0}, {1}) -> "
                             "{1}\nrt.return %r : {1}\n}}",
                             y, x, attributes)
               : fmt::format("rt.kernel @k {{\n^bb0(%x: {1}):\n%r = "
                             "nn.attention %x {2} : ({1}) -> {0}\nrt.return %r "
                             ": {0}\n}}",
                             y, x, attributes);
  return {fmt::format("vit/attention{}_{}x{}_{}x{}", gradient ? "_grad" : "", n,
                      tokens, heads, size),
          text, n, 2.0 * n * tokens * tokens * width * (gradient ? 5 : 2)};
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

/// A kernel that moves values of [size, size, channels]: an operation is an
/// element of that, so that GFLOPS are billions of elements a second.
Case moving(const char *name, const std::string &operation,
            const std::vector<std::string> &types, const std::string &result,
            int64_t size, int64_t channels) {
  constexpr int64_t kBatch = 8;
  std::string arguments, list;
  for (size_t i = 0; i < types.size(); ++i) {
    arguments +=
        fmt::format("{}%a{}: tensor<?x{}xf32>", i ? ", " : "", i, types[i]);
    list += fmt::format("{}tensor<?x{}xf32>", i ? ", " : "", types[i]);
  }
  return {name,
          fmt::format("rt.kernel @k {{\n^bb0({0}):\n%r = nn.{1} : ({2}) -> "
                      "tensor<?x{3}xf32>\nrt.return %r : tensor<?x{3}xf32>\n}}",
                      arguments, operation, list, result),
          kBatch, double(kBatch * size * size * channels)};
}

std::vector<Case> movingCases() {
  std::string two = "{window = array<i64: 2, 2>, strides = array<i64: 2, 2>, "
                    "pads = array<i64: 0, 0, 0, 0>}";
  std::string three = "{window = array<i64: 3, 3>, strides = array<i64: 2, 2>, "
                      "pads = array<i64: 1, 1, 1, 1>}";
  std::string every = "{offsets = array<i64: 0, 0, 0>, strides = array<i64: 2, "
                      "2, 1>}";
  std::string third = "{offsets = array<i64: 0, 64>, strides = array<i64: 1, "
                      "1>}";
  return {
      moving("pool/max_2x2", "max_pool %a0 " + two, {"74x74x128"}, "37x37x128",
             74, 128),
      moving("pool/max_2x2_grad", "max_pool_grad %a0, %a1 " + two,
             {"37x37x128", "74x74x128"}, "74x74x128", 74, 128),
      moving("pool/max_3x3_grad", "max_pool_grad %a0, %a1 " + three,
             {"56x56x64", "112x112x64"}, "112x112x64", 112, 64),
      moving("pool/avg_3x3_grad", "avg_pool_grad %a0 " + three, {"56x56x64"},
             "112x112x64", 112, 64),
      moving("slice/shortcut", "slice %a0 " + every, {"32x32x16"}, "16x16x16",
             16, 16),
      moving("slice/shortcut_grad", "slice_grad %a0 " + every, {"16x16x16"},
             "32x32x16", 32, 16),
      moving("slice/third_of_channels", "slice %a0 " + third, {"196x192"},
             "196x64", 14, 64),
  };
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
      conv("resnet20/1", 128, 32, 32, 16, 16),
      conv("resnet20/2", 128, 16, 16, 32, 32),
      conv("resnet20/3", 128, 8, 8, 64, 64),
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
      dense("dense", 1, 25088, 4096),
      dense("dense_grad_weight", 20, 8192, 256),
      update(20, 8192, 256, false),
      update(20, 8192, 256, true),
      dense("dense_grad_weight", 20, 25088, 4096),
      update(20, 25088, 4096, false),
      update(20, 25088, 4096, true),
      dense("dense", 32, 256, 2),
      dense("dense_grad_weight", 32, 256, 2),
      dense("dense_grad_input", 32, 256, 2),
      dense("dense", 32, 128, 384, 65),
      dense("dense_grad_weight", 32, 128, 384, 65),
      dense("dense_grad_input", 32, 128, 384, 65),
      dense("dense", 4, 768, 3072, 197),
      dense("dense_grad_weight", 4, 768, 3072, 197),
      dense("dense_grad_input", 4, 768, 3072, 197),
      attention(false, 32, 65, 8, 16),
      attention(true, 32, 65, 8, 16),
      attention(false, 4, 197, 12, 64),
      attention(true, 4, 197, 12, 64),
  };
  list.insert(list.end(), products.begin(), products.end());
  llvm::append_range(list, winogradCases());
  llvm::append_range(list, gradientCases());
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
  double peak = measurePeak(isa), bandwidth = measureBandwidth();
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
  double gigabytes =
      4e-9 * std::accumulate(elements.begin(), elements.end(), int64_t(0));
  state.counters["GB/s"] = benchmark::Counter(
      gigabytes, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["of_bandwidth"] = benchmark::Counter(
      gigabytes / bandwidth, benchmark::Counter::kIsIterationInvariantRate);
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
  llvm::append_range(all, movingCases());
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
