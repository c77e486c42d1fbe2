// Torch's side: names are a module's path and a fixed word, so that matching is
// a look-up; what differs is the order of the axes.
#include "frontends/weights/BindMatch.h"
#include "frontends/weights/Message.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace tl::weights {

namespace {

bool isCounter(std::string_view name) {
  constexpr std::string_view counter = "num_batches_tracked";
  return name == counter || (name.ends_with(counter) &&
                             name[name.size() - counter.size() - 1] == '.');
}

// Tables that modules keep beside their weights, such as the indices of
// relative positions.
bool isInteger(const SourceTensor &tensor) {
  return tensor.dtype.starts_with("i") || tensor.dtype.starts_with("u");
}

// The model's own parameters, of no module: `cls_token` [1, 1, C]. Their name
// is all of the path, and ones around their shape mean nothing.
bool isOwnParameter(const ExpectedTensor &expected) {
  return expected.role == "token" || expected.role == "position" ||
         expected.role == "scale";
}

std::string torchName(const ExpectedTensor &expected, std::string name) {
  if (isOwnParameter(expected))
    return name;
  constexpr std::pair<std::string_view, std::string_view> words[] = {
      {"kernel", "weight"},
      {"bias", "bias"},
      {"gamma", "weight"},
      {"beta", "bias"},
      {"moving_mean", "running_mean"},
      {"moving_variance", "running_var"},
      {"in_proj_kernel", "in_proj_weight"},
      {"in_proj_bias", "in_proj_bias"},
      {"out_proj_kernel", "out_proj.weight"},
      {"out_proj_bias", "out_proj.bias"}};
  std::string_view word = expected.role;
  for (auto [role, torch] : words)
    if (expected.role == role)
      word = torch;
  return (name += name.empty() ? "" : ".") += word;
}

std::span<const int64_t> withoutOnes(std::span<const int64_t> shape) {
  while (!shape.empty() && shape.front() == 1)
    shape = shape.subspan(1);
  while (!shape.empty() && shape.back() == 1)
    shape = shape.first(shape.size() - 1);
  return shape;
}

// A position of a square grid that is not the network's, if it is one.
std::optional<Resampling> resamplingOf(const ExpectedTensor &expected,
                                       std::span<const int64_t> found) {
  while (!found.empty() && found.front() == 1)
    found = found.subspan(1);
  if (!expected.resample || found.size() != 2 || found[1] != expected.shape[1])
    return std::nullopt;
  int64_t prefix = expected.shape[0] - expected.grid[0] * expected.grid[1];
  auto side = int64_t(std::lround(std::sqrt(double(found[0] - prefix))));
  if (side < 1 || side * side != found[0] - prefix ||
      Grid{side, side} == expected.grid)
    return std::nullopt;
  return Resampling{*expected.resample, prefix, {side, side}, expected.grid};
}

bool fits(const ExpectedTensor &expected, const std::vector<int64_t> &stored,
          const std::vector<int64_t> &found) {
  // A dense layer may be stored as a convolution of 1x1.
  if (expected.kerasClass == "Dense" && found.size() == 4 && found[2] == 1 &&
      found[3] == 1)
    return std::ranges::equal(std::span(found).first(2), stored);
  if (!isOwnParameter(expected))
    return found == stored;
  return std::ranges::equal(withoutOnes(found), withoutOnes(stored));
}

// The longest run of leading components ("module.", "model.") that all names
// share and whose removal makes the most expected names appear.
size_t commonPrefix(const std::vector<SourceTensor> &tensors,
                    const std::vector<Counterpart> &wanted) {
  std::string_view first =
      tensors.empty() ? std::string_view() : std::string_view(tensors[0].name);
  size_t best = 0, bestFound = 0;
  for (size_t length = 0;;) {
    std::string_view prefix = first.substr(0, length);
    if (!std::all_of(tensors.begin(), tensors.end(), [&](const auto &tensor) {
          return tensor.name.starts_with(prefix);
        }))
      return best;
    std::unordered_map<std::string_view, bool> names;
    for (const SourceTensor &tensor : tensors)
      names[std::string_view(tensor.name).substr(length)] = true;
    size_t found = 0;
    for (const Counterpart &counterpart : wanted)
      found += names.contains(counterpart.wanted);
    if (found > bestFound) {
      best = length;
      bestFound = found;
    }
    size_t dot = first.find('.', length);
    if (dot == std::string_view::npos)
      return best;
    length = dot + 1;
  }
}

// torch 0.4 forbade dots in a module's own name; files from before it, such as
// torchvision's DenseNet, have "norm.1" for what is now "norm1".
std::string withoutDots(std::string name) {
  std::erase(name, '.');
  return name;
}

// Places of names by their letters alone; those that two names share are none.
std::unordered_map<std::string, std::optional<size_t>>
placesWithoutDots(const std::vector<std::string> &names) {
  std::unordered_map<std::string, std::optional<size_t>> places;
  for (size_t i = 0; i < names.size(); ++i)
    if (auto [at, fresh] = places.try_emplace(withoutDots(names[i]), i); !fresh)
      at->second.reset();
  return places;
}

} // namespace

