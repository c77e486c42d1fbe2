// The report's section on what happened over the epochs: two charts, and the
// same numbers as a table.
#pragma once

#include <string>

namespace tl::tools {

struct ReportData;

// Several section-less elements; empty where there is no history.
std::string reportCurves(const ReportData &data);

} // namespace tl::tools
