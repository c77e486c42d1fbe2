// Tensors larger than the window through which their file is mapped, and files
// that another process cuts short while they are open.
#include "TestFiles.h"
#include "frontends/weights/Bind.h"
#include "frontends/weights/File.h"
#include "frontends/weights/ReportCutFile.h"

#include <bit>
#include <unistd.h>

using namespace tl::weights;

namespace {

// Two windows and a part of a third; a row ends in no window's end.
constexpr int64_t outputs = 37, inputs = 60001;

float valueAt(int64_t output, int64_t input) {
  return float((output * 7919 + input * 31) % 2039) - 1000;
}

// Before the weight lie `shift` bytes, which move it off its alignment.
std::string weightFile(const char *dtype, size_t shift, bool brain) {
  std::string data(shift, '\0');
  for (int64_t output = 0; output < outputs; ++output)
    for (int64_t input = 0; input < inputs; ++input) {
      auto bits = std::bit_cast<uint32_t>(valueAt(output, input));
      if (brain)
        bits >>= 16;
      data.append(reinterpret_cast<const char *>(&bits), brain ? 2 : 4);
    }
  std::string header = R"({"shift":{"dtype":"U8","shape":[)" +
                       std::to_string(shift) + R"(],"data_offsets":[0,)" +
                       std::to_string(shift) + R"(]},"fc.weight":{"dtype":")" +
                       dtype + R"(","shape":[)" + std::to_string(outputs) +
                       "," + std::to_string(inputs) + R"(],"data_offsets":[)" +
                       std::to_string(shift) + "," +
                       std::to_string(data.size()) + "]}}";
  uint64_t size = header.size();
  return std::string(reinterpret_cast<const char *>(&size), 8) + header + data;
}

class MappedFile : public testing::Test {
protected:
  ScratchFolder folder;
};

} // namespace

// As it lies in the file and transposed: the oracle is the index by hand.
// (bfloat16 keeps the high half of each number.)
TEST_F(MappedFile, LargerThanItsWindow) {
  for (auto [dtype, shift] :
       {std::pair("F32", 4), std::pair("F32", 3), std::pair("BF16", 5)}) {
    bool brain = std::string(dtype) == "BF16";
    auto value = [&](int64_t output, int64_t input) {
      auto bits = std::bit_cast<uint32_t>(valueAt(output, input));
      return std::bit_cast<float>(brain ? bits & 0xffff0000 : bits);
    };
    auto source = openOrFail(
        folder.write("w.safetensors", weightFile(dtype, size_t(shift), brain)));
    ASSERT_TRUE(source);
    std::vector<float> stored = readTensor(*source, 1);
    BindRequest request;
    request.expected = {
        {"fc", "Dense", "kernel", {inputs, outputs}, "fc", std::nullopt}};
    auto binding = bindWeights(*source, request);
    ASSERT_TRUE(bool(binding)) << binding.message();
    std::vector<float> canonical(size_t(inputs * outputs));
    ASSERT_TRUE(bool(binding->tensors[0].read(canonical)));
    bool same = true;
    for (int64_t output = 0; output < outputs; ++output)
      for (int64_t input = 0; input < inputs; ++input)
        same &=
            stored[size_t(output * inputs + input)] == value(output, input) &&
            canonical[size_t(input * outputs + output)] == value(output, input);
    EXPECT_TRUE(same) << dtype << " behind " << shift;
  }
}

// Opened whole, cut, then read: an error that names the file.
TEST_F(MappedFile, CutAfterOpening) {
  std::string path = folder.write("w.safetensors", weightFile("F32", 4, false));
  auto source = openOrFail(path);
  ASSERT_TRUE(source);
  ASSERT_EQ(::truncate(path.c_str(), 5 << 20), 0);
  std::vector<float> values(size_t(inputs * outputs));
  Status status = source->read(1, values);
  ASSERT_FALSE(bool(status));
  EXPECT_NE(status.message().find("'" + path + "' ends at byte 5242880"),
            std::string::npos)
      << status.message();
}

// Cut within the time of one window's conversion: a word and exit code 1.
TEST_F(MappedFile, CutUnderAWindow) {
  std::string path = folder.write("w.bin", std::string(1 << 20, 'x'));
  auto file = File::open(path);
  ASSERT_TRUE(bool(file));
  auto readCut = [&] {
    reportCutFiles();
    auto window = file->map(0, 1 << 20);
    ASSERT_TRUE(bool(window));
    ASSERT_EQ(::truncate(path.c_str(), 0), 0);
    volatile std::byte last = window->bytes().back();
    (void)last;
  };
  EXPECT_EXIT(readCut(), testing::ExitedWithCode(1),
              "tlc: error: '.*w.bin' was cut short while it was read");
  EXPECT_EQ(mappedFile(), nullptr);
}
