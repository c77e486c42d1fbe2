// The report's section on classes: which are taken for which, and precision
// and recall of each. Tables, so that they can be read aloud and copied.
#pragma once

#include <string>
#include <vector>

namespace tl::tools {

struct ReportEvaluation;

// Rows are the pictures' classes, columns what the model says. With more
// classes than fit a page, the commonest confusions stand in for the matrix.
std::string reportMatrix(const ReportEvaluation &evaluation,
                         const std::vector<std::string> &labels);

} // namespace tl::tools
