// See Bind.h.
#include "frontends/weights/Bind.h"
#include "frontends/weights/BindMatch.h"
#include "frontends/weights/Message.h"

#include <algorithm>

namespace tl::weights {

namespace {

// How many lines of each kind an error lists before it only counts.
constexpr size_t maxListed = 20;

std::string plural(size_t count, const char *what) {
  return std::to_string(count) + " " + what;
}

class Report {
public:
  Report(const WeightSource &source, const Matching &matching)
      : source(source), matching(matching),
        claimed(source.tensors().size(), false) {
    for (const Counterpart &counterpart : matching.counterparts)
      if (counterpart.index)
        claimed[*counterpart.index] = true;
    collect();
  }

  bool sound() const {
    return missing.empty() && extra.empty() && misshaped.empty();
  }
  Error error() const;
  std::vector<std::string> unused() const;

private:
  void collect();
  std::string nearest(const std::string &wanted) const;
  static void list(std::string &text, const std::vector<std::string> &lines);

  const WeightSource &source;
  const Matching &matching;
  std::vector<bool> claimed;
  std::vector<std::string> missing, misshaped, extra;
};

void Report::collect() {
  const std::vector<SourceTensor> &tensors = source.tensors();
  for (const Counterpart &counterpart : matching.counterparts) {
    std::string wanted =
        inQuotes(counterpart.wanted) + " " + counterpart.wantedShape;
    if (!counterpart.index)
      missing.push_back("missing: expected " + wanted +
                        (missing.size() < maxListed
                             ? nearest(counterpart.wanted)
                             : std::string()));
    else if (!counterpart.fits)
      misshaped.push_back("shape: expected " + wanted + ", found " +
                          shapeText(tensors[*counterpart.index].shape) +
                          " in " + inQuotes(tensors[*counterpart.index].name));
  }
  for (size_t i = 0; i < tensors.size(); ++i)
    if (!claimed[i] && matching.leftovers[i] == Leftover::Extra)
      extra.push_back("extra: the network has no " +
                      inQuotes(matching.shown[i]) + "; the file has it with " +
                      shapeText(tensors[i].shape));
}

// The closest name that nothing claims, if it is close.
std::string Report::nearest(const std::string &wanted) const {
  size_t best = std::max<size_t>(2, wanted.size() / 3) + 1;
  std::string text;
  for (size_t i = 0; i < matching.shown.size(); ++i) {
    if (claimed[i] || matching.leftovers[i] == Leftover::Ignored)
      continue;
    const std::string &other = matching.shown[i];
    // The difference in length is a lower bound, and saves most of the work.
    if (std::max(wanted.size(), other.size()) >=
        std::min(wanted.size(), other.size()) + best)
      continue;
    size_t distance = editDistance(wanted, other);
    if (distance >= best)
      continue;
    best = distance;
    text = "; nearest in the file: " + inQuotes(matching.shown[i]) + " " +
           shapeText(source.tensors()[i].shape);
  }
  return text;
}

void Report::list(std::string &text, const std::vector<std::string> &lines) {
  for (size_t i = 0; i < std::min(lines.size(), maxListed); ++i)
    text += "\n  " + lines[i];
  if (lines.size() > maxListed)
    text += "\n  ... and " + std::to_string(lines.size() - maxListed) + " more";
}

Error Report::error() const {
  std::string text = inQuotes(source.path()) +
                     " does not fit the network: of " +
                     plural(matching.counterparts.size(), "tensors expected ") +
                     "and " + plural(source.tensors().size(), "found, ") +
                     plural(missing.size(), "missing, ") +
                     plural(misshaped.size(), "of another shape, ") +
                     plural(extra.size(), "extra");
  list(text, missing);
  list(text, misshaped);
  list(text, extra);
  return Error{text};
}

std::vector<std::string> Report::unused() const {
  std::vector<std::string> names;
  for (size_t i = 0; i < claimed.size(); ++i)
    if (!claimed[i] && matching.leftovers[i] == Leftover::Optional)
      names.push_back(source.tensors()[i].name);
  return names;
}

// Puts values that arrive in stored order where the canonical order has them.
// The first stored axis, torch's outputs, is the last canonical one, so that
// row after row lands a single element apart: a block of columns is moved for
// all rows at hand at once, which fills the cache lines that it touches.
class Scatter {
public:
  // `out` is canonical; axes as in FileLayout.
  Scatter(const std::vector<int64_t> &viewShape,
          const std::vector<size_t> &axes, std::span<float> out);
  void take(std::span<const float> piece);

private:
  std::span<float> out;
  size_t rowStride = 1;
  std::vector<size_t> places; // of a row's elements, for row 0
  size_t at = 0;              // stored elements taken so far
};

Scatter::Scatter(const std::vector<int64_t> &viewShape,
                 const std::vector<size_t> &axes, std::span<float> out)
    : out(out) {
  size_t rank = axes.size(), stride = 1;
  std::vector<size_t> strides(rank);
  for (size_t axis = rank; axis-- > 0;) {
    strides[axes[axis]] = stride;
    stride *= static_cast<size_t>(viewShape[axes[axis]]);
  }
  rowStride = strides[0];
  places = {0};
  for (size_t axis = 1; axis < rank; ++axis) {
    std::vector<size_t> outer = std::move(places);
    places.clear();
    for (size_t place : outer)
      for (size_t i = 0; i < static_cast<size_t>(viewShape[axis]); ++i)
        places.push_back(place + i * strides[axis]);
  }
}

void Scatter::take(std::span<const float> piece) {
  constexpr size_t columnsAtOnce = 64;
  size_t columns = places.size(), end = at + piece.size();
  size_t firstRow = at / columns, lastRow = (end - 1) / columns;
  for (size_t begin = 0; begin < columns; begin += columnsAtOnce) {
    size_t stop = std::min(columns, begin + columnsAtOnce);
    for (size_t row = firstRow; row <= lastRow; ++row) {
      // The piece may start and end within a row.
      size_t start = row * columns;
      size_t from = std::clamp(at, start + begin, start + stop);
      size_t to = std::clamp(end, start + begin, start + stop);
      for (size_t i = from; i < to; ++i)
        out[places[i - start] + row * rowStride] = piece[i - at];
    }
  }
  at = end;
}

} // namespace

bool isAmong(const std::vector<std::string> &layers, std::string_view name,
             char separator) {
  return std::any_of(layers.begin(), layers.end(), [&](const auto &layer) {
    return !layer.empty() && name.starts_with(layer) &&
           (name.size() == layer.size() || name[layer.size()] == separator);
  });
}

Status BoundTensor::readResampled(std::span<float> out) const {
  auto [how, prefix, from, to] = *resampling;
  int64_t tokens = prefix + to[0] * to[1];
  int64_t channels = int64_t(out.size()) / tokens;
  std::vector<float> stored(size_t((prefix + from[0] * from[1]) * channels));
  if (Status status = source->read(sourceIndex, stored); !status)
    return status;
  std::ranges::copy(resample(stored, prefix, from, to, channels, how),
                    out.begin());
  return Done{};
}

Status BoundTensor::read(std::span<float> out) const {
  if (resampling)
    return readResampled(out);
  if (axes.empty())
    return source->read(sourceIndex, out);
  Scatter scatter(viewShape, axes, out);
  return source->readPieces(
      sourceIndex, [&](std::span<const float> piece) { scatter.take(piece); });
}

FileLayout layoutIn(Convention convention, const ExpectedTensor &expected) {
  FileLayout layout{
      expected.layer + "." + expected.role, expected.shape, {}, {}};
  switch (convention) {
  case Convention::Own:
    break;
  case Convention::Torch:
    return torchLayout(expected);
  case Convention::Keras:
    // ConvNeXt's LayerScale gives its weight no name, so that Keras does.
    layout.name = expected.layer + "/" +
                  (expected.role == "scale" ? "variable" : expected.role);
    // [KH, KW, 1, C] is stored as [KH, KW, C, 1]: the same order.
    if (expected.kerasClass == "DepthwiseConv2D" && layout.shape.size() == 4)
      std::swap(layout.shape[2], layout.shape[3]);
    break;
  }
  return layout;
}

static Matching match(const WeightSource &source, const BindRequest &request) {
  switch (source.convention()) {
  case Convention::Keras:
    return matchKeras(source, request);
  case Convention::Torch:
    return matchTorch(source, request);
  case Convention::Own:
    return matchOwn(source, request);
  }
  return {};
}

Fit measureFit(const WeightSource &source, const BindRequest &request) {
  Matching matching = match(source, request);
  Fit fit;
  fit.expected = matching.counterparts.size();
  std::vector<bool> claimed(source.tensors().size(), false);
  for (const Counterpart &counterpart : matching.counterparts) {
    if (!counterpart.index)
      continue;
    claimed[*counterpart.index] = true;
    ++fit.named;
    fit.fitting += counterpart.fits;
  }
  for (size_t i = 0; i < claimed.size(); ++i)
    fit.extra += !claimed[i] && matching.leftovers[i] == Leftover::Extra;
  return fit;
}

Result<Binding> bindWeights(WeightSource &source, const BindRequest &request) {
  for (const ExpectedTensor &expected : request.expected) {
    if (!expected.flattened)
      continue;
    auto [c, h, w] = *expected.flattened;
    if (expected.shape.size() != 2 || c * h * w != expected.shape[0])
      return Error{"layer " + inQuotes(expected.layer) + " flattens " +
                   shapeText(*expected.flattened) +
                   ", which is not the rows of " + shapeText(expected.shape)};
  }
  Matching matching = match(source, request);
  Report report(source, matching);
  if (!report.sound())
    return report.error();
  Binding binding;
  for (const Counterpart &counterpart : matching.counterparts) {
    BoundTensor &bound = binding.tensors.emplace_back();
    bound.sourceIndex = *counterpart.index;
    bound.sourceName = source.tensors()[*counterpart.index].name;
    bound.source = &source;
    bound.viewShape = counterpart.viewShape;
    bound.axes = counterpart.axes;
    bound.resampling = counterpart.resampling;
  }
  binding.unused = report.unused();
  return binding;
}

} // namespace tl::weights
