// Widening, against conversions done by the compiler's own _Float16 and against
// the definition of bfloat16.
#include "frontends/weights/Widen.h"
#include "frontends/weights/Message.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace tl::weights;

// All 65,536 patterns: subnormals, infinities and NaNs are where bugs sit.
TEST(Widen, EveryHalf) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float expected = static_cast<float>(
        std::bit_cast<_Float16>(static_cast<uint16_t>(bits)));
    float found = widenF16(static_cast<uint16_t>(bits));
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(found)) << bits;
    else
      EXPECT_EQ(std::bit_cast<uint32_t>(expected),
                std::bit_cast<uint32_t>(found))
          << bits;
  }
}

// bfloat16 is the upper half of a float32.
TEST(Widen, BrainFloat) {
  EXPECT_EQ(widenBF16(0x3fc0), 1.5f);
  EXPECT_EQ(widenBF16(0xc2f7), -123.5f);
  EXPECT_EQ(widenBF16(0x0001), 0x1p-133f);
}

// Each integer type keeps its sign and its size.
TEST(Widen, Integers) {
  const unsigned char bytes[8] = {0xfe, 0xff, 0xff, 0xff,
                                  0xff, 0xff, 0xff, 0xff};
  auto one = [&](ElementType type) {
    float value = 0;
    widen(type, reinterpret_cast<const std::byte *>(bytes), 1, &value);
    return value;
  };
  EXPECT_EQ(one(ElementType::I8), -2);
  EXPECT_EQ(one(ElementType::U8), 254);
  EXPECT_EQ(one(ElementType::I16), -2);
  EXPECT_EQ(one(ElementType::U16), 65534);
  EXPECT_EQ(one(ElementType::I32), -2);
  EXPECT_EQ(one(ElementType::U32), 0x1p32f);
  EXPECT_EQ(one(ElementType::I64), -2);
  EXPECT_EQ(one(ElementType::U64), 0x1p64f);
}

// Names from files reach the user's terminal: no escape sequence may.
TEST(Message, EscapesControlCharacters) {
  EXPECT_EQ(inQuotes("a\x1b[2J\n"), "'a\\x1b[2J\\x0a'");
  EXPECT_LT(inQuotes(std::string(5000, 'x')).size(), 250u);
}

// The product must not wrap around to something small.
TEST(Message, ShapesThatOverflow) {
  EXPECT_EQ(checkedElements(std::vector<int64_t>{}), 1);
  EXPECT_EQ(checkedElements(std::vector<int64_t>{3, 4}), 12);
  EXPECT_EQ(checkedElements(std::vector<int64_t>{3, 0}), -1);
  EXPECT_EQ(checkedElements(std::vector<int64_t>{-3, -4}), -1);
  EXPECT_EQ(
      checkedElements(std::vector<int64_t>{int64_t(1) << 32, int64_t(1) << 32}),
      -1);
  EXPECT_EQ(checkedElements(std::vector<int64_t>(9, 1)), -1);
}

TEST(Message, EditDistance) {
  EXPECT_EQ(editDistance("conv1", "conv1"), 0u);
  EXPECT_EQ(editDistance("conv1", "cnov1"), 2u);
  EXPECT_EQ(editDistance("", "abc"), 3u);
}
