// tlc: compiles a recipe for transfer learning into one file.
//   tlc model.tl -o model.bin
// Exit code 0, 1 (the user's input is at fault) or 2 (the compiler is).
#include "compiler/tools/Compile.h"
#include "frontends/weights/ReportCutFile.h"

#include <CLI/CLI.hpp>
#include <llvm/Support/raw_ostream.h>

int main(int argc, char **argv) {
  CLI::App app("Compiles a recipe for transfer learning into one file.", "tlc");
  tl::CompileOptions options;
  app.add_option("model", options.model, "the recipe, a .tl file")
      ->type_name("MODEL.tl");
  app.add_option("-o,--output", options.output, "where to write the program")
      ->type_name("OUT.bin");
  app.add_option("--weights", options.weights,
                 "the backbone's weights, instead of what the recipe names: a "
                 "file, or random:SEED")
      ->type_name("FILE");
  app.add_option("--target", options.targets,
                 "instruction sets to compile for, separated by commas: "
                 "x86-64, x86-64-v3, x86-64-v4")
      ->delimiter(',')
      ->type_name("LIST");
  app.add_option("--keep", options.keep,
                 "layers whose values stay readable (tlrun --tap)")
      ->delimiter(',')
      ->type_name("NAME,...");
  app.add_flag("--summary", options.summary,
               "print the layers, the indices that freeze ranges use, and what "
               "each phase trains and costs");
  app.add_flag("--explain", options.explain,
               "print the form, work, memory traffic and expected speed of "
               "each call on each target");
  app.add_flag("--json", options.json,
               "print what --explain or --list-backbones says as JSON");
  app.add_flag("--list-backbones", options.listBackbones,
               "print the built-in backbones");
  app.add_option("--emit", options.pipeline.stopAfter,
                 "print the program after a phase and stop")
      ->type_name("PHASE");
  app.add_option("--dump-phases", options.pipeline.dumpFolder,
                 "write the program after each phase into a folder")
      ->type_name("DIR");
  app.add_flag("--timing", options.pipeline.timing,
               "report the seconds of each phase");
  app.add_flag("--list-phases", options.listPhases,
               "print the phases and what each promises");
  app.set_version_flag("--version", "tlc " TL_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == 0)
      return app.exit(error);
    llvm::errs() << "tlc: error: " << error.what() << "\n";
    return 1;
  }
  tl::weights::reportCutFiles();
  return tl::compile(options);
}
