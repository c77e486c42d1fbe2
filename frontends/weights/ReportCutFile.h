// What tlc says when a file that it has mapped is cut short by another process
// just while its values are converted: no check can rule that out, and without
// a handler the process would die of SIGBUS without a word.
#pragma once

namespace tl::weights {

/// From now on such a SIGBUS is an error that names the file, and exit code 1;
/// one with another cause ends the process as before. For a tool's main.
void reportCutFiles();

} // namespace tl::weights
