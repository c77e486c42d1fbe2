// .npy files: round trip, what NumPy writes, and hostile headers.
#include "runtime/data/Npy.h"

#include "test/unit/data/TemporaryFolder.h"

#include <gtest/gtest.h>

namespace tl::data {
namespace {

std::vector<uint8_t> makeNpy(const std::string &dict, size_t dataBytes,
                             unsigned version = 1) {
  std::vector<uint8_t> bytes = {0x93, 'N', 'U', 'M', 'P', 'Y', uint8_t(version),
                                0};
  bytes.push_back(uint8_t(dict.size()));
  bytes.push_back(uint8_t(dict.size() >> 8));
  if (version > 1)
    bytes.insert(bytes.end(), 2, 0);
  bytes.insert(bytes.end(), dict.begin(), dict.end());
  for (size_t i = 0; i < dataBytes; ++i)
    bytes.push_back(uint8_t(i));
  return bytes;
}

std::string refusal(const std::string &dict, size_t dataBytes) {
  Result<NpyArray> array = parseNpy(makeNpy(dict, dataBytes));
  return array ? "accepted" : array.message();
}

// What is written is read back, and starts where NumPy aligns it.
TEST(Npy, RoundTrip) {
  TemporaryFolder folder;
  std::vector<float> values = {1, 2.5f, -3, 4, 5, 6};
  std::vector<uint64_t> shape = {2, 3};
  ASSERT_TRUE(writeNpy(folder / "x.npy", shape, values));
  EXPECT_EQ(std::filesystem::file_size(folder / "x.npy") % 64, 24u);
  Result<NpyArray> read = readNpy(folder / "x.npy");
  ASSERT_TRUE(read) << read.message();
  EXPECT_EQ(read->shape, shape);
  EXPECT_EQ(std::get<std::vector<float>>(read->values), values);
}

// All three format versions, bytes and floats, one dimension and none.
TEST(Npy, ReadsWhatNumpyWrites) {
  for (unsigned version : {1u, 2u, 3u}) {
    Result<NpyArray> array = parseNpy(makeNpy(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }   \n", 6,
        version));
    ASSERT_TRUE(array) << array.message();
    EXPECT_EQ(array->shape, (std::vector<uint64_t>{2, 3}));
    EXPECT_EQ(std::get<std::vector<uint8_t>>(array->values)[5], 5);
  }
  EXPECT_TRUE(parseNpy(makeNpy(
      "{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }\n", 20)));
  EXPECT_TRUE(parseNpy(
      makeNpy("{'descr': '<f4', 'fortran_order': True, 'shape': (), }\n", 4)));
  EXPECT_TRUE(parseNpy(makeNpy(
      "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 7), }\n", 0)));
}

// Refusals that tell the user what to do.
TEST(Npy, RefusesOtherArrays) {
  EXPECT_EQ(
      refusal("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", 8),
      "the array's type is '<f8', expected float32 ('<f4') or uint8 "
      "('|u1')");
  EXPECT_EQ(
      refusal("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", 4),
      "the array is in Fortran order; save numpy.ascontiguousarray(x) instead");
  EXPECT_EQ(
      refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 8),
      "the shape (3,) does not match the 8 bytes of data");
}

// Sizes that overflow, headers that lie about their length, broken literals.
TEST(Npy, RefusesHostileHeaders) {
  EXPECT_EQ(refusal("{'descr': '<f4', 'fortran_order': False, 'shape': "
                    "(4294967296, 4294967296), }",
                    0),
            "the shape (4294967296,4294967296,) does not match the 0 bytes of "
            "data");
  for (const char *dict :
       {"", "{", "{}", "[1]", "{'descr': '<f4'}", "{'descr'",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': "
        "(99999999999999999999,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': "
        "(1,1,1,1,1,1,1,1,1), }"})
    EXPECT_EQ(refusal(dict, 4), "the .npy header cannot be read") << dict;
  std::vector<uint8_t> lying = makeNpy("{}", 0);
  lying[9] = 0xFF;
  EXPECT_EQ(parseNpy(lying).message(), "the .npy file is truncated");
  EXPECT_EQ(parseNpy(makeNpy("{}", 0, 4)).message(),
            ".npy format version 4 is not known; 1, 2 and 3 are");
}

} // namespace
} // namespace tl::data
