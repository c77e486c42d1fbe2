// Files made to lead the reader elsewhere or to break libhdf5: each ends as a
// message that names the file, or as numbers; the compiler's process survives.
#include "TestFiles.h"
#include "frontends/weights/Hdf5Source.h"

#include <csignal>
#include <fstream>
#include <random>
#include <unistd.h>

using namespace tl::weights;

namespace {

class HostileHdf5 : public testing::Test {
protected:
  void expectError(const std::string &part) {
    std::string text = openError(path);
    EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_NE(text.find(path), std::string::npos) << text;
  }

  // A small sound file in the old layout, with a compressed dataset.
  void writeSound() {
    H5Writer writer(path);
    writer.texts("/", "layer_names", {"conv", "dense"});
    hid_t packed = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[2] = {4, 4};
    H5Pset_chunk(packed, 2, chunk);
    H5Pset_deflate(packed, 1);
    writer.dataset("conv/conv/kernel:0", {8, 8}, counting(64), H5T_IEEE_F32LE,
                   packed);
    H5Pclose(packed);
    writer.dataset("dense/dense/kernel:0", {4, 4}, counting(16));
    writer.texts("conv", "weight_names", {"conv/kernel:0"});
    writer.variableText("dense", "weight_names", "dense/kernel:0");
  }

  ScratchFolder folder;
  std::string path = folder.path("w.h5");
};

} // namespace

// The other file exists and is sound; it must not be read all the same.
TEST_F(HostileHdf5, ExternalLink) {
  std::string other = folder.path("other.h5");
  { H5Writer(other).dataset("secret", {1}, {1}); }
  {
    H5Writer writer(path);
    writer.group("layers/dense/vars");
    H5Lcreate_external(other.c_str(), "secret", writer.file,
                       "layers/dense/vars/0", H5P_DEFAULT, H5P_DEFAULT);
  }
  expectError("'0' is an external link into another file");
}

// The same for a whole group, and in the old layout.
TEST_F(HostileHdf5, ExternalLinkToLayer) {
  std::string other = folder.path("other.h5");
  {
    H5Writer writer(other);
    writer.dataset("dense/dense/kernel:0", {1}, {1});
    writer.texts("dense", "weight_names", {"dense/kernel:0"});
  }
  {
    H5Writer writer(path);
    writer.texts("/", "layer_names", {"dense"});
    H5Lcreate_external(other.c_str(), "dense", writer.file, "dense",
                       H5P_DEFAULT, H5P_DEFAULT);
  }
  expectError("'dense' is an external link into another file");
}

TEST_F(HostileHdf5, SoftLink) {
  {
    H5Writer writer(path);
    writer.dataset("x", {1}, {1});
    writer.group("layers/dense/vars");
    H5Lcreate_soft("/x", writer.file, "layers/dense/vars/0", H5P_DEFAULT,
                   H5P_DEFAULT);
  }
  expectError("'0' is a soft or user-defined link");
}

// Links that lead to each other, and one that leads nowhere.
TEST_F(HostileHdf5, SoftLinkLoop) {
  {
    H5Writer writer(path);
    writer.group("layers");
    H5Lcreate_soft("/layers/b", writer.file, "layers/a", H5P_DEFAULT,
                   H5P_DEFAULT);
    H5Lcreate_soft("/layers/a", writer.file, "layers/b", H5P_DEFAULT,
                   H5P_DEFAULT);
  }
  expectError("'a' is a soft or user-defined link; expected the object itself");
  {
    H5Writer writer(path);
    writer.texts("/", "layer_names", {"dense"});
    H5Lcreate_soft("/nowhere", writer.file, "dense", H5P_DEFAULT, H5P_DEFAULT);
  }
  expectError("layer 'dense': 'dense' is a soft or user-defined link");
}

