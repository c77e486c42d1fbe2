// See Interrupt.h.
#include "runtime/tools/Interrupt.h"

#include <csignal>

namespace tl::tools {
namespace {

volatile std::sig_atomic_t asked = 0;

// Both signals go back to killing, whichever came first.
void ask(int) {
  asked = 1;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

} // namespace

Interrupt::Interrupt() {
  struct sigaction action {};
  action.sa_handler = ask;
  action.sa_flags = SA_RESTART; // a write to the disk is not cut short
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

Interrupt::~Interrupt() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool Interrupt::isAsked() { return asked != 0; }

} // namespace tl::tools
