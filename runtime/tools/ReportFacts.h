// What a model file itself says about a training, as the report shows it.
#pragma once

#include "runtime/tools/Model.h"
#include "runtime/tools/Report.h"

namespace tl::tools {

// All but the evaluation, the parts of a run and the number of pictures, which
// are not in the file.
ReportData describeModel(const Model &model);

} // namespace tl::tools
