// tlrun M.bin --export FILE: the parameters, as safetensors.
#include "runtime/tools/Model.h"
#include "runtime/tools/Verbs.h"

namespace tl::tools {

void runExport(const Options &options) {
  Model model(options.model);
  call([&](tl_error *e) {
    return tl_model_export(model.get(), options.exportFile.c_str(), e);
  });
}

} // namespace tl::tools
