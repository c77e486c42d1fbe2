// The weights of an imported network as a weight source: in canonical order
// already, and named as `tlrun --export` names them.
#include "frontends/onnx/Import.h"

namespace tl::onnx {

namespace {

class ImportedSource : public weights::WeightSource {
public:
  ImportedSource(std::string path, Import import)
      : file(std::move(path)), import(std::move(import)) {
    for (const ImportedTensor &tensor : this->import.tensors) {
      weights::SourceTensor &entry = list.emplace_back();
      entry.name = tensor.name;
      entry.shape = tensor.shape;
      entry.dtype = "f32";
    }
  }

  weights::Convention convention() const override {
    return weights::Convention::Own;
  }
  const std::string &path() const override { return file; }
  const std::vector<weights::SourceTensor> &tensors() const override {
    return list;
  }
  Status read(size_t index, std::span<float> out) override {
    import.tensors[index].read(out);
    return weights::Done{};
  }

private:
  std::string file;
  Import import;
  std::vector<weights::SourceTensor> list;
};

} // namespace

Result<std::unique_ptr<weights::WeightSource>>
openImportedWeights(const std::string &path, const ImportOptions &options) {
  auto import = importModel(path, options);
  if (!import)
    return import.error();
  return std::unique_ptr<weights::WeightSource>(
      std::make_unique<ImportedSource>(path, std::move(*import)));
}

bool hasOnnxName(llvm::StringRef path) { return path.ends_with(".onnx"); }

} // namespace tl::onnx
