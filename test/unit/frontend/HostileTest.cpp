// Damaged and hostile files: an error or a module, never a crash or a hang.
#include "frontends/tl/Frontend.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/MemoryBuffer.h"

#include <chrono>
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace tl::frontend;

namespace {

struct Outcome {
  bool loaded = false;
  std::string firstError;
  unsigned errors = 0;
};

Outcome load(StringRef text) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  Outcome outcome;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (outcome.errors++ == 0)
      outcome.firstError = diagnostic.str();
    // Every error has a place in a file.
    EXPECT_TRUE(diagnostic.getLocation()->findInstanceOf<FileLineColRange>())
        << diagnostic.str();
    return success();
  });
  outcome.loaded = bool(loadModelText(text, "hostile.tl", {}, context));
  EXPECT_NE(outcome.loaded, outcome.errors != 0)
      << "a module or an error, not both and not neither:\n"
      << text.str();
  return outcome;
}

std::string repeated(StringRef text, size_t times) {
  std::string result;
  for (size_t i = 0; i < times; ++i)
    result += text;
  return result;
}

std::string readFile(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  EXPECT_TRUE(bool(buffer)) << path;
  return buffer ? (*buffer)->getBuffer().str() : "";
}

/// A model and a backbone in one text, so that mutations reach both.
std::vector<std::string> seeds() {
  std::vector<std::string> texts;
  for (StringRef backbone :
       {"mini", "mobilenet", "resnet_cifar", "squeezenet1_0", "vgg16"}) {
    std::string source(TL_SOURCE_DIR);
    std::string file =
        readFile(source + "/backbones/" + backbone.str() + ".tl");
    texts.push_back(
        "model m { input image(64, 64, 3)  labels \"a\", \"b\"\n"
        "  backbone " +
        backbone.str() +
        " { weights \"f.h5\"  freeze [:-1, \"*\"] }\n"
        "  head { gap  dropout(0.2)  dense(2, softmax) }\n"
        "  train { batch 4  loss categorical_crossentropy\n"
        "    phase p { epochs 2  optimizer adam(lr: 1e-3) } }\n}\n" +
        file);
  }
  return texts;
}

TEST(Hostile, SeedsLoad) {
  for (const std::string &text : seeds())
    EXPECT_TRUE(load(text).loaded) << load(text).firstError;
}

// Bytes changed, removed and doubled, pieces swapped, files cut: the kinds of
// damage that break parsers. Seeded, so that a failure repeats.
TEST(Hostile, MutationsNeverCrash) {
  std::mt19937 random(2026);
  const std::vector<std::string> tokens = {
      "{",     "}",           "(",
      ")",     "[",           "]",
      ",",     ":",           "..",
      "\"",    "\\",          "{b}",
      "-1",    "0",           "9223372036854775807",
      "1e308", "99999x99999", "for i in 1..1000",
      "if",    "else",        "block",
      "top",   "x",           "/",
      "%",     "not",         "\xff",
      "\0x"};
  auto start = std::chrono::steady_clock::now();
  unsigned loaded = 0, refused = 0;
  for (const std::string &seed : seeds())
    for (int round = 0; round < 500; ++round) {
      std::string text = seed;
      for (unsigned edits = 1 + random() % 3; edits > 0; --edits) {
        size_t at = random() % text.size();
        size_t length = std::min<size_t>(random() % 24, text.size() - at);
        switch (random() % 5) {
        case 0:
          text.erase(at, length);
          break;
        case 1:
          text.insert(at, text.substr(at, length));
          break;
        case 2:
          text[at] = char(random());
          break;
        case 3:
          text.insert(at, tokens[random() % tokens.size()]);
          break;
        default:
          text.replace(at, length, tokens[random() % tokens.size()]);
        }
        if (text.empty())
          text = " ";
      }
      (load(text).loaded ? loaded : refused)++;
    }
  // Both ends are reached: damage in a comment or a name is none.
  EXPECT_GT(loaded, 30u);
  EXPECT_GT(refused, 100u);
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::steady_clock::now() - start);
  EXPECT_LT(seconds.count(), 300) << "2500 loads of a few milliseconds each";
}

TEST(Hostile, EveryPrefixIsAnErrorWithAPlace) {
  std::string text = seeds()[0];
  for (size_t length = 0; length < text.size(); length += 7)
    if (length != text.find_last_of('}') + 1)
      load(StringRef(text).take_front(length));
}

TEST(Hostile, DeepNesting) {
  const std::string head = "model m { input image(8, 8, 3) backbone b {} "
                           "head { gap } }\nbackbone b { preprocess raw ";
  size_t n = 40000; // under the limit of a file's size
  EXPECT_NE(load(head + "conv(" + repeated("(", n)).firstError.find("nested"),
            std::string::npos);
  EXPECT_NE(load(head + "conv(" + repeated("[", n)).firstError.find("nested"),
            std::string::npos);
  EXPECT_NE(load(head + "conv(" + repeated("-", n)).firstError.find("nested"),
            std::string::npos);
  EXPECT_NE(
      load(head + "conv(" + repeated("not ", n)).firstError.find("nested"),
      std::string::npos);
  EXPECT_NE(load(head + "conv(" + repeated("f(", n)).firstError.find("nested"),
            std::string::npos);
  EXPECT_NE(load(head + repeated("if true { ", n)).firstError.find("nested"),
            std::string::npos);
  EXPECT_NE(load(head + "if false { }" + repeated(" else if false { }", n))
                .firstError.find("nested"),
            std::string::npos);
  EXPECT_NE(
      load(head + repeated("add { branch { ", n)).firstError.find("nested"),
      std::string::npos);
  EXPECT_NE(load(head + "conv(1" + repeated(" + 1", n) + ", 3x3) }")
                .firstError.find("operators in a row"),
            std::string::npos);
}

// What doubles at each turn: strings, lists, calls.
TEST(Hostile, Growth) {
  const std::string head = "model m { input image(8, 8, 3) backbone b {} "
                           "head { gap } }\n";
  EXPECT_NE(load(head + "block d(s) { d(\"{s}{s}\") }\n"
                        "backbone b { preprocess raw d(\"ab\") }")
                .firstError.find("at most 1024 bytes"),
            std::string::npos);
  EXPECT_NE(load(head + "block d(s) { d([s, s]) }\n"
                        "backbone b { preprocess raw d(1) }")
                .firstError.find("at most 4096 values"),
            std::string::npos);
  EXPECT_NE(load(head + "block d(s) { d(s) d(s) }\n"
                        "backbone b { preprocess raw d(1) }")
                .firstError.find("64 deep"),
            std::string::npos);
  EXPECT_NE(load(head + "block d(n) { if n > 0 { d(n - 1) d(n - 1) } }\n"
                        "backbone b { preprocess raw d(60) }")
                .firstError.find("more than 100000"),
            std::string::npos);
  EXPECT_NE(load(std::string((1 << 20) + 1, ' ')).firstError.find("bytes"),
            std::string::npos);
}

} // namespace
