// Text of IR to a result of the interpreter, for the tests of this folder.
#pragma once

#include "compiler/Interpreter/Interpreter.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>
#include <random>
#include <string>

namespace tl {

/// A parsed module, and what diagnostics said about it.
class Program {
public:
  explicit Program(const std::string &text) {
    context
        .loadDialect<nn::NNDialect, rt::RTDialect, mlir::func::FuncDialect>();
    context.getDiagEngine().registerHandler([this](mlir::Diagnostic &d) {
      if (d.getSeverity() == mlir::DiagnosticSeverity::Error)
        errors += d.str() + "\n";
      return mlir::success();
    });
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module)
      ADD_FAILURE() << errors << text;
  }

  mlir::func::FuncOp function() {
    return *module->getOps<mlir::func::FuncOp>().begin();
  }

  std::vector<NNValue> run(llvm::ArrayRef<NNValue> inputs,
                           Interpreter interpreter = {}) {
    auto results = interpreter.run(function(), inputs);
    if (failed(results))
      ADD_FAILURE() << errors;
    return succeeded(results) ? *results : std::vector<NNValue>();
  }

  mlir::MLIRContext context;
  std::string errors;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// The results of one operation, `text`, on arguments %a0, %a1, ... of the
/// types listed in `types`.
inline std::vector<NNValue>
evaluateAll(const std::string &text, const std::vector<std::string> &types,
            const std::vector<std::string> &resultTypes,
            llvm::ArrayRef<NNValue> inputs) {
  std::string arguments, list, names, results;
  for (size_t i = 0; i < types.size(); ++i) {
    arguments += (i ? ", %a" : "%a") + std::to_string(i) + ": " + types[i];
    list += (i ? ", " : "") + types[i];
  }
  for (size_t i = 0; i < resultTypes.size(); ++i) {
    names += (i ? ", %r#" : "%r#") + std::to_string(i);
    results += (i ? ", " : "") + resultTypes[i];
  }
  Program program("func.func @f(" + arguments + ") -> (" + results +
                  ") {\n  %r:" + std::to_string(resultTypes.size()) + " = " +
                  text + " : (" + list + ") -> (" + results + ")\n  return " +
                  names + " : " + results + "\n}");
  return program.run(inputs);
}

/// The same for an operation of one result.
inline NNValue evaluate(const std::string &text,
                        const std::vector<std::string> &types,
                        const std::string &resultType,
                        llvm::ArrayRef<NNValue> inputs) {
  auto results = evaluateAll(text, types, {resultType}, inputs);
  return results.empty() ? NNValue() : results[0];
}

/// Fails unless the elements agree to within rounding of double.
inline void expectValues(const NNValue &value,
                         const std::vector<double> &expected) {
  ASSERT_EQ(value.data.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(value.data[i], expected[i], 1e-12) << "element " << i;
}

/// 0, 1, 2, ... in a shape.
inline NNValue iota(llvm::ArrayRef<int64_t> shape, double first = 0) {
  NNValue value(shape);
  for (double &element : value.data)
    element = first++;
  return value;
}

/// Values in (-2, 2), at least 0.01 away from 0: the kinks of relu and its
/// kin must not lie within a finite difference.
inline NNValue randomValue(llvm::ArrayRef<int64_t> shape, std::mt19937 &rng) {
  std::uniform_real_distribution<double> size(0.01, 2);
  NNValue value(shape);
  for (double &element : value.data)
    element = rng() % 2 ? size(rng) : -size(rng);
  return value;
}

} // namespace tl
