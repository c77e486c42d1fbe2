// Ctrl-C (SIGINT) and SIGTERM while training: the first one asks the run to
// stop after its step, so that its state can be kept; the second one kills.
#pragma once

namespace tl::tools {

class Interrupt {
public:
  Interrupt(); // from here on signals are asked for, not obeyed
  ~Interrupt();
  Interrupt(const Interrupt &) = delete;

  static bool isAsked();
};

} // namespace tl::tools