TEST_F(HostileHdf5, ExternalStorage) {
  std::string raw = folder.write("raw", "12345678");
  {
    H5Writer writer(path);
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(creation, raw.c_str(), 0, 8);
    hsize_t count = 2;
    hid_t space = H5Screate_simple(1, &count, nullptr);
    hid_t set = H5Dcreate2(writer.file, "layers/dense/vars/0", H5T_IEEE_F32LE,
                           space, writer.makeGroups, creation, H5P_DEFAULT);
    EXPECT_GE(set, 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(creation);
  }
  expectError("external storage");
}

TEST_F(HostileHdf5, VirtualDataset) {
  std::string other = folder.path("other.h5");
  { H5Writer(other).dataset("secret", {2}, {1, 2}); }
  {
    H5Writer writer(path);
    hsize_t count = 2;
    hid_t space = H5Screate_simple(1, &count, nullptr);
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_virtual(creation, space, other.c_str(), "secret", space);
    hid_t set = H5Dcreate2(writer.file, "layers/dense/vars/0", H5T_IEEE_F32LE,
                           space, writer.makeGroups, creation, H5P_DEFAULT);
    EXPECT_GE(set, 0);
    H5Dclose(set);
    H5Pclose(creation);
    H5Sclose(space);
  }
  expectError("is a virtual dataset");
}

// A claim of terabytes in a file of a few hundred bytes.
TEST_F(HostileHdf5, NeverWritten) {
  {
    H5Writer writer(path);
    hsize_t shape[2] = {1 << 19, 1 << 19};
    hid_t space = H5Screate_simple(2, shape, nullptr);
    hid_t set = H5Dcreate2(writer.file, "layers/dense/vars/0", H5T_IEEE_F32LE,
                           space, writer.makeGroups, H5P_DEFAULT, H5P_DEFAULT);
    H5Dclose(set);
    H5Sclose(space);
  }
  expectError("its values were never written");
}

// Groups in a circle of hard links.
TEST_F(HostileHdf5, Circle) {
  {
    H5Writer writer(path);
    writer.group("layers/a");
    H5Lcreate_hard(writer.file, "layers", writer.file, "layers/a/again",
                   H5P_DEFAULT, H5P_DEFAULT);
  }
  expectError("nested deeper than 32");
}

// A chain of groups without a circle, deeper than any network.
TEST_F(HostileHdf5, Deep) {
  {
    std::string deep = "layers";
    for (int i = 0; i < 40; ++i)
      deep += "/g";
    H5Writer(path).dataset(deep + "/vars/0", {1}, {1});
  }
  expectError("nested deeper than 32");
}

// Seven groups, each of which holds the next under ten names: a million paths,
// of which the reader walks as many as it allows itself.
TEST_F(HostileHdf5, ManyPaths) {
  {
    H5Writer writer(path);
    writer.group("layers");
    for (int level = 0; level < 6; ++level) {
      std::string own = "l" + std::to_string(level),
                  next = "l" + std::to_string(level + 1);
      writer.group(next);
      for (char name = '0'; name <= '9'; ++name)
        H5Lcreate_hard(writer.file, next.c_str(), writer.file,
                       ((level ? own : "layers") + "/" + name).c_str(),
                       H5P_DEFAULT, H5P_DEFAULT);
    }
  }
  expectError("it has more than 200000 objects");
}

TEST_F(HostileHdf5, NotNumbers) {
  {
    H5Writer writer(path);
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, 4);
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t set = H5Dcreate2(writer.file, "layers/dense/vars/0", type, space,
                           writer.makeGroups, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, "text");
    H5Dclose(set);
    H5Sclose(space);
    H5Tclose(type);
  }
  expectError("holds text; expected 16, 32 or 64 bit floats, or integers");
}

