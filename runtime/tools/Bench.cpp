// tlrun M.bin --bench: how long the programs in the file take, on made-up
// pictures: extraction, a step of each phase, prediction.
#include "runtime/tools/Json.h"
#include "runtime/tools/Model.h"
#include "runtime/tools/Verbs.h"

#include <algorithm>
#include <cmath>

namespace tl::tools {
namespace {

// Long enough for a steady median, short enough to wait for.
constexpr double kSecondsEach = 2;
constexpr double kFewestRuns = 5, kMostRuns = 200;

struct Seconds {
  double median, least; ///< on a busy machine the least says more
};

Seconds measure(tl_session *session, uint32_t entry, uint32_t batch) {
  auto run = [&](uint32_t runs) -> Seconds {
    std::vector<double> seconds(runs);
    call([&](tl_error *e) {
      return tl_session_bench(session, entry, batch, runs, seconds.data(), e);
    });
    std::nth_element(seconds.begin(), seconds.begin() + runs / 2,
                     seconds.end());
    return {seconds[runs / 2],
            *std::min_element(seconds.begin(), seconds.end())};
  };
  double once = std::max(run(1).least, 1e-6);
  return run(uint32_t(std::clamp(kSecondsEach / once, kFewestRuns, kMostRuns)));
}

} // namespace

void runBench(const Options &options) {
  Model model(options.model);
  const tl_model_info &info = model.info();
  uint32_t batch = options.batch.value_or(info.batch ? info.batch : 32);
  SessionPtr session = model.makeSession(options.threads);
  Json entries = Json::array();
  for (uint32_t i = 0; i < info.entry_count; ++i) {
    const tl_entry_info &entry = *tl_model_entry(model.get(), i);
    if (entry.kind != TL_ENTRY_EXTRACT && entry.kind != TL_ENTRY_TRAIN_STEP &&
        entry.kind != TL_ENTRY_PREDICT)
      continue;
    Seconds seconds = measure(session.get(), i, batch);
    if (!options.json) {
      fmt::print("{:<24} batch {:<4} median {:.6f} s  {:.1f} images/s\n",
                 entry.name, batch, seconds.median, batch / seconds.median);
      std::fflush(stdout);
    }
    entries.push_back({{"entry", entry.name},
                       {"batch", batch},
                       {"median_seconds", seconds.median},
                       {"least_seconds", seconds.least},
                       {"images_per_second", batch / seconds.median}});
  }
  if (options.json)
    printJson({{"entries", entries}});
}

} // namespace tl::tools
