// The reader of torch.save's two forms: right values, and each rule broken.
#include "TestFiles.h"
#include "TorchFiles.h"

#include <random>

using namespace tl::weights;

namespace {

const WrittenStorage floats = {"0", "FloatStorage", 12, rawAll(counting(12))};

class TorchSource : public testing::TestWithParam<bool> {
protected:
  bool legacy() const { return GetParam(); }
  std::string id(const WrittenStorage &storage) const {
    return storageId(storage, legacy());
  }
  std::string write(const std::string &value,
                    const std::vector<WrittenStorage> &storages = {floats}) {
    return folder.write("w.pth", legacy() ? legacyFile(value, storages)
                                          : zipFile(value, storages));
  }
  void expectError(const std::string &file, const std::string &part) {
    std::string text = openError(folder.write("w.pth", file));
    EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_NE(text.find(folder.path("w.pth")), std::string::npos) << text;
  }
  void expectRefused(const std::string &value, const std::string &part) {
    expectError(legacy() ? legacyFile(value, {floats})
                         : zipFile(value, {floats}),
                part);
  }
  std::string sound(const std::string &name = "a.weight") const {
    return py::dict({{name, tensor(id(floats), 0, {12}, {1})}});
  }

  ScratchFolder folder;
};

std::vector<float> read(const std::string &path, const std::string &name) {
  auto source = openOrFail(path);
  for (size_t i = 0; source && i < source->tensors().size(); ++i)
    if (source->tensors()[i].name == name)
      return readTensor(*source, i);
  ADD_FAILURE() << "no " << name;
  return {};
}

} // namespace

INSTANTIATE_TEST_SUITE_P(Forms, TorchSource, testing::Bool(),
                         [](const auto &info) {
                           return info.param ? "Legacy" : "Zip";
                         });

