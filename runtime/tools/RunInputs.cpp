// See RunInputs.h.
#include "runtime/tools/RunInputs.h"

#include "runtime/data/File.h"
#include "runtime/data/Hash.h"
#include "runtime/data/Safetensors.h"
#include "runtime/tools/Options.h"

#include <fmt/format.h>

namespace tl::tools {

data::PictureFolder scanPictures(const Model &model, const Options &options) {
  const tl_model_info &info = model.info();
  data::PictureFolder folder = take(
      data::scanTraining(options.folder, model.labels(), double(info.split)));
  if (folder.labels.size() == info.classes)
    return folder;
  std::string names;
  for (const std::string &label : folder.labels)
    names += (names.empty() ? "'" : ", '") + label + "'";
  throw Failure(fmt::format("{}: there are {} class folders ({}), the model "
                            "has {} classes",
                            options.folder, folder.labels.size(), names,
                            info.classes));
}

uint64_t hashPictures(const data::PictureFolder &folder) {
  constexpr uint64_t largest = uint64_t(1) << 30; // of the decoder
  std::vector<data::Hash128> parts;
  for (const auto *side : {&folder.training, &folder.validation})
    for (const data::PictureFile &file : *side) {
      // What cannot be read is no picture in either run.
      auto bytes = data::readFile(file.path, largest);
      parts.push_back(
          {data::hash64(std::string_view(file.relative)), file.label});
      if (bytes)
        parts.push_back(data::hash128(*bytes));
    }
  return data::combine(parts).low;
}

void setLabels(tl_trainer *trainer, const std::vector<std::string> &labels) {
  std::vector<const char *> names;
  for (const std::string &label : labels)
    names.push_back(label.c_str());
  call([&](tl_error *e) {
    return tl_trainer_set_labels(trainer, names.data(), uint32_t(names.size()),
                                 e);
  });
}

void loadInitial(tl_trainer *trainer, const std::string &path) {
  if (path.empty())
    return;
  for (const data::NamedTensor &tensor : take(data::readSafetensors(path))) {
    tl_error error{};
    if (tl_trainer_set_parameter(trainer, tensor.name.c_str(),
                                 tensor.shape.data(),
                                 uint32_t(tensor.shape.size()),
                                 tensor.values.data(), &error) != TL_STATUS_OK)
      throw Failure(fmt::format("{}: {}", path, error.message));
  }
}

} // namespace tl::tools
