// The constants of runtime.h by the names that recipes give them.
#pragma once

#include <tl/runtime.h>

namespace tl::tools {

inline const char *nameOf(tl_isa isa) {
  switch (isa) {
  case TL_ISA_X86_64_V3:
    return "x86-64-v3";
  case TL_ISA_X86_64_V4:
    return "x86-64-v4";
  default:
    return "x86-64";
  }
}

inline const char *nameOf(tl_optimizer optimizer) {
  static constexpr const char *names[] = {"sgd", "rmsprop", "adam", "adamw"};
  return names[optimizer];
}

inline const char *nameOf(tl_resize resize) {
  static constexpr const char *names[] = {"nearest", "bilinear", "bicubic",
                                          "tf_bilinear"};
  return names[resize];
}

inline const char *nameOf(tl_loss loss) {
  static constexpr const char *names[] = {"binary_crossentropy",
                                          "categorical_crossentropy"};
  return names[loss];
}

inline const char *nameOf(tl_convention convention) {
  static constexpr const char *names[] = {"keras", "torch"};
  return names[convention];
}

inline const char *nameOf(tl_schedule schedule) {
  static constexpr const char *names[] = {"constant", "step", "cosine",
                                          "one_cycle"};
  return names[schedule];
}

} // namespace tl::tools
