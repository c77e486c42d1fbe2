// See KerasNames.h.
#include "frontends/weights/KerasNames.h"

#include <algorithm>
#include <charconv>

namespace tl::weights {

namespace {

bool isNumber(std::string_view text) {
  return !text.empty() && text.size() <= 9 &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= '0' && c <= '9'; });
}

// "name_12" -> {"name", "12"}; {"name", ""} without a number.
std::pair<std::string_view, std::string_view> splitCounter(std::string_view s) {
  size_t at = s.rfind('_');
  if (at == std::string_view::npos || at == 0 || !isNumber(s.substr(at + 1)))
    return {s, {}};
  return {s.substr(0, at), s.substr(at + 1)};
}

// Splits at either slash, without empty parts.
std::vector<std::string_view> splitPath(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    size_t end = std::min(path.find_first_of("/\\"), path.size());
    if (end > 0)
      parts.push_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

// Keras 1 called them otherwise; its running_std held the variance (keras 1.2,
// layers/normalization.py).
std::string_view modernRole(std::string_view role) {
  constexpr std::pair<std::string_view, std::string_view> renamed[] = {
      {"W", "kernel"},
      {"b", "bias"},
      {"running_mean", "moving_mean"},
      {"running_std", "moving_variance"}};
  for (auto [old, current] : renamed)
    if (role == old)
      return current;
  return role;
}

std::string join(std::span<const std::string_view> parts) {
  std::string path;
  for (std::string_view part : parts)
    (path += path.empty() ? "" : "/") += part;
  return path;
}

} // namespace

void nameLegacyTensor(std::string_view group, std::string_view weight,
                      SourceTensor &tensor) {
  size_t colon = weight.rfind(':');
  if (colon != std::string_view::npos && isNumber(weight.substr(colon + 1)))
    weight = weight.substr(0, colon);
  std::vector<std::string_view> parts = splitPath(weight);
  tensor.layer = group;
  if (parts.empty())
    return;
  std::string_view role = parts.back();
  parts.pop_back();
  if (parts.empty() && role.size() > group.size() + 1 &&
      role.starts_with(group) && role[group.size()] == '_') {
    // Keras 1: the layer's name, the weight's and perhaps a counter.
    role = splitCounter(role.substr(group.size() + 1)).first;
    tensor.role = modernRole(role);
    return;
  }
  tensor.role = modernRole(role);
  if (parts.empty())
    return;
  std::string_view inner = parts.back();
  // A layer's own name may hold a slash: DenseNet's "conv1/bn" of Keras 2.
  if (join(parts) == group)
    return;
  if (inner == group || splitCounter(inner).first == group)
    return;
  tensor.layer = inner;
  tensor.scope = group;
}

void nameKeras3Tensor(std::string_view owner, std::string_view layerName,
                      SourceTensor &tensor) {
  tensor.layer = layerName;
  std::vector<std::string_view> name = splitPath(tensor.name);
  tensor.role = name.empty() ? "" : name.back();
  std::vector<std::string_view> parts = splitPath(owner);
  if (parts.empty())
    return;
  auto [snake, counter] = splitCounter(parts.back());
  tensor.snakeClass = snake;
  tensor.classIndex = 0;
  std::from_chars(counter.data(), counter.data() + counter.size(),
                  tensor.classIndex);
  parts.pop_back();
  // The container of a model's layers is part of the model, not a scope.
  if (!parts.empty() && (parts.back() == "layers" ||
                         parts.back() == "_layer_checkpoint_dependencies"))
    parts.pop_back();
  tensor.scope = join(parts);
}

} // namespace tl::weights
