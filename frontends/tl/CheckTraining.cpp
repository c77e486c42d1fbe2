// What of `train` only the number of classes tells: class weights, metrics; and
// what mixup needs.
#include "frontends/tl/Recipe.h"

using namespace llvm;

namespace tl::frontend {

void checkTraining(const Recipe &recipe, Reporter &reporter) {
  if (!recipe.train || recipe.classes == 0)
    return;
  const Train &train = *recipe.train;
  int64_t classes = recipe.classes;
  if (!train.classWeights.empty() &&
      int64_t(train.classWeights.size()) != classes)
    reporter.error(train.classWeightsRange)
        << "'class_weights' has " << train.classWeights.size()
        << " numbers, the model tells " << classes << " classes apart";
  if (train.topK >= classes)
    reporter.error(train.topKRange)
        << "'top_k' wants fewer than the model's " << classes
        << " classes, found " << train.topK;
  if (train.auc && classes != 2)
    reporter.error(train.aucRange)
        << "'auc' wants two classes, the model tells " << classes << " apart";
  if (train.mixup > 0 && (!train.augment || train.augment->views != 0))
    reporter.error(train.mixupRange)
        << "'mixup' mixes fresh pictures at each step; it needs augment { ... "
           "views unlimited }";
}

} // namespace tl::frontend
