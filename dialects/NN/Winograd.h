// Winograd's F(4x4, 3x3), by Toom and Cook: a polynomial product from its
// values at five points and infinity. In one dimension four outputs of a
// correlation with three taps are
//   y = A^T ((G g) . (B^T x)),   g: 3 taps, x: 6 inputs.
// With p_0.. the points, N_i = prod_{j != i} (p_i - p_j), k the column:
//   G[i][k] = p_i^k / N_i                             last row 0 0 1
//   A^T[k][i] = p_i^k                                 last column 0 0 0 1
//   B^T[i] = coefficients of prod_{j != i} (t - p_j)  last row: of all factors
// (Lavin and Gray, arXiv:1509.09308.) The points 0, +-3/4, +-3/2: the usual 0,
// +-1, +-2 lose 6 to 14e-6 of the largest result in f32, these 2e-6, about what
// direct convolution loses.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tl::nn::winograd {

inline constexpr int64_t kTaps = 3, kOutputs = 4, kInputs = 6;
inline constexpr int64_t kPlanes = kInputs * kInputs;

/// Side of what one pooled result is the maximum of: 2 x 2 results a block.
inline constexpr int64_t kPool = 2;
static_assert(kOutputs % kPool == 0);

/// The points are 0 and both signs of these.
inline constexpr double kNear = 0.75, kFar = 1.5;
inline constexpr std::array<double, 5> kPoints = {0, kNear, -kNear, kFar,
                                                  -kFar};

/// Blocks of 4 outputs that cover `size` of them.
constexpr int64_t blocksFor(int64_t size) {
  return (size + kOutputs - 1) / kOutputs;
}

template <size_t Rows, size_t Columns>
using Matrix = std::array<std::array<double, Columns>, Rows>;

constexpr Matrix<kInputs, kTaps> filterMatrix() {
  Matrix<kInputs, kTaps> g{};
  for (size_t i = 0; i < kPoints.size(); ++i) {
    double power = 1;
    for (size_t j = 0; j < kPoints.size(); ++j)
      power /= j == i ? 1 : kPoints[i] - kPoints[j];
    for (double &element : g[i]) {
      element = power;
      power *= kPoints[i];
    }
  }
  g.back().back() = 1;
  return g;
}

constexpr Matrix<kOutputs, kInputs> outputMatrix() {
  Matrix<kOutputs, kInputs> a{};
  for (size_t i = 0; i < kPoints.size(); ++i) {
    double power = 1;
    for (auto &row : a) {
      row[i] = power;
      power *= kPoints[i];
    }
  }
  a.back().back() = 1;
  return a;
}

constexpr Matrix<kInputs, kInputs> inputMatrix() {
  Matrix<kInputs, kInputs> b{};
  for (size_t i = 0; i < b.size(); ++i) {
    b[i][0] = 1;
    for (size_t j = 0; j < kPoints.size(); ++j) {
      if (j == i)
        continue;
      for (size_t k = b.size(); k-- > 0;) // times (t - p_j)
        b[i][k] = (k ? b[i][k - 1] : 0) - kPoints[j] * b[i][k];
    }
  }
  return b;
}

} // namespace tl::nn::winograd
