// What the tests of tlrun share: a folder with a model and pictures, and tlrun
// run in it as a user would.
#pragma once

#include "test/unit/data/TemporaryFolder.h"
#include "test/unit/data/TinyPng.h"
#include "test/unit/runtime/TestModel.h"

#include <gtest/gtest.h>
#include <sstream>

#include <sys/wait.h>

namespace tl::test {

inline std::string readText(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::vector<std::string> linesOf(const std::string &text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

// A folder with m.bin (three classes) and pictures of three colours.
class Tlrun : public ::testing::Test {
protected:
  void SetUp() override {
    writeFile(folder / "m.bin", buildTestModel());
    for (int i = 0; i < 12; ++i) {
      auto low = uint8_t(7 * i), high = uint8_t(150 + 7 * i);
      std::string name = "/" + std::to_string(i) + ".png";
      std::string part = i < 9 ? "pictures/train/" : "pictures/val/";
      folder.write(part + "blue" + name, data::makeTinyPng({low, low, high}));
      folder.write(part + "green" + name, data::makeTinyPng({low, high, low}));
      folder.write(part + "red" + name, data::makeTinyPng({high, low, low}));
    }
  }

  // Runs tlrun in the folder; gives the exit code.
  int run(const std::string &arguments) {
    std::string command = "cd '" + folder.path + "' && XDG_CACHE_HOME='" +
                          folder.path + "/cache' '" TLRUN "' " + arguments +
                          " >out.txt 2>err.txt";
    int status = std::system(command.c_str());
    out = readText(folder / "out.txt");
    err = readText(folder / "err.txt");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  void fails(const std::string &arguments, const std::string &message) {
    EXPECT_EQ(run(arguments), 1) << arguments;
    EXPECT_EQ(err, "tlrun: error: " + message + "\n") << arguments;
    EXPECT_EQ(out, "") << arguments;
  }
  std::string file(std::string_view name) { return readText(folder / name); }

  data::TemporaryFolder folder;
  std::string out, err;
};

} // namespace tl::test
