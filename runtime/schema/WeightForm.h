// The forms in which weights lie in memory, and the way between each form and
// the canonical row-major order. Shared by the compiler (packing constants)
// and the runtime (initial values, export).
#pragma once

#include <cstdint>
#include <vector>

namespace tl::schema {

inline constexpr int64_t kPanelWidth = 16;

enum class Form : uint8_t { Canonical = 0, Panels = 1, Rows = 2 };

// The shape seen as [leading, outputs]: outputs is the last dimension.
struct FormShape {
  int64_t leading = 1;
  int64_t outputs = 1;
};

inline FormShape formShape(const std::vector<int64_t> &shape) {
  FormShape s;
  for (size_t i = 0; i + 1 < shape.size(); ++i)
    s.leading *= shape[i];
  if (!shape.empty())
    s.outputs = shape.back();
  return s;
}

// Elements of the stored form, padding included.
inline int64_t formElements(Form form, const std::vector<int64_t> &shape) {
  FormShape s = formShape(shape);
  if (form != Form::Panels)
    return s.leading * s.outputs;
  return (s.outputs + kPanelWidth - 1) / kPanelWidth * kPanelWidth * s.leading;
}

// Where canonical element (row, column) of [leading, outputs] is stored.
inline int64_t formIndex(Form form, FormShape s, int64_t row, int64_t column) {
  switch (form) {
  case Form::Panels:
    return (column / kPanelWidth * s.leading + row) * kPanelWidth +
           column % kPanelWidth;
  case Form::Rows:
    return column * s.leading + row;
  case Form::Canonical:
    break;
  }
  return row * s.outputs + column;
}

// `to` has formElements(form, shape) elements; padding becomes 0.
inline void packWeights(Form form, const std::vector<int64_t> &shape,
                        const float *from, float *to) {
  FormShape s = formShape(shape);
  if (form == Form::Panels)
    for (int64_t i = 0, e = formElements(form, shape); i < e; ++i)
      to[i] = 0;
  for (int64_t r = 0; r < s.leading; ++r)
    for (int64_t c = 0; c < s.outputs; ++c)
      to[formIndex(form, s, r, c)] = from[r * s.outputs + c];
}

inline void unpackWeights(Form form, const std::vector<int64_t> &shape,
                          const float *from, float *to) {
  FormShape s = formShape(shape);
  for (int64_t r = 0; r < s.leading; ++r)
    for (int64_t c = 0; c < s.outputs; ++c)
      to[r * s.outputs + c] = from[formIndex(form, s, r, c)];
}

} // namespace tl::schema
