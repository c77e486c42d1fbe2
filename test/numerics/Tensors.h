// Reads and edits the two files that the trajectory test works with: goldens in
// safetensors, and a compiled model.bin whose initial values are to be given
// ones. Both through public forms alone (the safetensors header, the
// container's schema), so that the test sees what any other program could see.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tl::test {

struct NumericTensor {
  std::vector<int64_t> shape;
  std::vector<double> values; // widened from f32, f64 or i32
};

// Throws std::runtime_error with the file's name.
std::map<std::string, NumericTensor> readSafetensors(const std::string &path);

std::vector<char> readFile(const std::string &path);

// The container `file` with each named parameter stored as given instead of
// drawn, marked as trained on two or more classes "0", "1", ...; aligned to 64
// bytes for tl_model_open_memory.
class PatchedModel {
public:
  PatchedModel(const std::vector<char> &file,
               const std::map<std::string, NumericTensor> &parameters);
  const void *data() const { return aligned; }
  size_t size() const { return bytes; }

private:
  std::vector<char> storage;
  char *aligned = nullptr;
  size_t bytes = 0;
};

} // namespace tl::test
