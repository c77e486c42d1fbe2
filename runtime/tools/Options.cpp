// See Options.h. CLI11 parses; which option goes with which verb is one table
// here, so that a misplaced option is an error and not silently without effect.
#include "runtime/tools/Options.h"

#include "runtime/tools/Failure.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <sstream>

namespace tl::tools {
namespace {

struct VerbFlag {
  const char *flag;
  Verb verb;
};
constexpr VerbFlag kVerbs[] = {
    {"--train", Verb::train},     {"--evaluate", Verb::evaluate},
    {"--predict", Verb::predict}, {"--info", Verb::info},
    {"--bench", Verb::bench},     {"--export", Verb::exportWeights}};
// --report is a verb only where none of these is given.

struct Allowed {
  const char *flag;
  std::vector<Verb> verbs;
};
const Allowed kAllowed[] = {
    {"-o", {Verb::train, Verb::predict}},
    {"--epochs", {Verb::train}},
    {"--seed", {Verb::train}},
    {"--no-cache", {Verb::train}},
    {"--cache-dir", {Verb::train}},
    {"--cache-memory", {Verb::train}},
    {"--cache-disk", {Verb::train}},
    {"--log", {Verb::train}},
    {"--log-steps", {Verb::train}},
    {"--no-shuffle", {Verb::train}},
    {"--init", {Verb::train}},
    {"--checkpoint-every", {Verb::train}},
    {"--resume", {Verb::train}},
    {"--find-lr", {Verb::train}},
    {"--phase", {Verb::train}},
    {"--report", {Verb::train, Verb::evaluate, Verb::report}},
    {"--no-report", {Verb::train}},
    {"--force", {Verb::train}},
    {"--strict", {Verb::train, Verb::evaluate, Verb::predict}},
    {"--threads", {Verb::train, Verb::evaluate, Verb::predict, Verb::bench}},
    {"--device", {Verb::train, Verb::evaluate, Verb::predict, Verb::bench}},
    {"--json", {Verb::evaluate, Verb::predict, Verb::info, Verb::bench}},
    {"--top", {Verb::predict}},
    {"--preprocessed", {Verb::predict}},
    {"--tap", {Verb::predict}},
    {"--export-names", {Verb::exportWeights}},
    {"--batch", {Verb::bench}}};

void addVerbs(CLI::App &app, Options &options) {
  const char *group = "What to do, one of";
  app.add_option("--train", options.folder,
                 "train on a folder that has a folder of pictures a class")
      ->type_name("DIR")
      ->group(group);
  app.add_option("--evaluate", options.folder,
                 "accuracy and loss on such a folder, or its validation part")
      ->type_name("DIR")
      ->group(group);
  app.add_option("--predict", options.files,
                 "classify pictures, or run an array (.npy)")
      ->type_name("FILE")
      ->group(group);
  app.add_flag("--info")->description("say what is in the file")->group(group);
  app.add_option("--export", options.exportFile,
                 "write the parameters as safetensors")
      ->type_name("FILE")
      ->group(group);
  app.add_flag("--bench")
      ->description("time the programs in the file")
      ->group(group);
  app.add_option("--report", options.report,
                 "write a page about the trained file; with --evaluate also "
                 "confusions and mistakes; with --train its name (default: "
                 "the trained file's, .report.html)")
      ->type_name("FILE")
      ->group(group);
}

void addTrainingOptions(CLI::App &app, Options &options) {
  app.add_option("--log", options.log, "a line of JSON for each epoch")
      ->type_name("FILE");
  app.add_flag("--log-steps", options.logSteps,
               "a line of JSON for each step, too: in the log, else on stdout");
  app.add_flag("--no-shuffle", options.noShuffle,
               "visit the pictures in the order of their names");
  app.add_option("--init", options.init,
                 "start from these values of parameters (safetensors, as "
                 "--export writes them)")
      ->type_name("FILE");
  app.add_option("--checkpoint-every", options.checkpointEvery,
                 "keep the run's state beside the result (T.bin.state) every N "
                 "steps and at each epoch's end")
      ->check(CLI::Range(1u, 1000000000u))
      ->type_name("N");
  app.add_flag("--resume", options.resume,
               "go on from that state; the rest of the command line stays as "
               "it was");
  app.add_flag("--find-lr", options.findRate,
               "train with a rising learning rate, print the losses and a "
               "suggestion, write nothing");
  app.add_flag("--no-report", options.noReport, "train without a report");
  app.add_option("--phase", options.phase, "of --find-lr; default: the first")
      ->type_name("NAME");
}

void addCacheOptions(CLI::App &app, Options &options) {
  app.add_flag("--no-cache", options.noCache,
               "run the frozen part at each step; keep nothing on the disk");
  app.add_option("--cache-dir", options.cacheFolder,
                 "where features of pictures are kept (default: "
                 "$XDG_CACHE_HOME/tlrun, else ~/.cache/tlrun)")
      ->type_name("DIR");
  app.add_option("--cache-memory", options.cacheMemory,
                 "memory for features and pictures, as 512M or 4G (default: "
                 "half of what is available)")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("BYTES");
  app.add_option("--cache-disk", options.cacheDisk,
                 "disk for what that does not hold, and for features that the "
                 "next run finds again (default: 8G, or a third of what is "
                 "free)")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("BYTES");
}

void addOptions(CLI::App &app, Options &options, std::string &device) {
  app.add_option("-o", options.output,
                 "the trained file (default: M.trained.bin), or the array that "
                 "--predict X.npy gives")
      ->type_name("FILE");
  app.add_option("--epochs", options.epochs, "epochs of every phase")
      ->check(CLI::Range(1u, 1000000u))
      ->type_name("N");
  app.add_option("--seed", options.seed, "instead of the recipe's")
      ->type_name("N");
  app.add_option("--threads", options.threads,
                 "default: the cores that this process may use")
      ->check(CLI::Range(1u, 1024u))
      ->type_name("N");
  app.add_option("--device", device, "auto (default) or cpu")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->type_name("D");
  addCacheOptions(app, options);
  addTrainingOptions(app, options);
  app.add_flag("--strict", options.strict, "a skipped picture is an error");
  app.add_flag("--force", options.force, "allow -o to overwrite the input");
  app.add_flag("--json", options.json, "results as JSON on stdout");
  app.add_option("--top", options.top, "print the K likeliest classes")
      ->check(CLI::Range(1u, 1000000u))
      ->type_name("K");
  app.add_flag("--preprocessed", options.preprocessed,
               "X.npy goes into the network as it is");
  app.add_option("--tap", options.tap, "write this value, not the scores")
      ->type_name("NAME");
  app.add_option(
         "--export-names", options.exportNames,
         "tl (default: what is trained, under our names, for --init) or "
         "source (all weights, as torch or Keras has them, to be loaded "
         "there or by tlc)")
      ->check(CLI::IsMember({"tl", "source"}))
      ->type_name("N");
  app.add_option("--batch", options.batch, "default: the recipe's")
      ->check(CLI::Range(1u, 65536u))
      ->type_name("N");
}

Verb findVerb(const CLI::App &app) {
  std::optional<Verb> verb;
  for (const VerbFlag &option : kVerbs) {
    if (!app.get_option(option.flag)->count())
      continue;
    if (verb)
      throw Failure("give one of --train, --evaluate, --predict, --info, "
                    "--export and --bench, not several");
    verb = option.verb;
  }
  if (!verb && app.get_option("--report")->count())
    verb = Verb::report;
  if (!verb)
    throw Failure("say what to do: --train DIR, --evaluate DIR, --predict "
                  "FILE..., --info, --export FILE, --report FILE or --bench");
  return *verb;
}

void checkAllowed(const CLI::App &app, Verb verb) {
  for (const Allowed &allowed : kAllowed) {
    auto isAllowed = [&](Verb other) {
      return std::find(allowed.verbs.begin(), allowed.verbs.end(), other) !=
             allowed.verbs.end();
    };
    if (!app.get_option(allowed.flag)->count() || isAllowed(verb))
      continue;
    std::string with;
    for (const VerbFlag &option : kVerbs)
      if (isAllowed(option.verb))
        with += fmt::format("{}{}", with.empty() ? "" : " or ", option.flag);
    throw Failure(fmt::format("{} goes with {}", allowed.flag, with));
  }
}

// --find-lr writes nothing, so that what says how and where to write is a slip.
void checkFindRate(const CLI::App &app, const Options &options) {
  if (!options.findRate) {
    if (app.get_option("--phase")->count())
      throw Failure("--phase goes with --find-lr");
    return;
  }
  for (const char *flag :
       {"-o", "--epochs", "--log", "--log-steps", "--no-shuffle", "--force",
        "--checkpoint-every", "--resume", "--report", "--no-report"})
    if (app.get_option(flag)->count())
      throw Failure(fmt::format("{} does not go with --find-lr, which saves "
                                "nothing",
                                flag));
}

// The command as one may paste it into a shell.
std::string quoteCommand(int argc, char **argv) {
  std::string line;
  for (int i = 0; i < argc; ++i) {
    std::string_view word = argv[i];
    bool plain = !word.empty() &&
                 word.find_first_not_of("abcdefghijklmnopqrstuvwxyz"
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                        "_-./=:,+@%") == std::string_view::npos;
    line += i ? " " : "";
    if (plain) {
      line += word;
      continue;
    }
    line += '\'';
    for (char c : word)
      line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

} // namespace

std::optional<Options> parseCommandLine(int argc, char **argv) {
  Options options;
  std::string device = "auto";
  CLI::App app("Trains, evaluates and runs a model that tlc compiled.",
               "tlrun");
  app.set_version_flag("--version", "tlrun " TL_VERSION);
  app.add_option("model", options.model, "the file that tlc or tlrun wrote")
      ->required()
      ->type_name("M.bin");
  addVerbs(app, options);
  addOptions(app, options, device);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &asked) {
    std::ostringstream text;
    app.exit(asked, text, text);
    fmt::print("{}", text.str());
    return std::nullopt;
  } catch (const CLI::ParseError &error) {
    throw Failure(fmt::format("{} (see tlrun --help)", error.what()));
  }
  options.verb = findVerb(app);
  checkAllowed(app, options.verb);
  checkFindRate(app, options);
  options.commandLine = quoteCommand(argc, argv);
  if (options.noReport && !options.report.empty())
    throw Failure("give --report or --no-report, not both");
  if (device == "cuda")
    throw Failure("--device cuda is not supported by this build; use cpu");
  return options;
}

} // namespace tl::tools
