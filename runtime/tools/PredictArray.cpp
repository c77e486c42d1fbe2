// tlrun M.bin --predict X.npy -o Y.npy: pixels in, any kept value out. For
// whoever has arrays and not files, and for comparing with another framework.
#include "runtime/data/Npy.h"
#include "runtime/tools/Pictures.h"
#include "runtime/tools/Verbs.h"

#include <algorithm>
#include <fmt/format.h>

namespace tl::tools {
namespace {

// X.npy: [N][H][W][C], float32 or uint8.
class PixelArray {
public:
  PixelArray(const Model &model, const Options &options)
      : model(model), path(options.files[0]),
        preprocessed(options.preprocessed), array(take(data::readNpy(path))) {
    const tl_preprocess &net = model.info().preprocess;
    std::string found = fmt::format("({})", fmt::join(array.shape, ", "));
    if (array.shape.size() != 4)
      throw Failure(fmt::format("{}: the shape is {}, expected (N, height, "
                                "width, channels)",
                                path, found));
    if (preprocessed && (height() != net.height || width() != net.width ||
                         channels() != net.channels))
      throw Failure(fmt::format("{}: the shape is {}, the network reads (N, "
                                "{}, {}, {})",
                                path, found, net.height, net.width,
                                net.channels));
    if (channels() != 3 && channels() != net.channels)
      throw Failure(fmt::format("{}: the shape is {}, expected {} channels",
                                path, found,
                                net.channels == 1 ? "1 or 3" : "3"));
    if (height() * width() == 0 || std::max(height(), width()) > UINT32_MAX)
      throw Failure(
          fmt::format("{}: the shape is {}, which is no picture", path, found));
  }

  uint64_t count() const { return array.shape[0]; }

  // float[n][pixel_count] of the pictures from `first`: the array itself where
  // it holds what the network reads, else made in `room`.
  const float *pixels(uint64_t first, uint64_t n,
                      std::vector<float> &room) const {
    uint64_t pixelCount = model.info().pixel_count;
    if (auto *floats = std::get_if<std::vector<float>>(&array.values);
        floats && preprocessed)
      return floats->data() + first * pixelCount;
    room.resize(n * pixelCount);
    for (uint64_t i = 0; i < n; ++i)
      fill(first + i, room.data() + i * pixelCount);
    return room.data();
  }

private:
  // pixels[pixel_count] of picture `index`.
  void fill(uint64_t index, float *pixels) const {
    size_t values = size_t(height() * width() * channels());
    if (auto *floats = std::get_if<std::vector<float>>(&array.values))
      fillFrom<float>({floats->data() + index * values, values}, pixels);
    else
      fillFrom<uint8_t>(
          {std::get<std::vector<uint8_t>>(array.values).data() + index * values,
           values},
          pixels);
  }

  uint64_t height() const { return array.shape[1]; }
  uint64_t width() const { return array.shape[2]; }
  uint64_t channels() const { return array.shape[3]; }

  template <typename T>
  void fillFrom(std::span<const T> values, float *pixels) const {
    if (preprocessed) {
      std::copy(values.begin(), values.end(), pixels);
      return;
    }
    data::Raster<T> picture;
    picture.width = uint32_t(width());
    picture.height = uint32_t(height());
    picture.channels = uint32_t(channels());
    picture.values.assign(values.begin(), values.end());
    auto prepared = data::prepare(picture, model.preprocess());
    if (!prepared)
      throw Failure(path + ": " + prepared.message());
    model.normalise(*prepared, pixels);
  }

  const Model &model;
  const std::string path;
  const bool preprocessed;
  const data::NpyArray array;
};

// The value to write, and its shape for one picture.
struct Value {
  std::string name;
  std::vector<uint64_t> shape;
  uint64_t count;
};

Value findValue(const Model &model, const std::string &wanted) {
  uint32_t classes = model.info().classes;
  if (wanted.empty() && classes)
    return {"", {classes}, classes};
  // A feature extractor gives what its frontier is: all that it computes.
  std::string name = wanted.empty() ? "frontier" : wanted;
  std::string kept;
  for (uint32_t i = 0; i < model.info().value_count; ++i) {
    const tl_value_info &value = *tl_model_value(model.get(), i);
    if (name == value.name)
      return {name, {value.shape, value.shape + value.rank}, value.count};
    kept += (kept.empty() ? "'" : ", '") + std::string(value.name) + "'";
  }
  throw Failure(fmt::format("'{}' cannot be read; kept in the file are {}; "
                            "compile it with tlc --keep {}",
                            name, kept, name));
}

void run(tl_session *session, const Value &value, const float *pixels, size_t n,
         float *out) {
  call([&](tl_error *e) {
    if (value.name.empty())
      return tl_session_predict(session, pixels, n, nullptr, out, e);
    return tl_session_read(session, value.name.c_str(), pixels, n, out, e);
  });
}

} // namespace

void runPredictArray(const Options &options) {
  if (options.output.empty())
    throw Failure("--predict X.npy needs -o Y.npy for what it computes");
  if (options.json || options.top)
    throw Failure("--json and --top go with pictures, not with a .npy file");
  Model model(options.model);
  Value value = findValue(model, options.tap);
  PixelArray array(model, options);
  SessionPtr session = model.makeSession(options.threads);
  std::vector<float> room;
  std::vector<float> results(array.count() * value.count);
  for (uint64_t start = 0; start < array.count(); start += kBatch) {
    uint64_t n = std::min<uint64_t>(kBatch, array.count() - start);
    run(session.get(), value, array.pixels(start, n, room), n,
        results.data() + start * value.count);
  }
  std::vector<uint64_t> shape = {array.count()};
  shape.insert(shape.end(), value.shape.begin(), value.shape.end());
  take(data::writeNpy(options.output, shape, results));
}

} // namespace tl::tools
