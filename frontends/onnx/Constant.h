// A tensor whose values are known when the model is compiled: an initializer,
// or what folding made of some. Weights stay where they lie in the file until
// somebody reads them; what is computed is held as int64 or double.
#pragma once

#include "frontends/onnx/ExternalData.h"
#include "frontends/weights/Widen.h"

#include <optional>
#include <vector>

namespace tl::onnx {

using Extents = std::vector<int64_t>;

/// Beyond this a shape is none of a real network, and products of two of them
/// would overflow.
inline constexpr int64_t kMostElements = int64_t(1) << 56;
/// Dimensions of a value; ONNX's own operators need 8.
inline constexpr size_t kHighestRank = 16;

/// The product of the extents, or -1 for a negative one, or if those that are
/// not 0 have a product beyond `kMostElements`.
int64_t countElements(const Extents &shape);

class Constant {
public:
  /// Checks that there are as many values as the shape says.
  static Result<Constant> read(const pb::TensorProto &tensor,
                               std::shared_ptr<const Model> model,
                               ExternalFiles &external);
  static Constant integers(Extents shape, std::vector<int64_t> values);
  static Constant reals(Extents shape, std::vector<double> values);

  const Extents &shape() const { return extents; }
  int64_t count() const { return countElements(extents); }
  bool isInteger() const { return integer; }
  /// The same values in another shape of as many elements.
  Constant reshaped(Extents shape) const;

  /// Only of integers.
  std::vector<int64_t> integers() const;
  std::vector<double> reals() const;
  std::vector<float> floats() const;
  /// The value where there is one, of any shape.
  std::optional<double> scalar() const;

private:
  Extents extents;
  bool integer = false;
  // One of these: in the file, or computed.
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;
  weights::ElementType type = weights::ElementType::F32;
  std::shared_ptr<const std::vector<int64_t>> wholes;
  std::shared_ptr<const std::vector<double>> doubles;
};

} // namespace tl::onnx
