// How long the parts of a run take, and the memory up to the end of each, for
// the report. A part may have several laps: a phase has one an epoch.
#pragma once

#include "runtime/tools/Report.h"

#include <chrono>

#include <sys/resource.h>

namespace tl::tools {

class Laps {
public:
  // What was done since the last lap, or since this object was made.
  void finish(const std::string &part) {
    Clock::time_point now = Clock::now();
    if (parts.empty() || parts.back().name != part)
      parts.push_back({part, 0, 0});
    parts.back().seconds += std::chrono::duration<double>(now - last).count();
    parts.back().peakBytes = peakMemory();
    last = now;
  }

  // The same as two parts, `seconds` of it being the second.
  void finish(const std::string &part, const std::string &second,
              double seconds) {
    finish(part);
    parts.back().seconds -= seconds;
    parts.push_back({second, seconds, parts.back().peakBytes});
  }

  const std::vector<ReportPart> &all() const { return parts; }

private:
  using Clock = std::chrono::steady_clock;

  static uint64_t peakMemory() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return uint64_t(usage.ru_maxrss) * 1024; // Linux counts KB.
  }

  Clock::time_point last = Clock::now();
  std::vector<ReportPart> parts;
};

} // namespace tl::tools
