// tlrun M.bin --info: what is in the file.
#include "runtime/tools/Json.h"
#include "runtime/tools/Model.h"
#include "runtime/tools/Names.h"
#include "runtime/tools/Verbs.h"

namespace tl::tools {
namespace {

Json describePreprocess(const tl_preprocess &p) {
  return {{"name", p.name},
          {"order", p.channels == 1 ? "grey"
                    : p.bgr         ? "bgr"
                                    : "rgb"},
          {"scale", p.scale},
          {"mean", std::vector<float>(p.mean, p.mean + p.channels)},
          {"std", std::vector<float>(p.std, p.std + p.channels)},
          {"resize", nameOf(p.resize)},
          {"resize_to", p.resize_to},
          {"crop", p.crop != 0}};
}

// The facts that are lists: one entry a phase, a value, a program, an epoch.
void describeLists(const Model &model, Json &json) {
  const tl_model_info &info = model.info();
  json["phases"] = Json::array();
  for (uint32_t i = 0; i < info.phase_count; ++i) {
    const tl_phase_info &phase = *tl_model_phase(model.get(), i);
    json["phases"].push_back({{"name", phase.name},
                              {"epochs", phase.epochs},
                              {"optimizer", nameOf(phase.optimizer)},
                              {"learning_rate", phase.learning_rate},
                              {"keep_best", phase.keep_best != 0},
                              {"backbone_rate", phase.backbone_rate},
                              {"schedule", nameOf(phase.schedule)},
                              {"warmup", phase.warmup},
                              {"clip_norm", phase.clip_norm},
                              {"ema", phase.ema},
                              {"early_stop", phase.early_stop},
                              {"frontier", phase.frontier},
                              {"features", phase.feature_count}});
  }
  json["values"] = Json::array();
  for (uint32_t i = 0; i < info.value_count; ++i) {
    const tl_value_info &value = *tl_model_value(model.get(), i);
    json["values"].push_back(
        {{"name", value.name},
         {"shape",
          std::vector<int64_t>(value.shape, value.shape + value.rank)}});
  }
  json["entries"] = Json::array();
  for (uint32_t i = 0; i < info.entry_count; ++i) {
    const tl_entry_info &entry = *tl_model_entry(model.get(), i);
    json["entries"].push_back({{"name", entry.name},
                               {"fixed_bytes", entry.fixed_bytes},
                               {"picture_bytes", entry.picture_bytes},
                               {"scratch_bytes", entry.scratch_bytes},
                               {"multiply_adds", entry.multiply_adds}});
  }
  json["layers"] = Json::array();
  for (uint32_t i = 0; i < info.layer_count; ++i) {
    const tl_layer_info &layer = *tl_model_layer(model.get(), i);
    Json first; // null: no phase trains it
    if (layer.first_phase < info.phase_count)
      first = tl_model_phase(model.get(), layer.first_phase)->name;
    json["layers"].push_back({{"index", layer.index},
                              {"name", layer.name},
                              {"kind", layer.kind},
                              {"parameters", layer.parameters},
                              {"trainable", layer.trainable != 0},
                              {"first_phase", first}});
  }
  json["history"] = Json::array();
  for (uint32_t i = 0; i < info.history_count; ++i) {
    const tl_epoch_record &record = *tl_model_history(model.get(), i);
    json["history"].push_back(
        {{"phase", tl_model_phase(model.get(), record.phase)->name},
         {"epoch", record.epoch + 1},
         {"loss", record.loss},
         {"accuracy", record.accuracy},
         {"val_loss", record.val_loss},
         {"val_accuracy", record.val_accuracy}});
  }
}

Json describe(const Model &model) {
  const tl_model_info &info = model.info();
  const tl_preprocess &p = info.preprocess;
  Json json = {{"name", info.name},
               {"producer", info.producer},
               {"backbone", info.backbone},
               {"trained", info.trained != 0},
               {"input", {p.height, p.width, p.channels}},
               {"preprocess", describePreprocess(p)},
               {"classes", info.classes},
               {"labels", model.labels()},
               {"features", info.feature_count},
               {"batch", info.batch},
               {"seed", info.trained ? info.used_seed : info.seed},
               {"isa", nameOf(info.isa)},
               {"file_bytes", info.file_bytes},
               {"constant_bytes", info.constant_bytes},
               {"parameter_bytes", info.parameter_bytes},
               {"slot_bytes", info.slot_bytes},
               {"code_bytes", info.code_bytes}};
  describeLists(model, json);
  json["recipe"] = info.recipe;
  return json;
}

std::string megabytes(uint64_t bytes) {
  return fmt::format("{:.2f} MB", double(bytes) / 1e6);
}

void printEntries(const Model &model) {
  fmt::print("memory of each program at batch 32, without threads' scratch:\n");
  for (uint32_t i = 0; i < model.info().entry_count; ++i) {
    const tl_entry_info &entry = *tl_model_entry(model.get(), i);
    fmt::print("  {:<24} {}\n", entry.name,
               megabytes(entry.fixed_bytes + 32 * entry.picture_bytes));
  }
}

void print(const Model &model) {
  const tl_model_info &info = model.info();
  const tl_preprocess &p = info.preprocess;
  fmt::print("{}: {}, made by {}\n", info.name,
             info.trained ? "trained" : "untrained", info.producer);
  fmt::print("backbone    {}\n", info.backbone);
  fmt::print("input       {} x {} x {}, preprocess {}, resize {}\n", p.height,
             p.width, p.channels, p.name, nameOf(p.resize));
  fmt::print("features    {} a picture\n", info.feature_count);
  fmt::print("classes     {}{}{}\n", info.classes, info.label_count ? ": " : "",
             fmt::join(model.labels(), ", "));
  for (uint32_t i = 0; i < info.phase_count; ++i) {
    const tl_phase_info &phase = *tl_model_phase(model.get(), i);
    fmt::print("phase       {}: {} epochs, {}, learning rate {:g}", phase.name,
               phase.epochs, nameOf(phase.optimizer), phase.learning_rate);
    if (phase.backbone_rate != phase.learning_rate)
      fmt::print(", of the backbone {:g}", phase.backbone_rate);
    fmt::print("; {} features a picture\n", phase.feature_count);
  }
  fmt::print("file        {}: constants {}, parameters {}, code {} ({})\n",
             megabytes(info.file_bytes), megabytes(info.constant_bytes),
             megabytes(info.parameter_bytes), megabytes(info.code_bytes),
             nameOf(info.isa));
  fmt::print("readable   ");
  for (uint32_t i = 0; i < info.value_count; ++i)
    fmt::print(" {}", tl_model_value(model.get(), i)->name);
  fmt::print("\n");
  printEntries(model);
  if (!info.history_count)
    return;
  const tl_epoch_record &last =
      *tl_model_history(model.get(), info.history_count - 1);
  fmt::print("last epoch  loss {:.4f}, accuracy {:.4f}, val_loss {:.4f}, "
             "val_accuracy {:.4f}\n",
             last.loss, last.accuracy, last.val_loss, last.val_accuracy);
}

} // namespace

void runInfo(const Options &options) {
  Model model(options.model);
  if (options.json)
    printJson(describe(model));
  else
    print(model);
}

} // namespace tl::tools
