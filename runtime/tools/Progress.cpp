// See Progress.h.
#include "runtime/tools/Progress.h"

#include "runtime/tools/Failure.h"

#include <cstdio>
#include <fmt/format.h>

#include <unistd.h>

namespace tl::tools {
namespace {

constexpr std::chrono::milliseconds kRedraw(100);
constexpr std::chrono::milliseconds kPlainLine(10000);
constexpr int kBarWidth = 24;

} // namespace

std::string describeSeconds(double seconds) {
  auto whole = uint64_t(seconds + 0.5);
  if (whole < 100)
    return fmt::format("{} s", whole);
  if (whole < 6000)
    return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

Progress::Progress(std::string what, uint64_t total)
    : what(std::move(what)), total(total), terminal(isatty(STDERR_FILENO)) {}

Progress::~Progress() {
  if (visible)
    say("\r\x1b[K");
}

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

void Progress::update(uint64_t done, const std::string &note) {
  Clock::time_point now = Clock::now();
  if (done == 0 || now - drawn < (terminal ? kRedraw : kPlainLine))
    return;
  drawn = now;
  double rate = double(done) / seconds();
  std::string status =
      fmt::format("{}/{}  {:.1f}/s  {} left{}{}", done, total, rate,
                  describeSeconds(double(total - done) / rate),
                  note.empty() ? "" : "  ", note);
  if (!terminal) {
    say(fmt::format("{}: {}\n", what, status));
    return;
  }
  std::string bar(size_t(done * kBarWidth / total), '#');
  say(fmt::format("\r{} [{:<{}}] {}\x1b[K", what, bar, kBarWidth, status));
  std::fflush(stderr);
  visible = true;
}

} // namespace tl::tools
