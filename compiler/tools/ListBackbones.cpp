// See the header.
#include "compiler/tools/ListBackbones.h"

#include "compiler/tools/Numbers.h"
#include "frontends/tl/Catalogue.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace tl::frontend;

namespace tl {

static void writeEntry(llvm::json::OStream &json, const CatalogueEntry &e) {
  json.object([&] {
    json.attribute("name", e.name);
    json.attribute("use", e.use);
    json.attribute("title", e.title);
    json.attribute("paper", e.paper);
    json.attribute("convention", e.convention);
    json.attribute("preprocess", e.preprocess);
    json.attribute("published", e.published);
    json.attribute("licence", e.licence);
    json.attributeArray("weights_from", [&] {
      for (const std::string &url : e.weightsFrom)
        json.value(url);
    });
    json.attribute("image_size", e.imageSize);
    json.attribute("least_size", e.leastSize);
    json.attribute("top", e.top);
    json.attribute("layers", e.layers);
    json.attribute("parameters", e.parameters);
    json.attribute("multiply_adds", e.multiplyAdds);
  });
}

bool printBackbones(mlir::MLIRContext &context, bool json,
                    llvm::raw_ostream &os) {
  auto entries = listBackbones(context);
  if (!entries)
    return false;
  if (json) {
    llvm::json::OStream out(os, 2);
    out.array([&] {
      for (const CatalogueEntry &entry : *entries)
        writeEntry(out, entry);
    });
    os << "\n";
    return true;
  }
  for (const CatalogueEntry &entry : *entries)
    os << llvm::formatv("{0,-36} {1,11} weights  {2}\n", entry.use,
                        grouped(entry.parameters), entry.title);
  return true;
}

} // namespace tl
