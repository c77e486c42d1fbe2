// Properties of the machine code that no result shows, for every ISA, also
// those that this machine cannot run.
#include "test/unit/kernels/Harness.h"

#include "compiler/Target/LinkImage.h"
#include "compiler/Target/ObjectCode.h"

#include <gtest/gtest.h>

#include <sstream>

using namespace tl;
using namespace tl::test;

namespace {
std::string convText(int64_t width, int64_t in, int64_t out) {
  std::string w = std::to_string(width), i = std::to_string(in),
              o = std::to_string(out);
  std::string x =
      "tensor<?x" + w + "x" + w + "x" + i + "xf32, #nn.halo<1, 1, 1, 1>>";
  std::string f = "tensor<3x3x" + i + "x" + o + "xf32, #nn.form<panels>>";
  std::string y = "tensor<?x" + w + "x" + w + "x" + o + "xf32>";
  return Program::kernel("%x: " + x + ", %w: " + f,
                         "%y = nn.conv2d %x, %w {pads = array<i64: 1, 1, 1, "
                         "1>} : (" +
                             x + ", " + f + ") -> " + y +
                             "\nrt.return %y : " + y);
}

/// `op`: conv2d_grad_input or conv2d_grad_filter of a 3x3 convolution.
std::string convGradText(const std::string &op, int64_t width, int64_t in,
                         int64_t out, int64_t stride) {
  auto shape = [](int64_t a, int64_t b) {
    return std::to_string(a) + "x" + std::to_string(b);
  };
  int64_t small = (width - 1) / stride + 1;
  std::string halo = "xf32, #nn.halo<1, 1, 1, 1>>";
  std::string x = "tensor<?x" + shape(width, width) + "x" + std::to_string(in);
  std::string y = "tensor<?x" + shape(small, small) + "x" + std::to_string(out);
  bool input = op == "conv2d_grad_input";
  std::string f = "tensor<3x3x" + (input ? shape(out, in) : shape(in, out)) +
                  "xf32, #nn.form<panels>>";
  std::string a = (input ? y : x) + halo, b = input ? f : y + "xf32>";
  std::string result = input ? x + "xf32>" : f;
  return Program::kernel(
      "%a: " + a + ", %b: " + b,
      "%r = nn." + op + " %a, %b {strides = array<i64: " +
          std::to_string(stride) + ", " + std::to_string(stride) +
          ">, pads = array<i64: 1, 1, 1, 1>, dilations = "
          "array<i64: 1, 1>} : (" +
          a + ", " + b + ") -> " + result + "\nrt.return %r : " + result);
}

size_t count(const std::string &text, const std::string &word) {
  size_t found = 0;
  for (size_t at = text.find(word); at != std::string::npos;
       at = text.find(word, at + 1))
    ++found;
  return found;
}

/// Bodies of loops that hold no other label: from a label to the jump back.
std::vector<std::string> innermostLoops(const std::string &assembly) {
  std::vector<std::string> loops;
  std::string line, label, body;
  std::istringstream lines(assembly);
  while (std::getline(lines, line)) {
    if (line.rfind(".LBB", 0) == 0) {
      label = line.substr(0, line.find(':'));
      body.clear();
      continue;
    }
    body += line + "\n";
    if (line.find("\tj") == 0 && !label.empty() &&
        line.substr(line.find_last_of(" \t") + 1) == label)
      loops.push_back(body);
  }
  return loops;
}

class Assembly : public testing::TestWithParam<size_t> {};

/// The accumulators of full and shorter blocks stay in registers: the inner
/// loop multiplies and never touches the stack. The largest block is at most
/// one row short, or has `rows` where the kernel cuts lower ones.
void expectNoSpills(const std::string &kernel, const cpu::Isa &isa,
                    int64_t rows = 14) {
  SCOPED_TRACE(kernel);
  Program program(kernel);
  auto text = printKernel(program.kernel(), isa, CodeStage::Assembly);
  ASSERT_TRUE(succeeded(text)) << program.diagnostics();
  size_t products = 0;
  for (const std::string &loop : innermostLoops(*text)) {
    size_t here = count(loop, isa.fma ? "vfmadd" : "mulps");
    products = std::max(products, here);
    if (here)
      EXPECT_EQ(count(loop, "%rsp"), 0u) << isa.name.str() << "\n" << loop;
  }
  // one for each accumulator
  EXPECT_GE(products, size_t(std::min(rows, isa.rows - 1) * isa.vectors()));
}

TEST_P(Assembly, InnerLoopsDoNotSpill) {
  const cpu::Isa &isa = cpu::allIsas()[GetParam()];
  for (auto [width, in, out] :
       {std::array<int64_t, 3>{150, 64, 64}, {37, 128, 256}, {150, 3, 64}})
    expectNoSpills(convText(width, in, out), isa);
}

// With packed operands (512 channels), without, with merged rows of a small
// map, and with the residues of a stride.
TEST_P(Assembly, InnerLoopsOfGradientsDoNotSpill) {
  const cpu::Isa &isa = cpu::allIsas()[GetParam()];
  for (const char *op : {"conv2d_grad_input", "conv2d_grad_filter"})
    for (auto [width, in, out, stride, rows] :
         {std::array<int64_t, 5>{27, 512, 512, 1, 14},
          {7, 64, 64, 1, 11}, // the filter's: six blocks for five
          {56, 28, 64, 1, 14},
          {55, 64, 128, 2, 14}})
      expectNoSpills(convGradText(op, width, in, out, stride), isa, rows);
}

// Kernels call nothing, though the code zeroes halos and evaluates exp.
TEST_P(Assembly, CallsNothing) {
  const cpu::Isa &isa = cpu::allIsas()[GetParam()];
  std::string x = "tensor<?x16x16x32xf32>";
  std::string y = "tensor<?x16x16x32xf32, #nn.halo<2, 2, 2, 2>>";
  Program program(Program::kernel(
      "%x: " + x, "%y = nn.activation %x {activation = #nn.act<gelu>} : (" + x +
                      ") -> " + y + "\nrt.return %y : " + y));
  auto text = printKernel(program.kernel(), isa, CodeStage::Assembly);
  ASSERT_TRUE(succeeded(text)) << program.diagnostics();
  EXPECT_EQ(count(*text, "\tcall"), 0u) << *text;
  EXPECT_EQ(count(*text, "@GOT"), 0u);
}

INSTANTIATE_TEST_SUITE_P(All, Assembly,
                         testing::Range<size_t>(0, cpu::allIsas().size()),
                         [](const auto &info) {
                           return cpu::allIsas()[info.param].name.str();
                         });

// Several kernels share an image; each starts inside it.
TEST(CodeImages, HoldAllKernels) {
  std::string one = convText(9, 3, 16), two = one;
  two.replace(two.find("@k"), 2, "@l");
  Program program(one + two);
  for (const cpu::Isa &isa : cpu::allIsas()) {
    auto image = compileKernels(program.module(), isa);
    ASSERT_TRUE(succeeded(image)) << program.diagnostics();
    ASSERT_EQ(image->kernels.size(), 2u);
    EXPECT_EQ(image->kernels[0].name, "k");
    EXPECT_EQ(image->kernels[1].name, "l");
    EXPECT_NE(image->kernels[0].offset, image->kernels[1].offset);
    for (const CodeImage::Kernel &kernel : image->kernels)
      EXPECT_LT(kernel.offset, image->bytes.size());
  }
}

// Kernels compiled at the same time give the image that they give in turn.
TEST(CodeImages, SameBytesFromThreads) {
  std::string text;
  for (int64_t width : {5, 6, 7, 8, 9, 10}) {
    std::string one = convText(width, 3, 20);
    one.replace(one.find("@k"), 2, "@k" + std::to_string(width));
    text += one;
  }
  Program inTurn(text), together(text, /*threads=*/true);
  auto a = compileKernels(inTurn.module(), cpu::allIsas()[1]);
  auto b = compileKernels(together.module(), cpu::allIsas()[1]);
  ASSERT_TRUE(succeeded(a)) << inTurn.diagnostics();
  ASSERT_TRUE(succeeded(b)) << together.diagnostics();
  EXPECT_EQ(a->bytes, b->bytes);
  for (size_t i = 0; i < a->kernels.size(); ++i)
    EXPECT_EQ(a->kernels[i].fingerprint, b->kernels[i].fingerprint);
}

// What is not an ELF file is an error, not a crash.
TEST(CodeImages, RefuseGarbage) {
  auto image = extractImage(std::string(100, 'x'));
  ASSERT_FALSE(bool(image));
  llvm::consumeError(image.takeError());
}

/// The error of linking a module of the LLVM dialect, or "".
std::string linkError(const std::string &text) {
  Program program(text);
  auto object = makeObject(program.module(), cpu::allIsas()[0]);
  EXPECT_TRUE(succeeded(object)) << program.diagnostics();
  if (failed(object))
    return "";
  auto image = linkImage(ObjectBytes(*object));
  return image ? "" : llvm::toString(image.takeError());
}

// Code that is whole links; the refusals below are not for everything.
TEST(CodeImages, LinkWholeCode) {
  EXPECT_EQ(linkError("llvm.func @k(%x: f32) -> f32 {\n"
                      "  llvm.return %x : f32\n}"),
            "");
}

// A call of libm would need a library when the image is loaded.
TEST(CodeImages, RefuseImports) {
  std::string error = linkError("llvm.func @expf(f32) -> f32\n"
                                "llvm.func @k(%x: f32) -> f32 {\n"
                                "  %y = llvm.call @expf(%x) : (f32) -> f32\n"
                                "  llvm.return %y : f32\n}");
  EXPECT_NE(error.find("undefined symbol: expf"), std::string::npos) << error;
}

// State between calls would be shared by all threads and sessions.
TEST(CodeImages, RefuseWritableData) {
  std::string error =
      linkError("llvm.mlir.global external @state(7 : i32) : i32\n"
                "llvm.func @k() -> i32 {\n"
                "  %p = llvm.mlir.addressof @state : !llvm.ptr\n"
                "  %v = llvm.load volatile %p : !llvm.ptr -> i32\n"
                "  llvm.store volatile %v, %p : i32, !llvm.ptr\n"
                "  llvm.return %v : i32\n}");
  EXPECT_NE(error.find("cannot be used"), std::string::npos) << error;
}

// An address in constant data is only known where the image is placed.
TEST(CodeImages, RefuseRelocations) {
  std::string error =
      linkError("llvm.func @k() -> i32 {\n"
                "  %v = llvm.mlir.constant(1 : i32) : i32\n"
                "  llvm.return %v : i32\n}\n"
                "llvm.mlir.global external constant @entry() : !llvm.ptr {\n"
                "  %p = llvm.mlir.addressof @k : !llvm.ptr\n"
                "  llvm.return %p : !llvm.ptr\n}");
  EXPECT_NE(error.find("it needs relocation"), std::string::npos) << error;
}
} // namespace
