// What the tests of the weight readers share: a scratch folder, raw files, and
// a writer of .h5 files as Keras would make them, straight on libhdf5.
#pragma once

#include "frontends/weights/WeightSource.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <string>
#include <vector>

namespace tl::weights {

// A folder of its own for each test, gone with it.
class ScratchFolder {
public:
  ScratchFolder() {
    std::string pattern = testing::TempDir() + "weights-XXXXXX";
    folder = ::mkdtemp(pattern.data());
  }
  ~ScratchFolder() { std::filesystem::remove_all(folder); }

  std::string path(const std::string &name) const { return folder / name; }
  std::string write(const std::string &name, const std::string &bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }

private:
  std::filesystem::path folder;
};

inline std::string readBytes(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Writes groups, datasets and attributes; every call must succeed.
class H5Writer {
public:
  explicit H5Writer(const std::string &path)
      : file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)),
        makeGroups(H5Pcreate(H5P_LINK_CREATE)) {
    H5Pset_create_intermediate_group(makeGroups, 1);
  }
  ~H5Writer() {
    H5Pclose(makeGroups);
    EXPECT_GE(H5Fclose(file), 0);
  }

  void group(const std::string &path) {
    EXPECT_GE(H5Gclose(H5Gcreate2(file, path.c_str(), makeGroups, H5P_DEFAULT,
                                  H5P_DEFAULT)),
              0);
  }

  // A list of texts of fixed length, as Keras 2 writes it.
  void texts(const std::string &object, const std::string &name,
             const std::vector<std::string> &values) {
    size_t longest = 1;
    for (const std::string &value : values)
      longest = std::max(longest, value.size());
    std::string bytes;
    for (std::string value : values) {
      value.resize(longest, '\0');
      bytes += value;
    }
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, longest);
    hsize_t count = values.size();
    attribute(object, name, type, H5Screate_simple(1, &count, nullptr),
              bytes.data());
    H5Tclose(type);
  }

  // One text of variable length, as Keras 3 writes it.
  void variableText(const std::string &object, const std::string &name,
                    const std::string &value) {
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    const char *text = value.c_str();
    attribute(object, name, type, H5Screate(H5S_SCALAR), &text);
    H5Tclose(type);
  }

  // Float32 values, converted to `fileType`; `creation` may ask for chunks.
  void dataset(const std::string &path, const std::vector<hsize_t> &shape,
               const std::vector<float> &values,
               hid_t fileType = H5T_IEEE_F32LE, hid_t creation = H5P_DEFAULT) {
    hid_t space =
        H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
    hid_t set = H5Dcreate2(file, path.c_str(), fileType, space, makeGroups,
                           creation, H5P_DEFAULT);
    EXPECT_GE(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                       values.data()),
              0)
        << path;
    H5Dclose(set);
    H5Sclose(space);
  }

  const hid_t file;
  const hid_t makeGroups;

private:
  void attribute(const std::string &object, const std::string &name, hid_t type,
                 hid_t space, const void *bytes) {
    hid_t owner = H5Oopen(file, object.c_str(), H5P_DEFAULT);
    hid_t made =
        H5Acreate2(owner, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT);
    EXPECT_GE(H5Awrite(made, type, bytes), 0) << name;
    H5Aclose(made);
    H5Sclose(space);
    H5Oclose(owner);
  }
};

// start, start + 1, ...
inline std::vector<float> counting(size_t count, float start = 0) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = start + static_cast<float>(i);
  return values;
}

inline std::unique_ptr<WeightSource> openOrFail(const std::string &path) {
  Result<std::unique_ptr<WeightSource>> source = openWeightSource(path);
  if (!source) {
    ADD_FAILURE() << source.message();
    return nullptr;
  }
  return std::move(*source);
}

inline std::string openError(const std::string &path) {
  Result<std::unique_ptr<WeightSource>> source = openWeightSource(path);
  return source ? "(no error)" : source.message();
}

inline std::vector<float> readTensor(WeightSource &source, size_t index) {
  std::vector<float> values(
      static_cast<size_t>(source.tensors()[index].numElements()));
  Status status = source.read(index, values);
  EXPECT_TRUE(status) << (status ? "" : status.message());
  return values;
}

} // namespace tl::weights
