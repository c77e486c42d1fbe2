// What the importer lets pass is a network for the rest of the compiler:
// damaged models that it takes become modules that the dialects' verifiers
// take.
#include "compiler/Conversion/TLToNN/Network.h"
#include "dialects/TL/TL.h"
#include "frontends/tl/MLIRGen.h"
#include "test/onnx/TestModels.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"

#include <gtest/gtest.h>

#include <unistd.h>

namespace tl::onnx {
namespace {

// Readable models with other operators, operands, shapes and attributes, which
// the importer takes often enough; each must be a valid module of the
// language's dialect and, without its frame, of networks.
TEST(OnnxGenerate, DamagedModels) {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() /
      ("tl-generate-" + std::to_string(::getpid()) + ".onnx");
  mlir::MLIRContext context;
  context.loadDialect<ask::TLDialect, nn::NNDialect, mlir::func::FuncDialect>();
  frontend::SourceFile file("m.tl", "");
  frontend::SourceRange range{&file, 0, 0};
  Damage damage(77);
  int taken = 0;
  for (const std::string &good : seedModels())
    for (int round = 0; round < 1500; ++round) {
      pb::ModelProto model;
      ASSERT_TRUE(model.ParseFromString(good));
      for (size_t changes = damage.pick(4); changes > 0; --changes)
        damage.change(model);
      std::string bytes = model.SerializeAsString();
      std::filesystem::remove(path); // or ext4 writes each one to the disk
      std::ofstream(path, std::ios::binary) << bytes;
      auto import = importModel(path.string(), {std::nullopt, "", range});
      if (!import)
        continue;
      ++taken;
      frontend::Recipe recipe;
      recipe.range = recipe.backbone.range = recipe.backbone.preprocess.range =
          range;
      recipe.name = recipe.backbone.name = "m";
      recipe.input = import->network.inputShape;
      recipe.backbone.network = import->network;
      recipe.backbone.list =
          frontend::listLayers(import->network, frontend::Convention::Torch);
      // In a model the importer refuses a file for other inputs than pictures
      // of one or three channels; here it takes each as it is.
      recipe.backbone.preprocess.name = "raw";
      recipe.backbone.preprocess.mean.assign(recipe.input.back(), 0);
      recipe.backbone.preprocess.deviation.assign(recipe.input.back(), 1);
      auto module = frontend::generate(recipe, {"", "", {}}, &context);
      if (recipe.input.size() == 3)
        EXPECT_TRUE(succeeded(mlir::verify(*module))) << round;
      Network network = flattenNetwork(*module->getOps<ask::ModelOp>().begin());
      EXPECT_TRUE(succeeded(mlir::verify(network.function))) << round;
    }
  std::filesystem::remove(path);
  EXPECT_GT(taken, 3000); // else nothing was shown
}

} // namespace
} // namespace tl::onnx
