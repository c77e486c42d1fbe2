// See ReportCutFile.h. Only calls that a signal handler may make.
#include "frontends/weights/ReportCutFile.h"

#include "frontends/weights/File.h"

#include <csignal>
#include <cstring>
#include <unistd.h>

namespace tl::weights {
namespace {

void say(const char *text) {
  // Nothing is left to do about an output that is closed.
  [[maybe_unused]] ssize_t written =
      ::write(STDERR_FILENO, text, std::strlen(text));
}

void onBusError(int number) {
  const char *file = mappedFile();
  if (!file) {
    ::signal(number, SIG_DFL);
    ::raise(number);
    return;
  }
  say("tlc: error: '");
  say(file);
  say("' was cut short while it was read\n");
  ::_exit(1);
}
} // namespace

void reportCutFiles() { ::signal(SIGBUS, onBusError); }

} // namespace tl::weights