// The other types that a dataset may have, each named.
TEST_F(HostileHdf5, OtherTypes) {
  auto write = [&](hid_t type) {
    H5Writer writer(path);
    hsize_t count = 2;
    hid_t space = H5Screate_simple(1, &count, nullptr);
    hid_t set = H5Dcreate2(writer.file, "layers/dense/vars/0", type, space,
                           writer.makeGroups, H5P_DEFAULT, H5P_DEFAULT);
    EXPECT_GE(set, 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Tclose(type);
  };
  hid_t pair = H5Tcreate(H5T_COMPOUND, 8);
  H5Tinsert(pair, "re", 0, H5T_IEEE_F32LE);
  H5Tinsert(pair, "im", 4, H5T_IEEE_F32LE);
  write(pair);
  expectError("holds compound values");
  hid_t boolean = H5Tenum_create(H5T_STD_I8LE);
  int8_t one = 1;
  H5Tenum_insert(boolean, "TRUE", &one);
  write(boolean);
  expectError("holds enumerated values");
  write(H5Tvlen_create(H5T_IEEE_F32LE));
  expectError("holds lists of varying lengths");
  hsize_t three = 3;
  write(H5Tarray_create2(H5T_IEEE_F32LE, 1, &three));
  expectError("holds arrays");
  write(H5Tcopy(H5T_STD_REF_OBJ));
  expectError("holds references");
  write(H5Tcopy(H5T_NATIVE_LDOUBLE));
  expectError("holds floats of 16 bytes");
  write(H5Tcreate(H5T_OPAQUE, 2));
  expectError("holds opaque bytes");
}

// No values at all, in both ways that the format has for it.
TEST_F(HostileHdf5, NoValues) {
  for (bool null : {false, true}) {
    {
      H5Writer writer(path);
      hsize_t shape[2] = {0, 3};
      hid_t space =
          null ? H5Screate(H5S_NULL) : H5Screate_simple(2, shape, nullptr);
      H5Dclose(H5Dcreate2(writer.file, "layers/dense/vars/0", H5T_IEEE_F32LE,
                          space, writer.makeGroups, H5P_DEFAULT, H5P_DEFAULT));
      H5Sclose(space);
    }
    expectError(null ? "has no values" : "has the shape [0, 3]; expected");
  }
}

// A filter that libhdf5 does not have (here registered in this process alone,
// as a plugin would be) is named, with what to do.
TEST_F(HostileHdf5, UnknownFilter) {
  H5Z_class2_t filter = {H5Z_CLASS_T_VERS,
                         32000,
                         1,
                         1,
                         "lzf",
                         nullptr,
                         nullptr,
                         [](unsigned, size_t, const unsigned *, size_t bytes,
                            size_t *, void **) { return bytes; }};
  ASSERT_GE(H5Zregister(&filter), 0);
  hid_t packed = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t chunk = 4;
  H5Pset_chunk(packed, 1, &chunk);
  H5Pset_filter(packed, 32000, 0, 0, nullptr);
  {
    H5Writer(path).dataset("layers/dense/vars/0", {4}, counting(4),
                           H5T_IEEE_F32LE, packed);
  }
  H5Pclose(packed);
  ASSERT_GE(H5Zunregister(32000), 0);
  expectError("is packed by the filter 32000 (lzf), which is not read; "
              "expected gzip");
}

// A chunk whose checksum does not hold.
TEST_F(HostileHdf5, WrongChecksum) {
  hid_t checked = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t chunk = 64;
  H5Pset_chunk(checked, 1, &chunk);
  H5Pset_fletcher32(checked);
  {
    H5Writer(path).dataset("layers/dense/vars/0", {64}, counting(64),
                           H5T_IEEE_F32LE, checked);
  }
  H5Pclose(checked);
  {
    auto source = openOrFail(path);
    ASSERT_TRUE(source);
    EXPECT_EQ(readTensor(*source, 0), counting(64));
  }
  std::string bytes = readBytes(path);
  std::vector<float> values = counting(64);
  size_t at = bytes.find({reinterpret_cast<const char *>(&values[1]), 200});
  ASSERT_NE(at, std::string::npos);
  bytes[at] ^= 1;
  folder.write("w.h5", bytes);
  auto source = openOrFail(path);
  ASSERT_TRUE(source);
  Status status = (*source).read(0, values);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.message(),
            "'" + path +
                "': tensor 'layers/dense/vars/0' cannot be read; the file is "
                "damaged, or a part of it unpacks to more memory than reading "
                "may take");
}

// `layer_names` and `weight_names` that lie.
TEST_F(HostileHdf5, NamesWithoutObjects) {
  { H5Writer(path).texts("/", "layer_names", {"ghost"}); }
  expectError("layer 'ghost': there is no 'ghost'");
  {
    H5Writer writer(path);
    writer.texts("/", "layer_names", {"a"});
    writer.group("a");
    writer.texts("a", "weight_names", {"a/kernel:0"});
  }
  expectError("tensor 'a/a/kernel:0': there is no 'a'");
}

