// Slicing kernels and their gradients against the interpreter, without
// tolerance: elements are moved, or zero.
#include "test/unit/kernels/Oracle.h"

#include <gtest/gtest.h>

using namespace tl;
using namespace tl::test;

namespace {
struct SliceCase {
  std::initializer_list<int64_t> whole, part;
  std::string offsets, strides;
};

const SliceCase kCases[] = {
    // A shortcut's every second pixel, of even and odd maps.
    {{8, 8, 16}, {4, 4, 16}, "0, 0, 0", "2, 2, 1"},
    {{33, 31, 17}, {17, 16, 17}, "0, 0, 0", "2, 2, 1"},
    // Whole rows, whole pixels of a part of the columns, the whole.
    {{5, 7, 3}, {2, 7, 3}, "2, 0, 0", "2, 1, 1"},
    {{5, 7, 3}, {5, 4, 3}, "0, 2, 0", "1, 1, 1"},
    {{3, 5, 17}, {3, 5, 17}, "0, 0, 0", "1, 1, 1"},
    // Channels: a part, every third, one of one.
    {{3, 5, 50}, {3, 5, 17}, "0, 0, 33", "1, 1, 1"},
    {{3, 5, 17}, {2, 2, 5}, "1, 1, 2", "1, 3, 3"},
    {{1, 1, 1}, {1, 1, 1}, "0, 0, 0", "1, 1, 1"},
    {{40, 40, 48}, {40, 40, 16}, "0, 0, 16", "1, 1, 1"},
};

std::string attributes(const std::string &offsets, const std::string &strides) {
  return "{offsets = array<i64: " + offsets +
         ">, strides = array<i64: " + strides + ">}";
}

/// The slice and its gradient.
void check(const std::string &whole, const std::string &part,
           const std::string &offsets, const std::string &strides) {
  expectAgreesWithInterpreter(
      {"nn.slice %a0 " + attributes(offsets, strides), {whole}, part});
  expectAgreesWithInterpreter(
      {"nn.slice_grad %a0 " + attributes(offsets, strides), {part}, whole});
}

TEST(Slice, AgreesWithInterpreter) {
  for (const SliceCase &c : kCases)
    check(picture(c.whole), picture(c.part), c.offsets, c.strides);
}

// Halos of the result are zero, those of the operand are stepped over.
TEST(Slice, StepsOverHalos) {
  for (const SliceCase &c : kCases)
    check(picture(c.whole, "1, 0, 2, 1"), picture(c.part, "0, 2, 1, 3"),
          c.offsets, c.strides);
}

// Features, tokens (the first; the middle third of the channels) and five
// dimensions.
TEST(Slice, OtherNumbersOfDimensions) {
  check(picture({19}), picture({5}), "3", "1");
  check(picture({19}), picture({6}), "1", "3");
  check(picture({9, 24}), picture({1, 24}), "0, 0", "1, 1");
  check(picture({9, 24}), picture({9, 8}), "0, 8", "1, 1");
  check(picture({197, 192}), picture({99, 192}), "0, 0", "2, 1");
  check(picture({3, 2, 5, 4}), picture({2, 1, 5, 4}), "0, 1, 0, 0",
        "2, 1, 1, 1");
}
} // namespace
