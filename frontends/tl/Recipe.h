// The model after elaboration: everything the TL module says, before it is
// MLIR. Preprocess.cpp, Train.cpp, Phase.cpp and ElaborateModel.cpp each read
// their part of the tree into it; CheckRecipe.cpp looks at the whole.
#pragma once

#include "frontends/tl/Elaborate.h"
#include "frontends/tl/Frontend.h"
#include "frontends/tl/FreezeRange.h"

namespace tl::frontend {

struct Preprocess {
  SourceRange range;
  std::string name;
  bool bgr = false;
  double scale = 1;
  std::vector<double> mean, deviation;
  std::string resize = "bilinear";
  int64_t resizeTo = 0;
  bool crop = false;

  /// The same numbers for the same pixel, however it was resized.
  bool sameValues(const Preprocess &other) const;
};

struct Phase {
  Identifier name;
  SourceRange range;
  int64_t epochs = 0;
  bool hasOptimizer = false;
  nn::OptimizerKind optimizer = nn::OptimizerKind::Sgd;
  /// The rule's constants, all of them.
  std::vector<std::pair<std::string, double>> constants;
  bool nesterov = false;
  double learningRate = 0;
  bool keepBest = false;
  std::string schedule = "constant";
  double warmup = 0, scheduleEvery = 1, scheduleFactor = 0.1; // epochs, times
  SourceRange warmupRange;
  std::optional<double> clipNorm, ema;
  int64_t earlyStop = 0; // epochs; 0: never
  const LayerRange *unfreeze = nullptr;
  SourceRange unfreezeRange;
  /// Places of the list that train from this phase on (CheckRecipe.cpp).
  std::vector<int64_t> unfrozen;
  /// `lr(backbone:)` and `lr(head:)`, where a phase since the last optimizer
  /// said them.
  std::optional<double> backboneRate, headRate;
  SourceRange rateRange; // of this phase's own lr(...)
  bool ownBackboneRate = false, ownHeadRate = false;
  bool batchNormTrain = false;
  SourceRange batchNormRange; // of this phase's own `batch_norm train`
};

/// Changes to training pictures; the numbers mean what TL.td says.
struct Augment {
  double flipHorizontal = 0, flipVertical = 0;
  double rotate = 0, shift = 0, zoom = 0;
  double cropLeast = 1, cropMost = 1;
  double brightness = 0, contrast = 0, saturation = 0, hue = 0;
  int64_t views = 4;                  // 0: unlimited
  std::optional<Identifier> ofColour; // `saturation` or `hue`, where given

  bool changesPictures() const;
};

struct Train {
  SourceRange range, lossRange, classWeightsRange, mixupRange;
  int64_t batch = 32;
  std::string loss;
  double labelSmoothing = 0;
  int64_t seed = 0;
  double split = 0.2;
  Convention convention = Convention::Keras;
  std::vector<double> classWeights; // one a class, or none
  bool balancedWeights = false;
  double mixup = 0; // alpha of Beta(alpha, alpha)
  int64_t topK = 0;
  bool auc = false;
  SourceRange topKRange, aucRange;
  std::optional<Augment> augment;
  std::vector<Phase> phases;
};

/// What a backbone's file says of itself beside its layers.
struct BackboneFacts {
  int64_t imageSize = 0; // of the published weights; 0: not said
  int64_t leastSize = 1; // height and width that its windows need
  std::vector<std::string> weightsFrom;
  std::string licence;
};

struct Backbone {
  std::string name;
  SourceRange range; // its use in the model
  std::string weights;
  bool includeTop = false;
  Convention convention = Convention::Keras;
  Network network;
  LayerList list;
  std::vector<bool> frozen; // one flag a place of the list, before training
  std::vector<std::string> otherLayers;
  /// Of `onnx("file.onnx", output: "name")`: the file, the weights of which are
  /// used unless `weights` says others, and where the network ends.
  std::string networkFile, networkOutput;
  Preprocess preprocess;
  /// The file's own preset where the model's gives other values.
  std::string otherPreset;
  BackboneFacts facts;
};

struct Recipe {
  std::string name;
  SourceRange range;
  Shape input;
  std::vector<std::string> labels;
  SourceRange labelsRange;
  Backbone backbone;
  std::optional<Network> head;
  SourceRange headRange;
  std::optional<Train> train;
  int64_t classes = 0;

  const Network &last() const { return head ? *head : backbone.network; }
};

/// Settings by keyword; reports doubled ones. Those in `many` may stand often
/// and are left out.
llvm::StringMap<const Item *>
collectSettings(const Items &items, llvm::ArrayRef<llvm::StringRef> many,
                Reporter &reporter);

/// `preprocess caffe`, `preprocess custom(...)`.
std::optional<Preprocess> readPreprocess(const Item &item,
                                         llvm::ArrayRef<int64_t> input,
                                         Reporter &reporter);

/// `image_size`, `least_size`, `weights_from`, `licence`; false after an error.
bool readFacts(const llvm::StringMap<const Item *> &settings,
               const Scope &scope, Reporter &reporter, BackboneFacts &facts);

/// Strings of a setting such as `ignore "AuxLogits"`.
bool readStrings(const Item &item, const Scope &scope, Reporter &reporter,
                 std::vector<std::string> &strings);

std::optional<Convention> readConvention(const Item &item, Reporter &reporter);

/// `train { ... }`; errors are reported, and what could be read is returned.
Train readTrain(const Item &item, Reporter &reporter);

/// `augment { ... }`; nothing where no picture would change, also after an
/// error was reported.
std::optional<Augment> readAugment(const Item &item, Reporter &reporter);

/// A phase inherits what it does not say from `previous`.
Phase readPhase(const Item &item, const Phase *previous, Convention convention,
                Reporter &reporter);

/// `schedule`, `clip_norm`, `ema`, `early_stop` into the phase; false where the
/// item is another one.
bool readSteps(const Item &item, Phase &phase, Reporter &reporter);

/// The warm-up must leave something of the phase.
void checkWarmup(const Phase &phase, Reporter &reporter);

/// Where the text of a backbone comes from; null after it reported why not.
using BackboneLoader =
    llvm::function_ref<const SourceFile *(const Identifier &name)>;

/// The network in a file that the recipe names, relative to its own folder.
using NetworkLoader = llvm::function_ref<std::optional<Network>(
    NetworkRequest &request, std::string &message)>;

/// Elaborates the model of a parsed file; nothing after an error. Without
/// `loadNetwork` only backbones of the language are known.
std::optional<Recipe> elaborateModel(const FileDecl &file,
                                     BackboneLoader loadBackbone,
                                     Reporter &reporter,
                                     NetworkLoader loadNetwork = nullptr);

/// What only the whole tells: ranges, and the pairing of loss, activation,
/// outputs and labels. Fills in `frozen`, each phase's `unfrozen` and
/// `classes`.
void checkRecipe(Recipe &recipe, const LayerRange *freeze, Reporter &reporter);

/// Its part about class weights, metrics and mixup.
void checkTraining(const Recipe &recipe, Reporter &reporter);

} // namespace tl::frontend