// A chunk that unpacks to 256 MiB does not fit 16 MiB of memory.
TEST_F(HostileHdf5, UnpacksToTooMuch) {
  constexpr hsize_t count = 64u << 20;
  {
    H5Writer writer(path);
    hid_t packed = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(packed, 1, &count);
    H5Pset_deflate(packed, 1);
    writer.dataset("layers/dense/vars/0", {count}, std::vector<float>(count),
                   H5T_IEEE_F32LE, packed);
    H5Pclose(packed);
  }
  Result<File> file = File::open(path);
  ASSERT_TRUE(file);
  auto source = openHdf5(std::move(*file), {uint64_t(16) << 20, 20, 20});
  ASSERT_TRUE(source) << source.message();
  std::vector<float> values(count);
  Status status = (*source)->read(0, values);
  ASSERT_FALSE(status);
  // AddressSanitizer ends the child itself when memory is refused.
  EXPECT_TRUE(status.message().find("memory") != std::string::npos ||
              status.message().find("status 1") != std::string::npos)
      << status.message();
  EXPECT_NE(status.message().find(path), std::string::npos);
  // The child's memory is gone, ours is whole: the next file opens.
  writeSound();
  EXPECT_TRUE(openOrFail(path));
}

// As many tensors as are allowed fit the child's memory; one more is refused by
// their number.
TEST_F(HostileHdf5, ManyTensors) {
  for (int tensors : {10000, 10001}) {
    {
      H5Writer writer(path);
      for (int i = 0; i < tensors; ++i)
        writer.dataset("layers/dense_" + std::to_string(i) + "/vars/0", {1},
                       {1});
    }
    if (tensors > 10000)
      expectError("it has more than 10000 tensors");
    else
      EXPECT_EQ(openOrFail(path)->tensors().size(), 10000u);
  }
}

// The child is killed from outside, as the kernel does where memory is short:
// an error that names the file, at once and ever after.
TEST_F(HostileHdf5, ChildKilled) {
  writeSound();
  auto source = openOrFail(path);
  ASSERT_TRUE(source);
  std::string task = "/proc/self/task/" + std::to_string(::gettid());
  pid_t child = 0;
  std::ifstream(task + "/children") >> child;
  ASSERT_GT(child, 0);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  std::vector<float> values(64);
  std::string message = source->read(0, values).message();
  EXPECT_EQ(message, "'" + path +
                         "': the reading process was killed; the machine may "
                         "have run out of memory");
  message = source->read(0, values).message();
  EXPECT_EQ(message, "'" + path + "': the reading process has already ended");
}

// Cut at every length of a few hundred.
TEST_F(HostileHdf5, Truncated) {
  writeSound();
  std::string good = readBytes(path);
  ASSERT_GT(good.size(), 3000u);
  for (size_t size = 0; size < good.size(); size += good.size() / 50) {
    folder.write("w.h5", good.substr(0, size));
    EXPECT_NE(openError(path), "(no error)") << size;
  }
}

// Random damage, in bits and in whole words, half of it in the metadata's
// small numbers, where libhdf5 has had its bugs.
TEST_F(HostileHdf5, Mutations) {
  writeSound();
  std::string good = readBytes(path);
  std::mt19937 random(7);
  size_t refused = 0;
  for (int round = 0; round < 400; ++round) {
    std::string bytes = good;
    for (int changes = 1 + round % 8; changes > 0; --changes) {
      size_t at = random() % bytes.size();
      if (round % 2)
        bytes[at] ^= static_cast<char>(1 << random() % 8);
      else
        bytes[at] = static_cast<char>(random() % 2 ? 0xff : random());
    }
    folder.write("w.h5", bytes);
    Result<File> file = File::open(path);
    ASSERT_TRUE(file);
    Result<std::unique_ptr<WeightSource>> source =
        looksLikeHdf5(*file)
            ? openHdf5(std::move(*file), {uint64_t(64) << 20, 5, 20})
            : Error{path + " is not HDF5"};
    bool failed = !source;
    std::string message = source ? "" : source.message();
    for (size_t i = 0; source && i < (*source)->tensors().size(); ++i) {
      const SourceTensor &tensor = (*source)->tensors()[i];
      if (tensor.numElements() > 1 << 20)
        continue;
      std::vector<float> values(static_cast<size_t>(tensor.numElements()));
      if (Status status = (*source)->read(i, values); !status) {
        failed = true;
        message = status.message();
      }
    }
    refused += failed;
    if (failed)
      EXPECT_NE(message.find(path), std::string::npos) << message;
  }
  EXPECT_GT(refused, 50u);
}
