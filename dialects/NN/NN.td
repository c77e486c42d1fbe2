// The whole NN dialect, for TableGen.
include "dialects/NN/NNOps.td"
include "dialects/NN/NNTrainingOps.td"
include "dialects/NN/NNWinogradOps.td"
