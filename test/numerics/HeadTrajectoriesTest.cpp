// Thirty steps of each head with each optimizer, in both conventions, against
// Keras and PyTorch (keras_head_trajectories.py made the goldens). A recipe per
// head and convention is compiled by tlc, with one phase an optimizer; its
// parameters are set to the goldens' initial values, and the trainer steps on
// the goldens' features through the public API.
#include "test/numerics/Tensors.h"

#include <tl/runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace tl::test;

namespace {

using Tensors = std::map<std::string, NumericTensor>;

constexpr uint32_t kBatch = 20, kSteps = 30, kPictures = 200, kFeatures = 37;
const std::vector<std::string> kWeights = {"hidden.kernel", "hidden.bias",
                                           "output.kernel", "output.bias"};

struct OptimizerCase {
  const char *name;
  const char *text;
};
// The rates and options of OPTIMIZERS in keras_head_trajectories.py.
const OptimizerCase kOptimizers[] = {
    {"sgd", "sgd(lr: 0.1)"},
    {"sgd_momentum", "sgd(lr: 0.03, momentum: 0.9)"},
    {"sgd_nesterov", "sgd(lr: 0.03, momentum: 0.9, nesterov: true)"},
    {"rmsprop", "rmsprop(lr: 2e-3)"},
    {"adam", "adam(lr: 3e-3)"},
    {"sgd_decay", "sgd(lr: 0.03, momentum: 0.9, weight_decay: 0.02)"},
    {"adam_decay", "adam(lr: 3e-3, weight_decay: 0.02)"},
    {"adamw_decay", "adamw(lr: 3e-3, weight_decay: 0.5)"}};

struct HeadCase {
  const char *name;
  const char *output;
  const char *loss;
};
void PrintTo(const HeadCase &head, std::ostream *out) { *out << head.name; }
const HeadCase kHeads[] = {
    {"sigmoid", "dense(1, sigmoid", "binary_crossentropy"},
    {"softmax", "dense(3, softmax", "categorical_crossentropy"},
    {"softmax_smooth", "dense(3, softmax",
     "categorical_crossentropy(label_smoothing: 0.1)"}};

double norm(const std::vector<double> &a, const std::vector<double> &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}

std::string recipe(const HeadCase &head, const std::string &convention) {
  std::string text = "model trajectories {\n  input image(1, 1, 3)\n"
                     "  backbone features37 { freeze all }\n"
                     "  head { flatten  dense(16, relu, name: \"hidden\")  " +
                     std::string(head.output) + ", name: \"output\") }\n" +
                     "  train { batch 20  convention " + convention +
                     "  loss " + head.loss + "\n";
  for (const OptimizerCase &optimizer : kOptimizers)
    text += std::string("    phase ") + optimizer.name +
            " { epochs 1  optimizer " + optimizer.text + " }\n";
  return text + "  }\n}\n";
}

class HeadTrajectories
    : public testing::TestWithParam<std::tuple<HeadCase, std::string>> {
protected:
  void SetUp() override {
    folder = std::filesystem::temp_directory_path() /
             ("tl-trajectories-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    goldens = readSafetensors(TL_SOURCE_DIR
                              "/test/numerics/head_trajectories.safetensors");
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::vector<char> compile() {
    auto &[head, convention] = GetParam();
    std::ofstream(folder / "m.tl") << recipe(head, convention);
    std::ofstream(folder / "features37.tl")
        << "backbone features37 { preprocess raw  conv(37, 1x1, name: \"c\") }";
    std::string command =
        std::string(TL_TLC) + " " + (folder / "m.tl").string() +
        " --weights random:1 -o " + (folder / "m.bin").string();
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return readFile(folder / "m.bin");
  }

  void follow(tl_trainer *trainer, const std::string &name,
              const std::string &head);
  void checkWeights(tl_trainer *trainer, const std::string &name,
                    const std::string &head);

  std::filesystem::path folder;
  Tensors goldens;
};

// Steps through one case and holds each step's loss to the bound.
void HeadTrajectories::follow(tl_trainer *trainer, const std::string &name,
                              const std::string &head) {
  const auto &all = goldens.at("features").values;
  std::vector<float> features(all.begin(), all.end());
  const auto &classes = goldens.at("labels." + head).values;
  std::vector<int32_t> labels(classes.begin(), classes.end()), ids(kBatch);
  const auto &loss32 = goldens.at(name + ".loss32").values;
  const auto &loss64 = goldens.at(name + ".loss64").values;
  double gap = 0;
  tl_error error = {};
  for (uint32_t t = 0; t < kSteps; ++t) {
    uint32_t first = kBatch * (t % (kPictures / kBatch));
    std::vector<float> losses(kBatch);
    tl_batch batch{};
    batch.size = sizeof batch;
    batch.n = kBatch;
    batch.features = &features[first * kFeatures];
    batch.labels = &labels[first];
    batch.ids = ids.data();
    ASSERT_EQ(
        tl_trainer_step(trainer, 0, &batch, losses.data(), nullptr, &error),
        TL_STATUS_OK)
        << error.message;
    double loss = 0;
    for (float one : losses)
      loss += double(one) / kBatch;
    gap = std::max(gap, std::abs(loss32[t] - loss64[t]));
    // Section 8 of the design.
    double bound = std::max(1e-3 * std::max(loss64[t], 0.05), 3 * gap);
    ASSERT_NEAR(loss, loss64[t], bound) << name << ", step " << t;
  }
}

void HeadTrajectories::checkWeights(tl_trainer *trainer,
                                    const std::string &name,
                                    const std::string &head) {
  tl_error error = {};
  std::string saved = folder / "out.bin", exported = folder / "out.safetensors";
  ASSERT_EQ(tl_trainer_save(trainer, saved.c_str(), &error), TL_STATUS_OK)
      << error.message;
  tl_model *model = nullptr;
  ASSERT_EQ(tl_model_open_file(saved.c_str(), nullptr, &model, &error),
            TL_STATUS_OK)
      << error.message;
  ASSERT_EQ(tl_model_export(model, exported.c_str(), &error), TL_STATUS_OK)
      << error.message;
  tl_model_close(model);
  Tensors ours = readSafetensors(exported);
  for (const std::string &weight : kWeights) {
    const auto &init = goldens.at("init." + head + "." + weight).values;
    const auto &ref32 = goldens.at(name + ".final32." + weight).values;
    const auto &ref64 = goldens.at(name + ".final64." + weight).values;
    ASSERT_EQ(ours.at(weight).values.size(), ref64.size());
    // Section 8 of the design.
    double bound = std::max(1e-3 * norm(ref64, init), 3 * norm(ref32, ref64));
    EXPECT_LE(norm(ours.at(weight).values, ref64), bound)
        << name << ", " << weight;
  }
}

TEST_P(HeadTrajectories, StaysWithTheReference) {
  auto &[head, convention] = GetParam();
  std::vector<char> compiled = compile();
  ASSERT_FALSE(HasFailure());
  Tensors init;
  for (const std::string &weight : kWeights)
    init[weight] = goldens.at(std::string("init.") + head.name + "." + weight);
  PatchedModel patched(compiled, init);

  tl_error error = {};
  tl_model *model = nullptr;
  ASSERT_EQ(tl_model_open_memory(patched.data(), patched.size(), nullptr,
                                 &model, &error),
            TL_STATUS_OK)
      << error.message;
  ASSERT_EQ(tl_model_get_info(model)->feature_count, kFeatures);
  for (uint32_t phase = 0; phase < std::size(kOptimizers); ++phase) {
    std::string name =
        convention + "." + head.name + "." + kOptimizers[phase].name;
    SCOPED_TRACE(name);
    tl_trainer *trainer = nullptr;
    ASSERT_EQ(tl_trainer_create(model, nullptr, &trainer, &error), TL_STATUS_OK)
        << error.message;
    ASSERT_EQ(tl_trainer_begin_phase(trainer, phase, &error), TL_STATUS_OK)
        << error.message;
    follow(trainer, name, head.name);
    checkWeights(trainer, name, head.name);
    tl_trainer_destroy(trainer);
  }
  tl_model_close(model);
}

INSTANTIATE_TEST_SUITE_P(All, HeadTrajectories,
                         testing::Combine(testing::ValuesIn(kHeads),
                                          testing::Values("keras", "torch")),
                         [](const auto &info) {
                           return std::string(std::get<0>(info.param).name) +
                                  "_" + std::get<1>(info.param);
                         });

} // namespace
