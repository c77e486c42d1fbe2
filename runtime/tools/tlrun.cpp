// tlrun: the command line of the runtime. Only dispatch is here, and errors
// turned into exit codes: 1 for the user's input, 2 for a bug of ours, 130 for
// an interrupted run.
#include "runtime/tools/Failure.h"
#include "runtime/tools/Verbs.h"

#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <new>
#include <system_error>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace tl::tools {

// stderr may be closed or full, which is no reason to stop: fputs does not
// throw, fmt::print would.
void say(const std::string &text) { std::fputs(text.c_str(), stderr); }

void warn(const std::string &message) {
  say(fmt::format("tlrun: warning: {}\n", message));
}

namespace {

void run(const Options &options) {
  switch (options.verb) {
  case Verb::train:
    return runTrain(options);
  case Verb::evaluate:
    return runEvaluate(options);
  case Verb::predict:
    return runPredict(options);
  case Verb::info:
    return runInfo(options);
  case Verb::exportWeights:
    return runExport(options);
  case Verb::report:
    return runReport(options);
  case Verb::bench:
    return runBench(options);
  }
}

int fail(const char *message, int code) {
  std::fflush(stdout);
  const char *kind = code == exitInterrupted ? "" : "error: ";
  say(fmt::format("tlrun: {}{}\n", kind, message));
  return code;
}

int runMain(int argc, char **argv) {
  try {
    if (std::optional<Options> options = parseCommandLine(argc, argv))
      run(*options);
    // Results that do not reach their reader are a failure, too.
    if (std::fflush(stdout) != 0)
      throw Failure("the output cannot be written");
    return 0;
  } catch (const Failure &failure) {
    return fail(failure.what(), failure.code);
  } catch (const std::bad_alloc &) {
    return fail("not enough memory", exitUser);
  } catch (const std::system_error &error) { // fmt: stdout is full or closed
    return fail(error.what(), exitUser);
  } catch (const std::exception &error) {
    return fail(error.what(), exitBug);
  }
}

// Decoding takes and frees a few hundred KB many times a picture. Left to
// itself, glibc gives such memory back to the system and takes it again, page
// by page: 10% of the time of decoding and resizing. It may keep 16 MB now.
void keepFreedMemory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
#endif
}

} // namespace
} // namespace tl::tools

int main(int argc, char **argv) {
  // A limit on the size of files is then an error of a write, like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  tl::tools::keepFreedMemory();
  return tl::tools::runMain(argc, argv);
}
