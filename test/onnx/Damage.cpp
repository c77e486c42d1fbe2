// See TestModels.h.
#include "test/onnx/TestModels.h"

namespace tl::onnx {

int64_t Damage::number() {
  static constexpr int64_t kNumbers[] = {
      0,         1,          -1,
      2,         3,          7,
      64,        4093,       1 << 24,
      INT32_MAX, INT32_MIN,  int64_t(1) << 40,
      INT64_MAX, INT64_MIN,  int64_t(1) << 62,
      -2,        -(1 << 20), int64_t(1) << 32};
  return kNumbers[pick(std::size(kNumbers))];
}

void Damage::changeTensor(pb::TensorProto &tensor) {
  switch (pick(7)) {
  case 0:
    if (tensor.dims_size() > 0)
      tensor.set_dims(int(pick(tensor.dims_size())), number());
    break;
  case 1:
    tensor.add_dims(pick(2) ? 1 : number());
    break;
  case 2:
    tensor.clear_dims();
    break;
  case 3:
    tensor.set_data_type(int(pick(24)));
    break;
  case 4:
    tensor.mutable_raw_data()->resize(pick(2 * tensor.raw_data().size() + 9));
    break;
  case 5: // integers where there were reals, of as many bytes
    tensor.set_data_type(pb::TensorProto::INT32);
    break;
  default:
    tensor.clear_raw_data();
    for (size_t i = pick(5); i > 0; --i)
      tensor.add_int64_data(number());
    tensor.clear_dims();
    tensor.add_dims(tensor.int64_data_size());
    tensor.set_data_type(pb::TensorProto::INT64);
  }
}

void Damage::changeAttribute(pb::NodeProto &node) {
  static constexpr const char *kNames[] = {
      "axis",         "axes",    "keepdims", "group",     "pads",
      "strides",      "perm",    "to",       "split",     "kernel_shape",
      "alpha",        "epsilon", "transB",   "ceil_mode", "num_outputs",
      "q_num_heads",  "value",   "start",    "auto_pad",  "dilations",
      "value_floats", "ends"};
  bool old = node.attribute_size() > 0 && pick(3) > 0;
  pb::AttributeProto &one =
      old ? *node.mutable_attribute(int(pick(node.attribute_size())))
          : *node.add_attribute();
  if (!old)
    one.set_name(kNames[pick(std::size(kNames))]);
  switch (pick(6)) {
  case 0:
    one.set_i(number());
    break;
  case 1:
    one.set_f(float(number()));
    break;
  case 2:
    one.set_s(std::string(pick(8), 'x'));
    break;
  case 3:
    one.add_ints(number());
    break;
  case 4:
    if (one.ints_size() > 0)
      one.set_ints(int(pick(one.ints_size())), number());
    break;
  default: // of another type
    one.clear_i();
    one.clear_ints();
    one.mutable_g()->add_node();
  }
}

void Damage::changeNode(pb::GraphProto &graph, pb::NodeProto &node) {
  static constexpr const char *kOperators[] = {
      "Add",         "Attention",
      "AveragePool", "BatchNormalization",
      "Cast",        "Clip",
      "Concat",      "ConstantOfShape",
      "Conv",        "Div",
      "Dropout",     "Equal",
      "Expand",      "Flatten",
      "Gather",      "Gelu",
      "Gemm",        "GlobalMaxPool",
      "Identity",    "LayerNormalization",
      "MatMul",      "MaxPool",
      "Mod",         "Mul",
      "PRelu",       "Pad",
      "Pow",         "Range",
      "ReduceMean",  "Reshape",
      "Shape",       "Slice",
      "Softmax",     "Split",
      "Sqrt",        "Squeeze",
      "Sub",         "Sum",
      "Transpose",   "Unsqueeze",
      "Where",       "GlobalAveragePool"};
  // A value that is known somewhere; before this node only by chance.
  auto value = [&] {
    if (pick(2) && graph.initializer_size() > 0)
      return graph.initializer(int(pick(graph.initializer_size()))).name();
    const pb::NodeProto &other = graph.node(int(pick(graph.node_size())));
    return other.output_size() > 0 ? other.output(0) : std::string("x");
  };
  switch (pick(6)) {
  case 0:
    node.set_op_type(kOperators[pick(std::size(kOperators))]);
    break;
  case 1:
    if (node.input_size() > 0)
      node.set_input(int(pick(node.input_size())), pick(5) ? value() : "");
    break;
  case 2:
    node.add_input(value());
    break;
  case 3:
    if (node.input_size() > 0)
      node.mutable_input()->RemoveLast();
    break;
  case 4:
    node.add_output("more" + std::to_string(pick(100)));
    break;
  default:
    changeAttribute(node);
  }
}

void Damage::change(pb::ModelProto &model) {
  pb::GraphProto &graph = *model.mutable_graph();
  size_t kind = pick(10);
  if (kind == 0 && model.opset_import_size() > 0)
    model.mutable_opset_import(0)->set_version(7 + int64_t(pick(22)));
  else if (kind < 3 && graph.initializer_size() > 0)
    changeTensor(
        *graph.mutable_initializer(int(pick(graph.initializer_size()))));
  else if (kind == 3 && graph.input_size() > 0)
    for (auto &dim : *graph.mutable_input(0)
                          ->mutable_type()
                          ->mutable_tensor_type()
                          ->mutable_shape()
                          ->mutable_dim())
      if (pick(4) == 0)
        dim.set_dim_value(number());
  if (kind > 3 && graph.node_size() > 0)
    changeNode(graph, *graph.mutable_node(int(pick(graph.node_size()))));
}

} // namespace tl::onnx
