// nn.dense_update against the two operations that it stands for, bit for bit,
// and against the interpreter.
#include "test/unit/kernels/Oracle.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <tuple>

using namespace tl;
using namespace tl::test;

namespace {
/// nn.dense_update of a [k, m] weight: text of the kernel, or of those of the
/// two operations that it stands for.
struct DenseUpdate {
  int64_t k, m;
  std::string optimizer;
  int slots;

  std::string weight() const {
    return "tensor<" + std::to_string(k) + "x" + std::to_string(m) + "xf32, " +
           (m < 16 ? "#nn.form<rows>>" : "#nn.form<panels>>");
  }
  std::string rows(int64_t columns) const {
    return "tensor<?x" + std::to_string(columns) + "xf32>";
  }
  /// `count` times the weight's type, with commas.
  std::string weights(int count) const {
    std::string list = weight();
    for (int i = 1; i < count; ++i)
      list += ", " + weight();
    return list;
  }
  /// The update by `operands` (`%x, %dy` or `%g`) of the types.
  std::string update(const std::string &name, const std::string &arguments,
                     const std::string &operands,
                     const std::string &types) const {
    std::string declared = "%p: " + weight(), slotNames, pairs = "0, 0", given;
    for (int i = 1; i <= slots; ++i) {
      std::string number = std::to_string(i);
      declared += ", %s" + number + ": " + weight();
      slotNames += (i > 1 ? ", %s" : "%s") + number;
      pairs += ", " + number + ", " + number;
      given += ", %r#" + number;
    }
    return Program::kernel(
        declared + ", " + arguments + ", %step: tensor<16xi32>",
        "%r:" + std::to_string(slots + 1) + " = " + name + " %p slots(" +
            slotNames + ") by " + operands + " at %step {optimizer = " +
            "#nn.optimizer<" + optimizer + ">} : (" + weights(slots + 1) +
            ", " + types + ", tensor<16xi32>) -> (" + weights(slots + 1) +
            ")\nrt.return %r#0" + given + " : " + weights(slots + 1),
        "in_place = array<i64: " + pairs + ">");
  }
  std::string fused() const {
    return update("nn.dense_update", "%x: " + rows(k) + ", %dy: " + rows(m),
                  "%x, %dy", rows(k) + ", " + rows(m));
  }
  std::string second() const {
    return update("nn.update", "%g: " + weight(), "%g", weight());
  }
  std::string first() const {
    return Program::kernel("%x: " + rows(k) + ", %dy: " + rows(m),
                           "%g = nn.dense_grad_weight %x, %dy : (" + rows(k) +
                               ", " + rows(m) + ") -> " + weight() +
                               "\nrt.return %g : " + weight());
  }
};

void expectBitsOfThePair(const DenseUpdate &u, int64_t batch) {
  Program fused(u.fused()), first(u.first()), second(u.second());
  Array x = randomArray(batch * u.k, 1), dy = randomArray(batch * u.m, 2);
  std::vector<Array> state{randomArray(u.k * u.m, 3)};
  for (int i = 0; i < u.slots; ++i) {
    state.push_back(randomArray(u.k * u.m, 4 + i));
    for (float &value : state.back())
      value = std::fabs(value) + 0.01f;
  }
  auto with = [&](std::initializer_list<Array> more) {
    std::vector<Array> arguments = state;
    arguments.insert(arguments.end(), more);
    arguments.push_back(stepArray(exampleStep()));
    return arguments;
  };
  for (const cpu::Isa *isa : runnableIsas()) {
    auto dw = run(first, *isa, batch, {x, dy});
    ASSERT_EQ(dw.size(), 1u) << first.diagnostics();
    auto expected = run(second, *isa, batch, with({dw[0]}));
    auto found = run(fused, *isa, batch, with({x, dy}));
    ASSERT_EQ(expected.size(), size_t(u.slots) + 1) << second.diagnostics();
    ASSERT_EQ(found.size(), expected.size()) << fused.diagnostics();
    for (size_t i = 0; i < found.size(); ++i)
      EXPECT_EQ(0, std::memcmp(found[i].data(), expected[i].data(),
                               found[i].size() * 4))
          << isa->name.str() << ", " << u.optimizer << ", batch " << batch
          << ", result " << i;
  }
}

// The bits are those of the gradient and the update one after the other, for
// every rule, with decay and an average.
TEST(DenseUpdate, HasTheBitsOfThePairByEveryRule) {
  for (std::string convention : {"keras, {", "torch, {"})
    for (auto [rule, constants, slots] :
         {std::tuple("sgd", "", 0), std::tuple("sgd", "momentum = 0.9, ", 1),
          std::tuple("rmsprop", "", 1), std::tuple("adam", "", 2),
          std::tuple("adamw", "", 2)}) {
      std::string start = std::string(rule) + ", " + convention + constants;
      expectBitsOfThePair(
          {33, 20, start + "weight_decay = 0.5, ema = 0.75}", slots + 1}, 5);
    }
}

// The same for rows and panels, one element, narrow blocks, several tiles with
// a rest of rows and of columns, and sums of several parts.
TEST(DenseUpdate, HasTheBitsOfThePairInEveryShape) {
  std::string rule = "rmsprop, keras, {}";
  for (auto [k, m, batch] : {std::array<int64_t, 3>{1, 1, 1},
                             {37, 2, 3},
                             {64, 15, 7},
                             {19, 16, 5},
                             {48, 32, 70},
                             {1000, 49, 6},
                             {950, 200, 2},
                             {40, 33, 300},
                             {130, 5, 257}})
    expectBitsOfThePair({k, m, rule, 1}, batch);
}

// Against the interpreter.
TEST(DenseUpdate, AgreesWithInterpreter) {
  auto check = [](const std::string &k, const std::string &m,
                  const std::string &form) {
    std::string w = "tensor<" + k + "x" + m + "xf32, #nn.form<" + form + ">>";
    KernelCase c{"nn.dense_update %a0 slots(%a1) by %a2, %a3 at %a4 "
                 "{optimizer = #nn.optimizer<sgd, keras, {momentum = 0.9}>}",
                 {w, w, "tensor<?x" + k + "xf32>", "tensor<?x" + m + "xf32>",
                  "tensor<16xi32>"},
                 "(" + w + ", " + w + ")"};
    // A sum of up to 7 products below 1, then five roundings of order 1.
    c.tolerance = {1e-6, 2e-6};
    c.dependsOnBatch = true;
    c.attributes = "in_place = array<i64: 0, 0, 1, 1>";
    c.fill = [](unsigned index, int64_t elements) {
      return index == 4 ? stepArray(exampleStep())
                        : randomArray(elements, index + 1);
    };
    expectAgreesWithInterpreter(c);
  };
  check("33", "20", "panels");
  check("33", "5", "rows");
}
} // namespace
