// The command line of tlrun, parsed and checked: which verb, and its options.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tl::tools {

enum class Verb {
  train,
  evaluate,
  predict,
  info,
  exportWeights,
  report,
  bench
};

struct Options {
  Verb verb = Verb::info;
  std::string model;
  std::string folder;             // --train, --evaluate
  std::vector<std::string> files; // --predict
  std::string exportFile;         // --export
  std::string exportNames = "tl"; // --export-names
  std::string output;             // -o; empty: not given
  std::optional<uint32_t> epochs; // of every phase
  std::optional<uint64_t> seed;
  std::optional<uint32_t> batch; // --bench
  std::optional<uint32_t> top;   // --predict
  uint32_t threads = 0;          // 0: what the process may use
  bool noCache = false;
  std::string cacheFolder;                        // empty: the default
  std::optional<uint64_t> cacheMemory, cacheDisk; // bytes
  std::string log;
  bool logSteps = false;
  bool noShuffle = false;
  std::string init;             // --init: a safetensors file
  uint32_t checkpointEvery = 0; // steps; 0: only when interrupted
  bool resume = false;
  bool findRate = false;
  std::string phase;  // --find-lr; empty: the first
  std::string report; // its file; empty: not given
  bool noReport = false;
  bool strict = false;
  bool force = false;
  bool json = false;
  bool preprocessed = false;
  std::string tap;
  std::string commandLine; // as a shell takes it
};

// Throws Failure for a wrong command line. Nothing: --help or --version was
// asked for and has been printed.
std::optional<Options> parseCommandLine(int argc, char **argv);

} // namespace tl::tools
