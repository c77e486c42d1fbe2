// The nouns of runtime.h as owned objects, and what several verbs ask of a
// model.
#pragma once

#include "runtime/data/Preprocess.h"
#include "runtime/tools/Failure.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tl/runtime.h>
#include <vector>

namespace tl::tools {

template <auto destroy> struct Destroyer {
  template <typename T> void operator()(T *object) const { destroy(object); }
};
using ModelPtr = std::unique_ptr<tl_model, Destroyer<tl_model_close>>;
using SessionPtr = std::unique_ptr<tl_session, Destroyer<tl_session_destroy>>;
using TrainerPtr = std::unique_ptr<tl_trainer, Destroyer<tl_trainer_destroy>>;

// The label that scores say: the highest, the lower one when equal; for a
// sigmoid, label 1 from a half on. scores[classes].
uint32_t chooseLabel(const tl_model_info &info, std::span<const float> scores);

class Model {
public:
  explicit Model(const std::string &path);

  tl_model *get() const { return model.get(); }
  const tl_model_info &info() const { return *tl_model_get_info(model.get()); }

  // Class names; empty while the model does not know them.
  std::vector<std::string> labels() const;
  // The same with numbers where there are no names yet: "0", "1", ...
  std::vector<std::string> labelsOrNumbers() const;

  const data::Preprocess &preprocess() const { return geometry; }

  // A prepared picture to the network's input: pixels[pixel_count].
  void normalise(const data::Prepared &picture, float *pixels) const;

  // `batch`: pictures run at once; 0: the library's default.
  SessionPtr makeSession(uint32_t threads, uint32_t batch = 0) const;
  // Without a seed, the recipe's.
  TrainerPtr makeTrainer(uint32_t threads, std::optional<uint64_t> seed) const;

  uint32_t chooseLabel(std::span<const float> scores) const {
    return tools::chooseLabel(info(), scores);
  }

private:
  ModelPtr model;
  data::Preprocess geometry;
};

} // namespace tl::tools
