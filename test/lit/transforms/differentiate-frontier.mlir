// What a phase does not train costs its step nothing: no gradient below the
// lowest trainable layer, no saved activation there, no optimizer state, and no
// update of a frozen batch norm.
// RUN: sed 's/sgd, keras, {}/sgd, keras, {momentum = 9.0e-1 : f64}/' %S/../conversion/Inputs/phases-model.mlir | tl-opt --convert-tl-to-nn --tl-fold-batch-norm --tl-drop-unused-parameters --tl-differentiate | FileCheck %s --implicit-check-not=@conv1.kernel.slot --implicit-check-not=@bn1 --implicit-check-not=@bn2.gamma.slot --implicit-check-not=@bn2.moving_mean.slot --implicit-check-not=@bn2.moving_variance.slot

// Optimizer state of what some phase trains, and of nothing else.
// CHECK-DAG: nn.parameter @conv2.kernel.slot0
// CHECK-DAG: nn.parameter @bn2.beta.slot0
// CHECK-DAG: nn.parameter @dense.kernel.slot0

// The first phase trains the head alone: of the backbone nothing is there.
// CHECK-LABEL: func.func @train_step.one
// CHECK-NOT: conv2d
// CHECK-NOT: batch_norm
// CHECK-NOT: nn.dense_grad_input
// CHECK: nn.set @dense.kernel
// CHECK-NOT: conv2d
// CHECK-NOT: batch_norm
// CHECK-LABEL: func.func @extract.two

// The second: the filter of conv2, its lowest layer, has a gradient, its input
// none. The statistics move, the scale that is fixed does not.
// CHECK-LABEL: func.func @train_step.two
// CHECK: nn.set @bn2.moving_mean
// CHECK: nn.set @bn2.moving_variance
// CHECK: nn.batch_norm_grad_input
// CHECK: nn.conv2d_grad_filter %arg0
// CHECK-NOT: nn.conv2d_grad_input
// CHECK-NOT: nn.transpose_filter
// CHECK-NOT: nn.set @bn2.gamma
// CHECK: nn.clip_scale

// The third: frozen statistics, trained shift.
// CHECK-LABEL: func.func @train_step.three
// CHECK-NOT: nn.set @bn2.moving
// CHECK: nn.set @bn2.beta
// CHECK-NOT: nn.set @bn2.moving
// CHECK-LABEL: func.func @tap
