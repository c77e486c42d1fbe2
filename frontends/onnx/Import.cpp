// The entry; see the header.
#include "frontends/onnx/Importer.h"

#include "frontends/weights/Message.h"

namespace tl::onnx {

Result<Import> importModel(const std::string &path,
                           const ImportOptions &options) {
  auto model = readModel(path);
  if (!model)
    return model.error();
  auto result = Importer(*model, options).run();
  if (!result)
    return Error{weights::inQuotes(path) + ": " + result.message()};
  return result;
}

} // namespace tl::onnx
