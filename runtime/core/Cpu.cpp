// CPU features and thread counts. __builtin_cpu_supports asks CPUID and, for
// AVX and AVX-512, XGETBV: the operating system must save the registers.
#include "runtime/core/Cpu.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sched.h>
#include <string>
#include <thread>

namespace tl {

schema::Isa bestIsa() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4"))
    return schema::Isa::x86_64_v4;
  if (__builtin_cpu_supports("x86-64-v3"))
    return schema::Isa::x86_64_v3;
  return schema::Isa::x86_64;
}

namespace {

std::string readFirstLine(const std::string &path) {
  char line[4096] = "";
  if (FILE *file = fopen(path.c_str(), "re")) {
    if (!fgets(line, sizeof line, file))
      line[0] = 0;
    fclose(file);
  }
  return line;
}

uint32_t roundedQuota(double quota, double period) {
  return quota > 0 && period > 0 ? uint32_t((quota + period - 1) / period) : 0;
}

// cgroup v2: cpu.max of the process's group and of every group above it.
uint32_t quotaOfGroups() {
  uint32_t best = 0;
  std::string group = readFirstLine("/proc/self/cgroup");
  if (group.rfind("0::", 0) != 0) { // version 1
    double quota =
        atof(readFirstLine("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").c_str());
    double period =
        atof(readFirstLine("/sys/fs/cgroup/cpu/cpu.cfs_period_us").c_str());
    return roundedQuota(quota, period);
  }
  group = group.substr(3, group.find('\n') - 3);
  for (;;) {
    double quota = 0, period = 0;
    std::string line = readFirstLine("/sys/fs/cgroup" + group + "/cpu.max");
    if (sscanf(line.c_str(), "%lf %lf", &quota, &period) == 2)
      if (uint32_t count = roundedQuota(quota, period))
        best = best ? std::min(best, count) : count;
    size_t slash = group.rfind('/');
    if (slash == std::string::npos || group.size() <= 1)
      return best;
    group.resize(slash ? slash : 1);
  }
}

} // namespace

uint32_t availableThreads() {
  cpu_set_t set;
  uint32_t count = std::max(1u, std::thread::hardware_concurrency());
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    count = uint32_t(std::max(1, CPU_COUNT(&set)));
  if (uint32_t quota = quotaOfGroups())
    count = std::min(count, quota);
  return count;
}

} // namespace tl
