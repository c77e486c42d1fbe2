// tlrun M.bin --export FILE: the parameters, as safetensors.
#include "runtime/tools/Model.h"
#include "runtime/tools/Verbs.h"

namespace tl::tools {

void runExport(const Options &options) {
  Model model(options.model);
  call([&](tl_error *e) {
    auto write = options.exportNames == "source" ? tl_model_export_source
                                                 : tl_model_export;
    return write(model.get(), options.exportFile.c_str(), e);
  });
}

} // namespace tl::tools