FileLayout torchLayout(const ExpectedTensor &expected) {
  const std::vector<int64_t> &shape = expected.shape;
  FileLayout layout{torchName(expected, expected.torchPrefix), shape, {}, {}};
  std::vector<int64_t> &stored = layout.shape;
  if (isOwnParameter(expected) && expected.role != "scale")
    stored.insert(stored.begin(), 3 - std::min<size_t>(3, shape.size()), 1);
  if (!expected.role.ends_with("kernel"))
    return layout;
  if (shape.size() == 4) {
    // [KH, KW, I, O] is stored as [O, I, KH, KW].
    stored = {shape[3], shape[2], shape[0], shape[1]};
    layout.viewShape = stored;
    layout.axes = {2, 3, 1, 0};
  } else if (shape.size() == 2) {
    stored = {shape[1], shape[0]};
    layout.viewShape = stored;
    layout.axes = {1, 0};
    if (expected.flattened) {
      // Rows in CHW order: seen as [N, C, H, W], wanted as [H, W, C, N].
      auto [c, h, w] = *expected.flattened;
      layout.viewShape = {shape[1], c, h, w};
      layout.axes = {2, 3, 1, 0};
    }
  }
  return layout;
}

Matching matchTorch(const WeightSource &source, const BindRequest &request) {
  const std::vector<SourceTensor> &tensors = source.tensors();
  Matching matching;
  for (const ExpectedTensor &expected : request.expected)
    matching.counterparts.emplace_back().wanted =
        torchName(expected, expected.torchPrefix);
  size_t prefix = commonPrefix(tensors, matching.counterparts);
  std::unordered_map<std::string, size_t> byName;
  for (size_t i = 0; i < tensors.size(); ++i) {
    std::string name = tensors[i].name.substr(prefix);
    matching.leftovers.push_back(
        isCounter(name) || isInteger(tensors[i]) ? Leftover::Ignored
        : tensors[i].ofHead || isAmong(request.optionalLayers, name, '.')
            ? Leftover::Optional
            : Leftover::Extra);
    byName[name] = i;
    matching.shown.push_back(std::move(name));
  }
  auto byLetters = placesWithoutDots(matching.shown);
  for (size_t i = 0; i < request.expected.size(); ++i) {
    Counterpart &counterpart = matching.counterparts[i];
    const ExpectedTensor &expected = request.expected[i];
    FileLayout layout = torchLayout(expected);
    counterpart.viewShape = layout.viewShape;
    counterpart.axes = layout.axes;
    counterpart.wantedShape = shapeText(layout.shape);
    std::vector<std::string> names{counterpart.wanted};
    for (const std::string &other : expected.otherPrefixes)
      names.push_back(torchName(expected, other));
    for (const std::string &name : names) {
      if (counterpart.index)
        break;
      if (auto found = byName.find(name); found != byName.end())
        counterpart.index = found->second;
      else if (auto near = byLetters.find(withoutDots(name));
               near != byLetters.end())
        counterpart.index = near->second;
    }
    if (!counterpart.index)
      continue;
    const std::vector<int64_t> &shape = tensors[*counterpart.index].shape;
    counterpart.resampling = resamplingOf(expected, shape);
    counterpart.fits =
        counterpart.resampling || fits(expected, layout.shape, shape);
  }
  return matching;
}

} // namespace tl::weights
