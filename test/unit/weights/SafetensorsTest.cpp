// The safetensors reader: right values, and every rule of the format broken
// once.
#include "TestFiles.h"

#include <cstring>
#include <random>

using namespace tl::weights;

namespace {

std::string file(const std::string &header, const std::string &data = "") {
  uint64_t size = header.size();
  std::string bytes(reinterpret_cast<const char *>(&size), 8);
  return bytes + header + data;
}

class Safetensors : public testing::Test {
protected:
  std::string error(const std::string &header, const std::string &data = "") {
    std::string text = openError(folder.write("w.bin", file(header, data)));
    // Every message names the file.
    EXPECT_NE(text.find(folder.path("w.bin")), std::string::npos) << text;
    return text;
  }
  void expectError(const std::string &header, const std::string &data,
                   const std::string &part) {
    std::string text = error(header, data);
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }

  ScratchFolder folder;
};

const std::string twoTensors =
    R"({"__metadata__":{"format":"pt"},)"
    R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},)"
    R"("a":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]}})";

} // namespace

// Also: recognised by content under any name; order is the header's.
TEST_F(Safetensors, Reads) {
  float value = 2.5f;
  std::string data("\xc0\x3f\x80\xbf", 4);
  data.append(reinterpret_cast<const char *>(&value), 4);
  auto source = openOrFail(folder.write("w.h5", file(twoTensors, data)));
  ASSERT_TRUE(source);
  EXPECT_EQ(source->convention(), Convention::Torch);
  ASSERT_EQ(source->tensors().size(), 2u);
  EXPECT_EQ(source->tensors()[0].name, "b");
  EXPECT_EQ(source->tensors()[1].dtype, "bf16");
  EXPECT_EQ(source->tensors()[1].shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(readTensor(*source, 0), std::vector<float>{2.5f});
  EXPECT_EQ(readTensor(*source, 1), (std::vector<float>{1.5f, -1.0f}));
  // A buffer of another size is refused, not overrun.
  std::vector<float> wrong(3);
  EXPECT_FALSE(source->read(0, wrong));
  EXPECT_FALSE(source->read(2, std::span(wrong).first(1)));
}

TEST_F(Safetensors, HeaderRules) {
  std::string ok(8, '\0');
  expectError(twoTensors, std::string(7, '\0'), "it is cut short");
  expectError(twoTensors, std::string(9, '\0'), "but the file has 9");
  expectError(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", ok,
              "a hole");
  expectError(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
              R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
              ok, "overlaps");
  expectError(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", ok,
              "expected 12 bytes");
  expectError(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", ok,
              "expected 8 bytes");
  expectError(R"({"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}})", ok,
              "has type 'C64'");
  expectError(R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})", "",
              "extents of at least 1");
  expectError(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],)"
              R"("data_offsets":[0,0]}})",
              "", "sensible product");
  expectError(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
              R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
              ok, "'a' occurs twice");
  expectError(R"({"a":{"dtype":"F32","shape":[2]}})", ok, "lacks one of");
  expectError(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8]}})", ok,
              "expected 2 numbers");
  expectError(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}})", ok,
              "unexpected a number");
  expectError(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", ok,
              "a negative number");
  expectError(R"({"a":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}})", ok,
              "unexpected an array");
  expectError(R"({"a":{"dtype":"F32","shape":[2],"strides":[1]}})", ok,
              "unknown or repeated key 'strides'");
  expectError(R"({"a":[]})", ok, "unexpected an array");
  expectError(R"({"a":{"dtype":"F32")", ok, "not valid JSON");
  expectError("{" + std::string(1 << 20, '['), "", "not valid JSON");
}

// A header may not claim more than the file or the cap.
TEST_F(Safetensors, HeaderLength) {
  std::string bytes = file("{}");
  bytes[2] = 1;
  EXPECT_NE(openError(folder.write("a", bytes)).find("the header claims 65538"),
            std::string::npos);
  bytes[5] = 1;
  EXPECT_NE(openError(folder.write("b", bytes)).find("the header claims"),
            std::string::npos);
}

// What is not a weight file says what it is.
TEST_F(Safetensors, OtherFormats) {
  auto expect = [&](const std::string &bytes, const std::string &part) {
    std::string text = openError(folder.write("w", bytes));
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  expect("", "an empty file");
  expect("PK\3\4 and so on", "its zip directory is missing");
  expect("\x80\x02}q", "a Python pickle that is not as torch.save writes it");
  expect("hello, world", "something else");
  EXPECT_NE(openError(folder.path("missing")).find("No such file"),
            std::string::npos);
  EXPECT_NE(openError(folder.path("")).find("not a regular file"),
            std::string::npos);
}

// What tlrun exports under a framework's names says who wrote it and what is of
// the head; names with slashes are Keras's, a layer's and a weight's.
TEST_F(Safetensors, Exported) {
  const std::string keras =
      R"({"__metadata__":{"format":"pt","written_by":"tlrun","head":)"
      R"("fc/kernel\nfc/bias"},)"
      R"("block/conv/kernel":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
      R"("fc/bias":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})";
  auto source =
      openOrFail(folder.write("w", file(keras, std::string(8, '\0'))));
  ASSERT_TRUE(source);
  EXPECT_EQ(source->convention(), Convention::Keras);
  ASSERT_EQ(source->tensors().size(), 2u);
  EXPECT_EQ(source->tensors()[0].layer, "block/conv");
  EXPECT_EQ(source->tensors()[0].role, "kernel");
  EXPECT_FALSE(source->tensors()[0].ofHead);
  EXPECT_TRUE(source->tensors()[1].ofHead);
  // The same of anybody else is a torch file, whatever its names.
  std::string other = keras;
  other.replace(other.find("tlrun"), 5, "other");
  source = openOrFail(folder.write("w", file(other, std::string(8, '\0'))));
  ASSERT_TRUE(source);
  EXPECT_EQ(source->convention(), Convention::Torch);
}

// Random damage: an error or other numbers, never a crash. Reads follow where
// the header still passes.
TEST_F(Safetensors, Mutations) {
  std::string good = file(twoTensors, std::string(8, '\1'));
  std::mt19937 random(1);
  size_t refused = 0;
  for (int round = 0; round < 600; ++round) {
    std::string bytes = good;
    for (int flips = 1 + round % 3; flips > 0; --flips)
      bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
    if (round % 5 == 0)
      bytes.resize(random() % bytes.size());
    auto source = openWeightSource(folder.write("w", bytes));
    refused += !source;
    for (size_t i = 0; source && i < (*source)->tensors().size(); ++i)
      readTensor(**source, i);
  }
  // Nearly all of the file is header, where most flips break a rule.
  EXPECT_GT(refused, 400u);
}
