// How far a long step is: on a terminal one line that is drawn over, with rate
// and time left; otherwise a plain line now and then. On stderr, so that
// results on stdout stay clean. Drawing never slows the work: mostly it looks
// at the clock and returns.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tl::tools {

// "35 s", "3 min 07 s", "2 h 05 min".
std::string describeSeconds(double seconds);

class Progress {
public:
  // `what`: "reading pictures"; `total`: how many units there are.
  Progress(std::string what, uint64_t total);
  ~Progress(); // takes the line away
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  void update(uint64_t done, const std::string &note = {});
  double seconds() const;

private:
  using Clock = std::chrono::steady_clock;

  const std::string what;
  const uint64_t total;
  const bool terminal;
  const Clock::time_point began = Clock::now();
  Clock::time_point drawn = began;
  bool visible = false;
};

} // namespace tl::tools
