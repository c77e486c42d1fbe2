// safetensors files: what is written by others is read, and hostile headers are
// refused.
#include "runtime/data/Safetensors.h"

#include "test/unit/data/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <cstring>

namespace tl::data {
namespace {

std::vector<uint8_t> makeFile(const std::string &header,
                              const std::vector<float> &values) {
  uint64_t length = header.size();
  std::vector<uint8_t> bytes(8 + length + values.size() * 4);
  memcpy(bytes.data(), &length, 8);
  memcpy(bytes.data() + 8, header.data(), length);
  if (!values.empty())
    memcpy(bytes.data() + 8 + length, values.data(), values.size() * 4);
  return bytes;
}

std::string refusal(const std::string &header, size_t values) {
  auto tensors = parseSafetensors(makeFile(header, std::vector<float>(values)));
  return tensors ? "accepted" : tensors.message();
}

std::string one(const std::string &entry) { return "{\"a\":" + entry + "}"; }

// Spaces behind the header, metadata, an empty tensor and a scalar; data in
// another order than the header's.
TEST(Safetensors, ReadsWhatOthersWrite) {
  auto tensors = parseSafetensors(makeFile(
      R"({"__metadata__":{"format":"pt"},)"
      R"("b.w":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]},)"
      R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
      R"("c":{"dtype":"F32","shape":[0,5],"data_offsets":[12,12]}}   )",
      {1, 2, 3}));
  ASSERT_TRUE(tensors) << tensors.message();
  ASSERT_EQ(tensors->size(), 3u);
  EXPECT_EQ((*tensors)[0].name, "b.w");
  EXPECT_EQ((*tensors)[0].shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ((*tensors)[0].values, (std::vector<float>{2, 3}));
  EXPECT_EQ((*tensors)[1].values, (std::vector<float>{1}));
  EXPECT_TRUE((*tensors)[2].values.empty());
}

TEST(Safetensors, RefusesWhatIsNone) {
  const std::string none = "not a safetensors file: ";
  EXPECT_EQ(parseSafetensors({}).message(), none + "shorter than 8 bytes");
  std::vector<uint8_t> huge(16, 0xff);
  EXPECT_EQ(parseSafetensors(huge).message(), none + "its header does not fit");
  const std::string json = none +
                           "its header is no JSON object of tensors with "
                           "different names";
  for (const char *header : {"", "[]", "{", "{\"a\"}", "null", "{}x",
                             "{\"a\":{},\"a\":{}}", "{\"\xff\":1}"})
    EXPECT_EQ(refusal(header, 4), json) << header;
  // Deep nesting ends before any stack does.
  EXPECT_EQ(refusal("{\"a\":" + std::string(100000, '['), 0), json);
}

// Each number that could reach outside the data, or ask for too much memory.
TEST(Safetensors, RefusesHostileNumbers) {
  auto says = [](const std::string &entry, const std::string &what) {
    EXPECT_EQ(refusal(one(entry), 4), "tensor 'a': " + what) << entry;
  };
  says("1", "expected dtype, shape and data_offsets");
  says(R"({"dtype":"F32","shape":[1]})",
       "expected dtype, shape and data_offsets");
  says(R"({"dtype":"F16","shape":[1],"data_offsets":[0,2]})",
       "expected the type F32, found \"F16\"");
  says(R"({"dtype":"F32","shape":3,"data_offsets":[0,4]})",
       "expected a shape, a list of up to 16 numbers");
  for (const char *extent : {"-1", "1.5", "\"1\"", "1e30", "null",
                             "18446744073709551615", "9223372036854775807"})
    says(std::string(R"({"dtype":"F32","shape":[)") + extent +
             R"(],"data_offsets":[0,4]})",
         "its shape does not fit the file");
  says(R"({"dtype":"F32","shape":[4294967296,4294967296],)"
       R"("data_offsets":[0,4]})",
       "its shape does not fit the file");
  for (const char *offsets :
       {"[0,20]", "[8,4]", "[-4,0]", "[16,18446744073709551615]", "[0]", "{}"})
    says(std::string(R"({"dtype":"F32","shape":[1],"data_offsets":)") +
             offsets + "}",
         "its data lies outside the file");
  says(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})",
       "its shape wants 2 values, its data has 4 bytes");
  says(R"({"dtype":"F32","shape":[1],"data_offsets":[0,5]})",
       "its shape wants 1 values, its data has 5 bytes");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},)"
                    R"("b":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}})",
                    4),
            "tensor 'b': its data is another tensor's too");
}

TEST(Safetensors, NamesTheFile) {
  TemporaryFolder folder;
  EXPECT_NE(readSafetensors(folder / "none").message().find("none"),
            std::string::npos);
  folder.write("bad", "123");
  EXPECT_EQ(readSafetensors(folder / "bad").message(),
            (folder / "bad") +
                ": not a safetensors file: shorter than 8 bytes");
}

} // namespace
} // namespace tl::data
