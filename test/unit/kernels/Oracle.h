// Kernels against the reference interpreter, and against themselves: on every
// ISA that the machine runs, for batches of 1, 3 and 7, a kernel's results
// must be near the interpreter's, and where they are per picture they must be
// the same bits whatever the batch and the order of tiles.
#pragma once

#include "runtime/schema/KernelAbi.h"
#include "test/unit/kernels/Harness.h"

#include <functional>

namespace tl::test {

/// |found - exact| may be absolute + relative |exact|.
struct Tolerance {
  double relative = 0, absolute = 0;
};

/// An operation on arguments %0, %1, ... of a kernel.
struct KernelCase {
  std::string operation;          ///< "nn.add %a0, %a1 {...}"
  std::vector<std::string> types; ///< of %a0, %a1, ...
  std::string result;             ///< its type, or "(types)" of several
  Tolerance tolerance = {};
  bool dependsOnBatch = false; ///< the gradient of a loss divides by N
  std::string attributes = {};
  /// The values of an argument, instead of random ones in [-1, 1).
  std::function<Array(unsigned index, int64_t elements)> fill = {};
};

void expectAgreesWithInterpreter(const KernelCase &kernelCase);

/// A step block as an argument. Its words must survive as f32: floats with
/// few digits.
Array stepArray(const schema::StepBlock &step);

/// The step block of the tests: words with and without the top bit.
schema::StepBlock exampleStep();

/// A value of type `tensor<?x...xf32>`, with a halo unless it is empty.
std::string picture(std::initializer_list<int64_t> shape,
                    const std::string &halo = "");

} // namespace tl::test
