// See ReportFacts.h.
#include "runtime/tools/ReportFacts.h"

#include "runtime/tools/Names.h"
#include "runtime/tools/ReportHtml.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <span>

namespace tl::tools {
namespace {

std::string describePreprocess(const tl_preprocess &p) {
  std::string text =
      fmt::format("{}: resize {}", p.name,
                  p.resize_to ? fmt::format("short side to {}", p.resize_to)
                              : fmt::format("to {}×{}", p.width, p.height));
  text += fmt::format(" ({}){}, {}, (value × {:g} − mean) / std",
                      nameOf(p.resize), p.crop ? ", centre crop" : "",
                      p.channels == 1 ? "grey"
                      : p.bgr         ? "BGR"
                                      : "RGB",
                      p.scale);
  return fmt::format("{}, mean {:g}, std {:g}", text,
                     fmt::join(std::span(p.mean, p.channels), " "),
                     fmt::join(std::span(p.std, p.channels), " "));
}

std::string describeAugment(const tl_augment &augment) {
  std::vector<std::string> parts;
  auto add = [&](const char *what, float amount) {
    if (amount != 0)
      parts.push_back(fmt::format("{} {:g}", what, amount));
  };
  add("flip horizontally", augment.flip_horizontal);
  add("flip vertically", augment.flip_vertical);
  add("rotate by degrees up to", augment.rotate);
  add("shift by a share up to", augment.shift);
  add("zoom by a share up to", augment.zoom);
  if (augment.crop_least < 1 && augment.crop_most > 0)
    parts.push_back(fmt::format("crop to {:g}..{:g} of the area",
                                augment.crop_least, augment.crop_most));
  add("brightness", augment.brightness);
  add("contrast", augment.contrast);
  add("saturation", augment.saturation);
  add("hue", augment.hue);
  if (parts.empty())
    return "none";
  return fmt::format(
      "{}; {}", fmt::join(parts, ", "),
      augment.views ? fmt::format("{} views of each picture", augment.views)
                    : "a fresh view in each epoch");
}

std::string describeWeights(const tl_model_info &info) {
  switch (info.class_weights) {
  case TL_CLASS_WEIGHTS_BALANCED:
    return "balanced";
  case TL_CLASS_WEIGHTS_GIVEN:
    return fmt::format("{:g}",
                       fmt::join(std::span(info.weights, info.classes), ", "));
  default:
    return "none";
  }
}

std::vector<std::string> describeOptions(const tl_phase_info &phase) {
  std::vector<std::string> options;
  if (phase.schedule == TL_SCHEDULE_STEP)
    options.push_back(fmt::format("times {:g} every {:g} epochs",
                                  phase.schedule_factor, phase.schedule_every));
  else if (phase.schedule != TL_SCHEDULE_CONSTANT)
    options.push_back(fmt::format("schedule {}", nameOf(phase.schedule)));
  if (phase.warmup > 0)
    options.push_back(fmt::format("warmup of {:g} epochs", phase.warmup));
  if (phase.clip_norm > 0)
    options.push_back(
        fmt::format("gradients clipped to norm {:g}", phase.clip_norm));
  if (phase.ema > 0)
    options.push_back(fmt::format("moving average {:g}", phase.ema));
  if (phase.early_stop)
    options.push_back(fmt::format("stops after {} epochs without improvement",
                                  phase.early_stop));
  if (phase.keep_best)
    options.push_back("keeps the best epoch");
  return options;
}

ReportPhase describePhase(const Model &model, uint32_t index) {
  const tl_phase_info &phase = *tl_model_phase(model.get(), index);
  ReportPhase described;
  described.name = phase.name;
  described.epochs = phase.epochs;
  described.optimizer = nameOf(phase.optimizer);
  described.rate = fmt::format("{:g}", phase.learning_rate);
  if (phase.backbone_rate > 0 && phase.backbone_rate != phase.learning_rate)
    described.rate +=
        fmt::format(" ({:g} in the backbone)", phase.backbone_rate);
  described.options = describeOptions(phase);
  for (uint32_t i = 0; i < model.info().layer_count; ++i) {
    const tl_layer_info &layer = *tl_model_layer(model.get(), i);
    if (!layer.trainable || !layer.parameters || layer.first_phase > index)
      continue;
    described.parameters += layer.parameters;
    if (layer.first_phase == index)
      described.newLayers.push_back(layer.name);
  }
  return described;
}

std::vector<ReportFact> describeFacts(const Model &model) {
  const tl_model_info &info = model.info();
  std::vector<ReportFact> facts;
  facts.push_back({"Backbone", info.backbone});
  facts.push_back(
      {"Input", fmt::format("{}×{}×{}", info.preprocess.height,
                            info.preprocess.width, info.preprocess.channels)});
  facts.push_back({"Preprocessing", describePreprocess(info.preprocess)});
  facts.push_back({"Augmentation", describeAugment(info.augment)});
  facts.push_back(
      {fmt::format("{} classes", info.classes),
       fmt::format("{}", fmt::join(model.labelsOrNumbers(), ", "))});
  std::string loss = nameOf(info.loss);
  if (info.label_smoothing > 0)
    loss += fmt::format(", label smoothing {:g}", info.label_smoothing);
  if (info.mixup > 0)
    loss += fmt::format(", mixup {:g}", info.mixup);
  facts.push_back({"Loss", loss});
  facts.push_back({"Class weights", describeWeights(info)});
  facts.push_back({"Batch", fmt::format("{} pictures", info.batch)});
  facts.push_back({"Convention", nameOf(info.convention)});
  facts.push_back(
      {"Seed", fmt::format("{}", info.trained ? info.used_seed : info.seed)});
  facts.push_back({"Features", fmt::format("{} numbers a picture cross from "
                                           "the frozen part to the rest",
                                           showCount(info.feature_count))});
  facts.push_back(
      {"File",
       fmt::format("{}: frozen weights {}, trained parameters {}, code "
                   "{} for {}",
                   showBytes(info.file_bytes), showBytes(info.constant_bytes),
                   showBytes(info.parameter_bytes), showBytes(info.code_bytes),
                   nameOf(info.isa))});
  return facts;
}

} // namespace

ReportData describeModel(const Model &model) {
  const tl_model_info &info = model.info();
  ReportData data;
  data.name = info.name;
  data.producer = info.producer;
  data.labels = model.labelsOrNumbers();
  data.facts = describeFacts(model);
  for (uint32_t i = 0; i < info.phase_count; ++i)
    data.phases.push_back(describePhase(model, i));
  for (uint32_t i = 0; i < info.history_count; ++i)
    data.history.push_back(*tl_model_history(model.get(), i));
  data.topK = info.top_k;
  data.auc = info.auc != 0;
  data.subtitle = fmt::format(
      "A classifier of {} classes on the backbone {}{}.", info.classes,
      info.backbone, info.trained ? "" : ", not trained yet");
  data.batch = info.batch;
  for (uint32_t i = 0; i < info.entry_count; ++i) {
    const tl_entry_info &entry = *tl_model_entry(model.get(), i);
    if (entry.kind != TL_ENTRY_TAP)
      data.programs.push_back(
          {entry.name, entry.fixed_bytes + info.batch * entry.picture_bytes,
           entry.multiply_adds});
  }
  data.recipe = info.recipe;
  return data;
}

} // namespace tl::tools
