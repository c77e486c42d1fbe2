// Kernels that move values, against the interpreter, without tolerance.
#include "test/unit/kernels/Oracle.h"

#include <gtest/gtest.h>

using namespace tl;
using namespace tl::test;

namespace {
const std::string kHalo = "1, 0, 2, 1", kOther = "0, 2, 1, 3";

// With nothing to pad it is a copy from one layout to another.
TEST(Pad, AgreesWithInterpreter) {
  for (std::string in : {"", "1, 0, 2, 1"})
    for (std::string out : {"", "0, 2, 1, 3"}) {
      expectAgreesWithInterpreter({"nn.pad %a0 {pads = array<i64: 1, 0, 0, 2>}",
                                   {picture({3, 5, 17}, in)},
                                   picture({4, 7, 17}, out)});
      expectAgreesWithInterpreter({"nn.pad %a0 {pads = array<i64: 0, 0, 0, 0>}",
                                   {picture({3, 5, 3}, in)},
                                   picture({3, 5, 3}, out)});
    }
  expectAgreesWithInterpreter({"nn.pad %a0 {pads = array<i64: 2, 3, 4, 5>}",
                               {picture({1, 1, 1})},
                               picture({6, 10, 1})});
  expectAgreesWithInterpreter({"nn.pad %a0 {pads = array<i64: 0, 1, 0, 1>}",
                               {picture({64, 64, 16})},
                               picture({65, 65, 16})});
}

// Zeros on one side, on both, on none; odd channels; one token row.
TEST(PadChannels, AgreesWithInterpreter) {
  auto check = [](const std::string &in, const std::string &out,
                  const std::string &before, const std::string &after) {
    expectAgreesWithInterpreter({"nn.pad_channels %a0 {before = " + before +
                                     " : i64, after = " + after + " : i64}",
                                 {in},
                                 out});
  };
  check(picture({3, 5, 17}, kHalo), picture({3, 5, 37}, kOther), "13", "7");
  check(picture({8, 8, 16}), picture({8, 8, 32}, kHalo), "8", "8");
  check(picture({1, 1, 1}), picture({1, 1, 2}), "0", "1");
  check(picture({7, 3}), picture({7, 4}), "1", "0");
  check(picture({5}), picture({5}), "0", "0");
  check(picture({40, 40, 16}), picture({40, 40, 32}), "16", "0");
}

// Flattening, its gradient, a change of halo, and rows of different lengths
// with halos on both sides.
TEST(Reshape, AgreesWithInterpreter) {
  auto check = [](const std::string &in, const std::string &out) {
    expectAgreesWithInterpreter({"nn.reshape %a0", {in}, out});
  };
  check(picture({3, 5, 17}), picture({255}));
  check(picture({3, 5, 17}, kHalo), picture({255}));
  check(picture({255}), picture({3, 5, 17}, kOther));
  check(picture({3, 5, 17}, kHalo), picture({3, 5, 17}, kOther));
  check(picture({6, 5, 2}, kHalo), picture({4, 5, 3}, kOther));
  check(picture({1, 1, 3}, kHalo), picture({3}));
  check(picture({1}), picture({1, 1, 1}));
  check(picture({40, 40, 16}, kHalo), picture({25600}));
}

TEST(Concat, AgreesWithInterpreter) {
  expectAgreesWithInterpreter({"nn.concat %a0, %a1, %a2",
                               {picture({3, 5, 17}, kHalo), picture({3, 5, 1}),
                                picture({3, 5, 3}, kOther)},
                               picture({3, 5, 21}, kHalo)});
  expectAgreesWithInterpreter({"nn.concat %a0, %a1",
                               {picture({33, 33, 16}), picture({33, 33, 8})},
                               picture({33, 33, 24})});
  expectAgreesWithInterpreter(
      {"nn.concat %a0, %a1", {picture({1}), picture({2})}, picture({3})});
  // Along the channels of three dimensions too.
  expectAgreesWithInterpreter({"nn.concat %a0, %a1",
                               {picture({3, 1}), picture({3, 2})},
                               picture({3, 3})});
}
} // namespace