// Tensors share a storage: whole, a part of it, transposed, every second
// column, one row again and again. The oracle is the index by hand.
TEST_P(TorchSource, Views) {
  std::string storage = id(floats);
  std::string path =
      write(py::dict({{"whole", tensor(storage, 0, {3, 4}, {4, 1})},
                      {"part", tensor(storage, 8, {4}, {1})},
                      {"transposed", tensor(storage, 0, {4, 3}, {1, 4})},
                      {"columns", tensor(storage, 1, {3, 2}, {4, 2})},
                      {"repeated", tensor(storage, 4, {2, 2}, {0, 1})},
                      {"scalar", tensor(storage, 7, {}, {})},
                      {"unit", tensor(storage, 7, {1, 2}, {99, 1})}}));
  using Values = std::vector<float>;
  EXPECT_EQ(read(path, "whole"), counting(12));
  EXPECT_EQ(read(path, "part"), counting(4, 8));
  EXPECT_EQ(read(path, "transposed"),
            (Values{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
  EXPECT_EQ(read(path, "columns"), (Values{1, 3, 5, 7, 9, 11}));
  EXPECT_EQ(read(path, "repeated"), (Values{4, 5, 4, 5}));
  EXPECT_EQ(read(path, "scalar"), Values{7});
  EXPECT_EQ(read(path, "unit"), (Values{7, 8}));
}

// What PyTorch itself wrote (make_torch_files.py): views of one storage, four
// types, a parameter, channels last; beside it an optimizer, the command line
// in an argparse.Namespace, a defaultdict and an array of NumPy.
TEST_P(TorchSource, WrittenByTorch) {
  std::string path = std::string(TL_SOURCE_DIR "/test/unit/weights/torch_") +
                     (legacy() ? "legacy.pth" : "zip.pth");
  auto source = openOrFail(path);
  ASSERT_TRUE(source);
  ASSERT_EQ(source->tensors().size(), 8u);
  EXPECT_EQ(source->tensors()[0].shape, (std::vector<int64_t>{4, 3}));
  EXPECT_EQ(read(path, "module.transposed.weight"),
            (std::vector<float>{6, 10, 14, 7, 11, 15, 8, 12, 16, 9, 13, 17}));
  EXPECT_EQ(read(path, "module.half.weight"), counting(6));
  EXPECT_EQ(read(path, "module.brain.weight"), counting(5));
  EXPECT_EQ(read(path, "module.double.weight"), counting(5));
  EXPECT_EQ(read(path, "module.bn.num_batches_tracked"), std::vector<float>{7});
  EXPECT_EQ(read(path, "module.parameter"), counting(2, 10));
  EXPECT_EQ(read(path, "module.tail"), counting(10, 20));
  EXPECT_EQ(read(path, "module.channels_last"), counting(24));
}

// Every type of storage is widened as in other files.
TEST_P(TorchSource, Types) {
  const std::vector<std::pair<WrittenStorage, std::string>> cases = {
      {{"0", "HalfStorage", 2, rawAll<uint16_t>({0x3e00, 0xbc00})}, "f16"},
      {{"0", "BFloat16Storage", 2, rawAll<uint16_t>({0x3fc0, 0xbf80})}, "bf16"},
      {{"0", "FloatStorage", 2, rawAll<float>({1.5f, -1})}, "f32"},
      {{"0", "DoubleStorage", 2, rawAll<double>({1.5, -1})}, "f64"}};
  for (const auto &[storage, dtype] : cases) {
    std::string value = py::dict({{"a", tensor(id(storage), 0, {2}, {1})}});
    auto source = openOrFail(write(value, {storage}));
    ASSERT_TRUE(source);
    EXPECT_EQ(source->tensors()[0].dtype, dtype);
    EXPECT_EQ(source->convention(), Convention::Torch);
    EXPECT_EQ(readTensor(*source, 0), (std::vector<float>{1.5f, -1}));
  }
  WrittenStorage longs = {"0", "LongStorage", 1, raw(int64_t(-7))};
  std::string path =
      write(py::dict({{"a", tensor(id(longs), 0, {1}, {1})}}), {longs});
  EXPECT_EQ(read(path, "a"), std::vector<float>{-7});
}

// A checkpoint: other entries, NumPy's scalars and an optimizer's tensors are
// passed over; parameters count as tensors.
TEST_P(TorchSource, Checkpoint) {
  std::string parameter =
      py::call(py::global("torch._utils", "_rebuild_parameter"),
               {tensor(id(floats), 0, {2}, {1}), "\x88", "N"});
  std::string scalar =
      py::call(py::global("numpy.core.multiarray", "scalar"),
               {py::call(py::global("numpy", "dtype"), {py::text("f8")}),
                py::text("12345678")});
  std::string best = tensor(id(floats), 3, {}, {});
  for (const char *key : {"state_dict", "model", "ema"}) {
    std::string path =
        write(py::dict({{"epoch", py::integer(3)},
                        {"best_prec1", scalar},
                        {"best_prec5", best},
                        {"optimizer", py::dict({{"state", py::dict({})}})},
                        {key, py::dict({{"w", parameter}})}}));
    auto source = openOrFail(path);
    ASSERT_TRUE(source);
    ASSERT_EQ(source->tensors().size(), 1u);
    EXPECT_EQ(source->tensors()[0].name, "w");
    EXPECT_EQ(readTensor(*source, 0), counting(2));
  }
}

// Python 2 gives an OrderedDict its pairs as one argument, and lists for pairs.
TEST_P(TorchSource, OrderedDictOfPairs) {
  std::string pair = py::list({py::text("a"), tensor(id(floats), 0, {2}, {1})});
  std::string path = write(
      py::call(py::global("collections", "OrderedDict"), {py::list({pair})}));
  EXPECT_EQ(read(path, "a"), counting(2));
}

// Values that the memo recalls are the same values.
TEST_P(TorchSource, Memo) {
  std::string path =
      write("}(" + py::text("a") + tensor(id(floats) + "q\5", 0, {2}, {1}) +
            py::text("b") + tensor("h\5", 2, {2}, {1}) + "u");
  EXPECT_EQ(read(path, "b"), counting(2, 2));
  expectRefused("h\7", "recalls value 7, which it never kept");
}

// The names that a pickle asks for are listed and never looked up.
TEST_P(TorchSource, ForeignGlobals) {
  expectRefused(py::call(py::global("posix", "system"), {py::text("true")}),
                "the pickle asks for 'posix.system', which no state dict "
                "needs");
  expectRefused(py::dict({{"a", py::text("torch") + py::text("nn.Linear") +
                                    "\x93" + ")R"},
                          {"b", py::global("torch.hub", "load")}}),
                "asks for 'torch.nn.Linear', 'torch.hub.load', which");
}

// A state dict under a name that says nothing is found if it is the only one,
// and has more tensors than lie beside it.
TEST_P(TorchSource, AnyName) {
  std::string state = py::dict({{"a", tensor(id(floats), 0, {2}, {1})},
                                {"b", tensor(id(floats), 2, {2}, {1})}});
  std::string random = tensor(id(floats), 5, {3}, {1});
  std::string path =
      write(py::dict({{"random", random}, {"model_state", state}}));
  EXPECT_EQ(read(path, "b"), counting(2, 2));
  expectRefused(py::dict({{"student", state}, {"teacher", state}}),
                "several state dicts in it, 'student', 'teacher': save the one "
                "that is meant by itself");
  // An optimizer's numbers below its state are no state dict.
  path = write(py::dict(
      {{"params", state},
       {"optimizer",
        py::dict(
            {{"state", py::dict({{"0", py::dict({{"step", random}})}})}})}}));
  EXPECT_EQ(read(path, "a"), counting(2));
}

// What runs on a dictionary is done once, though it is named 100,000 times.
TEST_P(TorchSource, DictionaryBomb) {
  std::string value = "}q\1(";
  for (int i = 0; i < 100000; ++i)
    value += "NN";
  value += "u0}(" + py::text("model") + "q\2h\1";
  for (int i = 0; i < 100000; ++i)
    value += "h\2h\1";
  expectRefused(value + "u", "no state dict in it");
}

// Protocol 5 of the pickle differs in opcodes that torch does not write.
TEST_P(TorchSource, Protocols) {
  for (char protocol : {'\1', '\2', '\4', '\5', '\6'}) {
    std::string file =
        legacy() ? legacyFile(sound(), {floats}) : zipFile(sound(), {floats});
    size_t at = file.find(std::string("\x80\x02}(X\x08\0\0\0a", 10));
    ASSERT_NE(at, std::string::npos);
    file[at + 1] = protocol;
    if (protocol == '\1' || protocol == '\6')
      expectError(file, "expected a pickle of protocol 2 to 5, found ");
    else
      EXPECT_EQ(read(folder.write("w.pth", file), "a.weight"), counting(12));
  }
}

// Tensors of kinds that are not read: the error does not speak of modules.
TEST_P(TorchSource, OtherTensors) {
  for (const char *maker :
       {"_rebuild_sparse_tensor", "_rebuild_qtensor", "_rebuild_tensor_v3"})
    expectRefused(
        py::dict({{"a", py::call(py::global("torch._utils", maker), {})}}),
        ": it has tensors that are sparse, quantized, of 8-bit floats or "
        "without values");
}

TEST_P(TorchSource, NoStateDict) {
  expectRefused(py::dict({{"net_g", py::dict({})}}),
                "found a dictionary of 'net_g'");
  expectRefused(py::list({}), "found a list");
  expectRefused(py::integer(3), "found something else");
  expectRefused(tensor(id(floats), 0, {2}, {1}), "found a tensor by itself");
  expectRefused("}" + std::string("q\1") + py::text("model") + "h\1s",
                "no state dict in it"); // holds itself
}

// Views must lie within their storage, in numbers that do not wrap around.
TEST_P(TorchSource, ViewsOutside) {
  constexpr int64_t huge = int64_t(1) << 62;
  const std::vector<std::string> tensors = {
      tensor(id(floats), 1, {12}, {1}),
      tensor(id(floats), -1, {2}, {1}),
      tensor(id(floats), 12, {1}, {1}),
      tensor(id(floats), 0, {3, 4}, {5, 1}),
      tensor(id(floats), 11, {2}, {-1}),
      tensor(id(floats), 0, {3}, {huge}),
      tensor(id(floats), huge, {2}, {huge})};
  for (const std::string &value : tensors)
    expectRefused(py::dict({{"a", value}}), "lies outside its storage '0' of "
                                            "12 elements");
  for (const std::string &value :
       {tensor(id(floats), 0, {0}, {1}), tensor(id(floats), 0, {2}, {}),
        tensor(id(floats), 0, {huge, huge}, {0, 0}),
        tensor(id(floats), 0, {-2}, {1})})
    expectRefused(py::dict({{"a", value}}), "tensor 'a' has the shape");
}

// A storage must have as many bytes as its description says.
TEST_P(TorchSource, StorageSizes) {
  for (int64_t claimed : {int64_t(11), int64_t(13), int64_t(1) << 62}) {
    WrittenStorage lying = floats;
    lying.elements = claimed;
    std::string value = py::dict({{"a", tensor(id(lying), 0, {2}, {1})}});
    expectError(legacy() ? legacyFile(value, {floats})
                         : zipFile(value, {floats}),
                "expected " + std::to_string(claimed));
  }
  WrittenStorage other = floats;
  other.key = "1";
  expectRefused(py::dict({{"a", tensor(id(other), 0, {2}, {1})}}),
                legacy() ? "has '0', which no tensor names"
                         : "'a' lies in 'data/1', which is not in it");
}

TEST_P(TorchSource, SameNameTwice) {
  std::string one = tensor(id(floats), 0, {2}, {1});
  expectRefused(py::dict({{"a", one}, {"a", one}}), "'a' is in it twice");
}

// An unknown opcode is named with its place in its pickle.
TEST_P(TorchSource, UnknownOpcode) {
  expectRefused("i", "byte 2: opcode 0x69 is none that weights need");
  expectRefused("\x85", "byte 2: an opcode finds too few values");
  expectRefused("u", "byte 2: an opcode finds no mark");
  expectRefused("NNR", "byte 4: an opcode calls what is no function");
  expectRefused(std::string("X\xff\xff\xff\x7f", 5), "bytes of text");
}

// Each level lists the one before twice: 2^1000 values for whoever walks them.
// It is read at once, and holds no tensor.
TEST_P(TorchSource, MemoBomb) {
  std::string value = "]r" + raw(uint32_t(0)) + "0";
  for (uint32_t level = 0; level < 1000; ++level)
    value +=
        "](j" + raw(level) + "j" + raw(level) + "er" + raw(level + 1) + "0";
  expectRefused(value + "j" + raw(uint32_t(1000)), "no state dict in it");
}

// A million pairs, put into one OrderedDict after the other.
TEST_P(TorchSource, OrderedDictBomb) {
  std::string value = "](";
  for (int i = 0; i < 500000; ++i)
    value += i ? "h\1" : "NN\x86q\1";
  value += "eq\2";
  for (int i = 0; i < 100; ++i)
    value += "0" + py::global("collections", "OrderedDict") + "h\2\x85R";
  expectRefused(value, "or of too many");
}

// Nesting costs no recursion.
TEST_P(TorchSource, DeepNesting) {
  std::string value;
  for (int i = 0; i < 300000; ++i)
    value += "](";
  expectRefused(value + "N" + std::string(300000, 'e'), "no state dict");
}

// Random damage: bits, words that tend to overflow, cuts. An error that names
// the file, or other numbers; never a crash (also run under ASan).
TEST_P(TorchSource, Mutations) {
  std::string value =
      py::dict({{"epoch", py::integer(3)},
                {"state_dict",
                 py::dict({{"a", tensor(id(floats) + "q\1", 0, {3, 4}, {4, 1})},
                           {"b", tensor("h\1", 4, {2, 3}, {1, 2})}})}});
  std::string good =
      legacy() ? legacyFile(value, {floats}) : zipFile(value, {floats});
  const uint64_t numbers[] = {0,          0x7f,         0xff,
                              0xffff,     0x7fffffff,   0x80000000,
                              0xffffffff, ~uint64_t(0), uint64_t(1) << 63};
  std::mt19937 random(11);
  size_t refused = 0;
  constexpr int rounds = 600;
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = good;
    for (int changes = 1 + round % 3; changes > 0; --changes) {
      size_t at = random() % bytes.size();
      size_t width = std::min<size_t>(1u << random() % 4, bytes.size() - at);
      uint64_t number = numbers[random() % std::size(numbers)];
      if (round % 2)
        bytes[at] ^= static_cast<char>(1 << random() % 8);
      else
        std::memcpy(&bytes[at], &number, width);
    }
    if (round % 8 == 0)
      bytes.resize(random() % bytes.size());
    std::string path = folder.write("w.pth", bytes);
    auto source = openWeightSource(path);
    refused += !source;
    if (!source)
      EXPECT_NE(source.message().find(path), std::string::npos)
          << source.message();
    for (size_t i = 0; source && i < (*source)->tensors().size(); ++i)
      if ((*source)->tensors()[i].numElements() < 1 << 20)
        readTensor(**source, i);
  }
  // Much of a file is values and names, where damage shows in neither.
  EXPECT_GT(refused, rounds / 3);
  EXPECT_LT(refused, rounds); // else the mutations prove nothing
}

// Archives past 4 GiB have their sizes elsewhere.
TEST(TorchZip, Zip64) {
  ScratchFolder folder;
  std::string value =
      py::dict({{"a", tensor(storageId(floats, false), 8, {4}, {1})}});
  std::string path = folder.write("w", zipFile(value, {floats}, true));
  EXPECT_EQ(read(path, "a"), counting(4, 8));
}

namespace {

std::string errorOf(const ScratchFolder &folder, ZipWriter &zip) {
  return openError(folder.write("w.pth", zip.finish()));
}

void expectIn(const std::string &part, const std::string &text) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

} // namespace

// What a zip archive may not be.
TEST(TorchZip, BadArchives) {
  ScratchFolder folder;
  std::string value =
      py::dict({{"a", tensor(storageId(floats, false), 0, {12}, {1})}});
  {
    ZipWriter zip;
    zip.add("a/data.pkl", py::pickle(value), 8);
    expectIn("'a/data.pkl' in it is compressed (method 8)",
             errorOf(folder, zip));
  }
  {
    ZipWriter zip;
    zip.add("a/data.pkl", py::pickle(value));
    zip.entries.push_back({"a/data/0", 0, 48, 0});
    expectIn("'a/data/0' in it has no header of its own", errorOf(folder, zip));
  }
  {
    ZipWriter zip;
    zip.add("a/data.pkl", py::pickle(value));
    zip.add("a/data/0", floats.bytes);
    zip.entries.front().size += 30;
    expectIn("'a/data.pkl' and 'a/data/0' in it overlap", errorOf(folder, zip));
  }
  {
    ZipWriter zip;
    zip.add("a/data.pkl", py::pickle(value));
    zip.entries.front().size = uint64_t(3) << 30;
    expectIn("claims 3221225472 bytes", errorOf(folder, zip));
  }
  {
    ZipWriter zip;
    zip.add("a/data.pkl", py::pickle(value));
    expectIn("lies in 'data/0', which is not in it", errorOf(folder, zip));
  }
  {
    ZipWriter zip;
    zip.add("a/data.pkl", py::pickle(value));
    zip.add("a/data/0", floats.bytes);
    zip.add("a/byteorder", "big");
    expectIn("its byte order is 'big'", errorOf(folder, zip));
  }
  {
    ZipWriter zip;
    zip.add("a/data.pkl", py::pickle(value));
    zip.add("a/data.pkl", py::pickle(value));
    expectIn("'a/data.pkl' is in it twice", errorOf(folder, zip));
  }
}

// Other archives and pickles are told apart, with what to do.
TEST(TorchZip, OtherFiles) {
  ScratchFolder folder;
  ZipWriter zip;
  zip.add("model.weights.h5", "");
  expectIn("is a Keras archive", errorOf(folder, zip));
  std::string tar(257, '\0');
  expectIn("a tar archive (PyTorch before 0.1.10",
           openError(folder.write("w", tar + "ustar\0")));
  expectIn("a Python pickle that is not as torch.save writes it",
           openError(folder.write("w", py::pickle(py::dict({})))));
}

// Files that are no weights at all are told by what they are, with what to do.
TEST(WeightFiles, OtherFiles) {
  ScratchFolder folder;
  const std::pair<const char *, std::string> cases[] = {
      {"found an empty file", ""},
      {"--export-names source' writes its weights", "TLMODEL\n1234"},
      {"'git lfs pull'", "version https://git-lfs.github.com/spec/v1\noid"},
      {"found a page of HTML or XML", "<!DOCTYPE html><html>404"},
      {"found a picture (PNG)", "\x89PNG\r\n\x1a\n"},
      {"found a picture (JPEG)", "\xff\xd8\xff\xe0"},
      {"found a NumPy array", "\x93NUMPY\1"},
      {"packed by gzip", "\x1f\x8b\x08"},
      {"a TensorFlow Lite model", std::string("\x1c\0\0\0TFL3", 8)},
      {"'backbone onnx(\"FILE\")'",
       readBytes(TL_SOURCE_DIR "/test/onnx/network.onnx")},
      {"found something else", "weights"}};
  for (const auto &[expected, bytes] : cases)
    expectIn(expected, openError(folder.write("w.pth", bytes)));
}

// Storages had views before 0.4: {key, begin, elements} within the storage.
TEST(TorchLegacy, StorageViews) {
  ScratchFolder folder;
  auto view = [](int64_t begin, int64_t elements) {
    return py::tuple({py::text("v"), py::wide(begin), py::wide(elements)});
  };
  auto value = [&](const std::string &metadata) {
    return py::dict(
        {{"a", tensor(storageId(floats, true, metadata), 1, {2}, {1})}});
  };
  std::string path = folder.write("w", legacyFile(value(view(4, 3)), {floats}));
  EXPECT_EQ(read(path, "a"), counting(2, 5));
  expectIn(
      "lies outside its storage",
      openError(folder.write("w", legacyFile(value(view(4, 2)), {floats}))));
  expectIn(
      "not described as torch does",
      openError(folder.write("w", legacyFile(value(view(10, 3)), {floats}))));
}

// The older form says which byte order it has.
TEST(TorchLegacy, BigEndian) {
  ScratchFolder folder;
  std::string file = legacyFile(
      py::dict({{"a", tensor(storageId(floats, true), 0, {1}, {1})}}),
      {floats});
  size_t at = file.find("little_endian");
  ASSERT_NE(at, std::string::npos);
  file[at + std::strlen("little_endian")] = '\x89';
  expectIn("it is big-endian", openError(folder.write("w", file)));
}
