// What a training run starts from besides the model: the pictures there are,
// what stands for them, the class names, values of parameters from outside.
#pragma once

#include "runtime/data/PictureFolder.h"
#include "runtime/tools/Model.h"

namespace tl::tools {

struct Options;

// The folder of --train; its classes are as many as the model's.
data::PictureFolder scanPictures(const Model &model, const Options &options);

// Names below the folder, labels and contents of all pictures, in order: the
// same number where nothing of this changed, wherever the folder lies.
uint64_t hashPictures(const data::PictureFolder &folder);

void setLabels(tl_trainer *trainer, const std::vector<std::string> &labels);

// --init: every tensor of a safetensors file becomes the value of the parameter
// of that name. Nothing where `path` is empty.
void loadInitial(tl_trainer *trainer, const std::string &path);

} // namespace tl::tools
