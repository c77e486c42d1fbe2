// The builder: reads the kernels' image out of an ELF file, lays out tensors,
// kernels and entries with the object API, seals the file.
#include "TestModel.h"

#include "runtime/schema/Contract.h"
#include "runtime/schema/Header.h"
#include "runtime/schema/Random.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <iterator>
#include <map>

namespace tl::test {

namespace {

using namespace tl::schema;

struct Image {
  std::vector<uint8_t> bytes;
  std::map<std::string, uint64_t> symbols;
};

// Read-only loadable parts at their addresses, and the exported functions.
Image readImage(const std::string &path) {
  std::vector<uint8_t> file = readFile(path);
  Image image;
  auto *header = reinterpret_cast<const Elf64_Ehdr *>(file.data());
  auto *programs =
      reinterpret_cast<const Elf64_Phdr *>(file.data() + header->e_phoff);
  for (int i = 0; i < header->e_phnum; ++i) {
    const Elf64_Phdr &part = programs[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_W))
      continue;
    if (image.bytes.size() < part.p_vaddr + part.p_filesz)
      image.bytes.resize(part.p_vaddr + part.p_filesz);
    memcpy(image.bytes.data() + part.p_vaddr, file.data() + part.p_offset,
           part.p_filesz);
  }
  auto *sections =
      reinterpret_cast<const Elf64_Shdr *>(file.data() + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_DYNSYM)
      continue;
    auto *symbols = reinterpret_cast<const Elf64_Sym *>(file.data() +
                                                        sections[i].sh_offset);
    auto *names = reinterpret_cast<const char *>(
        file.data() + sections[sections[i].sh_link].sh_offset);
    for (uint64_t k = 0; k < sections[i].sh_size / sizeof *symbols; ++k)
      image.symbols[names + symbols[k].st_name] = symbols[k].st_value;
  }
  return image;
}

struct ArgSpec {
  bool perPicture;
  uint64_t floats;
  bool written = false;
};

struct Use {
  ArgKind kind;
  uint32_t index;
};

class Builder {
public:
  explicit Builder(const TestModelOptions &options)
      : options(options), outputs(options.sigmoid ? 1 : 3),
        image(readImage(TL_TEST_KERNELS)) {}

  std::vector<uint8_t> build();

private:
  uint32_t kernel(const std::string &name, std::vector<ArgSpec> args,
                  bool perPictureTiles, uint64_t scratch = 0);
  uint32_t buffer(EntryT &entry, uint64_t floats, bool perPicture = true);
  void call(EntryT &entry, uint32_t kernel, std::vector<Use> uses,
            const char *layer);
  void port(std::vector<std::unique_ptr<PortT>> &ports, const char *name,
            uint32_t buffer, std::vector<int64_t> shape,
            ElementType type = ElementType::f32, bool halo = false);
  EntryT &entry(const std::string &name, EntryKind kind);
  void tensors();
  void kernels();
  void derive(const char *name, const char *maker, uint32_t source,
              uint64_t floats);
  uint32_t frozen(EntryT &entry);
  void extract(const char *name, std::vector<const char *> values);
  uint32_t features(EntryT &entry, bool second);
  void head(EntryT &entry, bool training, uint32_t phase, bool second);
  void recipe();
  void tap();

  TestModelOptions options;
  uint32_t outputs;
  Image image;
  ModelT model;
  CodeT *code = nullptr;
  std::vector<float> frozenWeights;
  std::map<std::string, uint32_t> kernelIndex;
};

uint32_t Builder::kernel(const std::string &name, std::vector<ArgSpec> args,
                         bool perPictureTiles, uint64_t scratch) {
  auto kernel = std::make_unique<KernelT>();
  kernel->name = name;
  for (ArgSpec spec : args) {
    auto arg = std::make_unique<KernelArgT>();
    arg->per_picture = spec.perPicture;
    arg->bytes = spec.floats * 4;
    arg->written = spec.written;
    kernel->args.push_back(std::move(arg));
  }
  auto place = std::make_unique<KernelCodeT>();
  place->offset = image.symbols.at(name);
  place->fixed_tiles = perPictureTiles ? 0 : 1;
  place->tiles_per_group = perPictureTiles ? 1 : 0;
  place->scratch = scratch;
  code->kernels.push_back(std::move(place));
  model.kernels.push_back(std::move(kernel));
  return kernelIndex[name] = uint32_t(model.kernels.size() - 1);
}

uint32_t Builder::buffer(EntryT &entry, uint64_t floats, bool perPicture) {
  uint64_t &size = perPicture ? entry.arena_per_picture : entry.arena_fixed;
  entry.buffers.emplace_back(size, floats * 4, perPicture);
  size += (floats * 4 + 63) / 64 * 64;
  return uint32_t(entry.buffers.size() - 1);
}

void Builder::call(EntryT &entry, uint32_t kernel, std::vector<Use> uses,
                   const char *layer) {
  auto call = std::make_unique<CallT>();
  call->kernel = kernel;
  call->layer = layer;
  for (Use use : uses)
    call->args.emplace_back(use.kind, use.index);
  entry.calls.push_back(std::move(call));
}

void Builder::port(std::vector<std::unique_ptr<PortT>> &ports, const char *name,
                   uint32_t buffer, std::vector<int64_t> shape,
                   ElementType type, bool halo) {
  auto port = std::make_unique<PortT>();
  port->name = name;
  port->buffer = buffer;
  port->shape = std::move(shape);
  port->type = type;
  if (halo)
    port->halo = {1, 1, 1, 1};
  ports.push_back(std::move(port));
}

EntryT &Builder::entry(const std::string &name, EntryKind kind) {
  model.entries.push_back(std::make_unique<EntryT>());
  model.entries.back()->name = name;
  model.entries.back()->kind = kind;
  return *model.entries.back();
}

// 0: frozen weights; 1, 2: kernel and bias of the head; 3, 4: their momentum;
// with ema 5, 6: their averages.
void Builder::tensors() {
  frozenWeights.resize(48 * 8);
  for (size_t i = 0; i < frozenWeights.size(); ++i)
    frozenWeights[i] = uniformFloat(uint32_t(i + 1) * 2654435761u) - 0.45f;
  auto add = [&](const char *name, std::vector<int64_t> shape,
                 TensorRole role) -> TensorT & {
    auto tensor = std::make_unique<TensorT>();
    tensor->name = name;
    tensor->bytes = 4;
    for (int64_t extent : shape)
      tensor->bytes *= uint64_t(extent);
    tensor->shape = std::move(shape);
    tensor->role = role;
    model.tensors.push_back(std::move(tensor));
    return *model.tensors.back();
  };
  add("frozen.kernel", {48, 8}, TensorRole::constant).segment = 0;
  std::vector<const char *> suffixes = {"", ".momentum"};
  if (options.ema != 0)
    suffixes.push_back(".average");
  for (std::string suffix : suffixes)
    for (uint32_t i : {1u, 2u}) {
      bool slot = !suffix.empty();
      TensorRole role = slot ? TensorRole::slot : TensorRole::parameter;
      std::string name = (i == 1 ? "dense.kernel" : "dense.bias") + suffix;
      std::vector<int64_t> shape = {8, outputs};
      if (i == 2)
        shape = {outputs};
      TensorT &tensor = add(name.c_str(), shape, role);
      if (slot) {
        tensor.of = i;
        tensor.average = suffix == ".average";
        continue;
      }
      tensor.first_phase = 0;
      tensor.init = std::make_unique<InitT>();
      tensor.init->kind = i == 1 ? InitKind::uniform : InitKind::fill;
      tensor.init->scale = i == 1 ? 0.3f : 0;
      tensor.init->stream = i;
    }
}

void Builder::kernels() {
  auto segment = std::make_unique<SegmentT>();
  segment->kind = SegmentKind::constants;
  model.segments.push_back(std::move(segment));
  segment = std::make_unique<SegmentT>();
  segment->kind = SegmentKind::code;
  model.segments.push_back(std::move(segment));
  model.code.push_back(std::make_unique<CodeT>());
  code = model.code.back().get();
  code->isa = Isa::x86_64;
  code->segment = 1;
  uint64_t k = outputs;
  std::string suffix = std::to_string(k);
  kernel("frozen", {{true, 108}, {false, 384}, {true, 8, true}}, true, 64);
  kernel("dropout", {{true, 8}, {true, 1}, {false, 16}, {true, 8, true}}, true);
  kernel("dense" + suffix,
         {{true, 8}, {false, 8 * k}, {false, k}, {true, k, true}}, true);
  kernel(k == 1 ? "sigmoid" : "softmax", {{true, k}, {true, k, true}}, k != 1);
  kernel("loss" + suffix, {{true, k}, {true, 1}, {true, 1, true}}, false);
  std::vector<ArgSpec> gradient = {
      {true, 8}, {true, k}, {true, 1}, {false, 8 * k, true}, {false, k, true}};
  if (options.mixed)
    gradient.insert(gradient.begin() + 3, 3, {true, 1});
  kernel((options.mixed ? "mixed_gradient" : "gradient") + suffix, gradient,
         false);
  for (uint64_t count : {8 * k, k}) {
    std::vector<ArgSpec> update = {{false, count, true},
                                   {false, count, true},
                                   {false, count},
                                   {false, 16}};
    if (options.ema != 0)
      update.insert(update.begin(), {false, count, true});
    kernel((options.ema != 0 ? "averaged" : "momentum") + std::to_string(count),
           update, false);
  }
  if (options.mixed)
    kernel("mixed_loss" + suffix,
           {{true, k},
            {true, 1},
            {true, 1},
            {true, 1},
            {true, 1},
            {true, 1, true}},
           false);
  if (options.derived)
    derive("frozen.kernel.doubled", "doubled", 0, 384);
  if (options.derivedHead)
    derive("dense.kernel.copied", "copied24", 1, 24);
}

void Builder::derive(const char *name, const char *maker, uint32_t source,
                     uint64_t floats) {
  auto derived = std::make_unique<DerivedT>();
  derived->name = name;
  derived->kernel =
      kernel(maker, {{false, floats}, {false, floats, true}}, false);
  derived->source = source;
  derived->bytes = floats * 4;
  model.derived.push_back(std::move(derived));
}

// From the pixels, an input, to the features: gives their buffer.
uint32_t Builder::frozen(EntryT &e) {
  uint32_t pixels = buffer(e, 108), features = buffer(e, 8);
  call(e, 0,
       {{ArgKind::buffer, pixels},
        {options.derived ? ArgKind::derived : ArgKind::tensor, 0},
        {ArgKind::buffer, features}},
       "frozen");
  port(e.inputs, "pixels", pixels, {4, 4, 3}, ElementType::f32, true);
  return features;
}

// The same features under one or more names.
void Builder::extract(const char *name, std::vector<const char *> values) {
  EntryT &e = entry(name, EntryKind::extract);
  uint32_t features = frozen(e);
  for (const char *value : values)
    port(e.outputs, value, features, {8});
}

// The features a head starts from: an input, or out of the pixels.
uint32_t Builder::features(EntryT &e, bool second) {
  if (second && options.second == SecondStart::pixels)
    return frozen(e);
  uint32_t in = buffer(e, 8);
  bool own = second && options.second == SecondStart::ownFrontier;
  port(e.inputs, own ? "frontier.1" : "frontier", in, {8});
  return in;
}

void Builder::tap() {
  EntryT &e = entry("tap.features", EntryKind::tap);
  port(e.outputs, "features", frozen(e), {2, 4});
}

// predict, evaluate and train_step: with labels, with an update.
void Builder::head(EntryT &e, bool training, uint32_t phase, bool second) {
  e.phase = phase;
  bool scored = e.kind != EntryKind::predict;
  auto b = [](uint32_t i) { return Use{ArgKind::buffer, i}; };
  auto t = [](uint32_t i) { return Use{ArgKind::tensor, i}; };
  Use step{ArgKind::step, 0};
  uint32_t in = features(e, second), logits = buffer(e, outputs);
  uint32_t scores = buffer(e, outputs);
  uint32_t active = in, labels = 0;
  if (training) {
    uint32_t ids = buffer(e, 1);
    port(e.inputs, "ids", ids, {}, ElementType::i32);
    active = buffer(e, 8);
    call(e, 1, {b(in), b(ids), step, b(active)}, "dropout");
  }
  Use weights = t(1);
  if (options.derivedHead && e.kind == EntryKind::predict)
    weights = {ArgKind::derived, uint32_t(model.derived.size() - 1)};
  call(e, 2, {b(active), weights, t(2), b(logits)}, "dense");
  call(e, 3, {b(logits), b(scores)}, "dense");
  port(e.outputs, "logits", logits, {outputs});
  port(e.outputs, "scores", scores, {outputs});
  if (!scored)
    return;
  labels = buffer(e, 1);
  uint32_t loss = buffer(e, 1);
  port(e.inputs, "labels", labels, {}, ElementType::i32);
  port(e.outputs, "loss", loss, {});
  if (!training) {
    call(e, 4, {b(scores), b(labels), b(loss)}, "loss");
    return;
  }
  std::vector<Use> targets = {b(labels)};
  for (const char *name : {"weights", "mix_labels", "mix"})
    if (options.mixed) {
      targets.push_back(b(buffer(e, 1)));
      port(e.inputs, name, targets.back().index, {},
           name == std::string("mix_labels") ? ElementType::i32
                                             : ElementType::f32);
    }
  std::vector<Use> uses = targets;
  uses.insert(uses.begin(), b(scores));
  uses.push_back(b(loss));
  call(e, options.mixed ? 8 : 4, uses, "loss");
  uint32_t kernelSlope = buffer(e, 8 * outputs, false);
  uint32_t biasSlope = buffer(e, outputs, false);
  uses = targets;
  uses.insert(uses.begin(), {b(active), b(scores)});
  uses.insert(uses.end(), {b(kernelSlope), b(biasSlope)});
  call(e, 5, uses, "dense");
  for (uint32_t i : {1u, 2u}) {
    uses = {t(i), t(i + 2), b(i == 1 ? kernelSlope : biasSlope), step};
    if (options.ema != 0)
      uses.insert(uses.begin() + 1, t(i + 4));
    call(e, 5 + i, uses, "dense");
  }
}

void Builder::recipe() {
  model.name = "test";
  model.producer = "TestModel";
  model.recipe = "model test {}\n";
  model.classes = options.sigmoid ? 2 : 3;
  model.sigmoid = options.sigmoid;
  model.preprocess = std::make_unique<PreprocessT>();
  model.preprocess->name = "custom";
  model.preprocess->height = model.preprocess->width = 4;
  model.preprocess->channels = 3;
  model.preprocess->bgr = true;
  model.preprocess->scale = 1.0f / 255;
  model.preprocess->mean = {0.5f, 0.25f, 0.125f};
  model.preprocess->std = {0.5f, 1, 2};
  model.train = std::make_unique<TrainT>();
  model.train->batch = options.batch;
  model.train->seed = 7;
  model.train->loss = options.sigmoid ? Loss::binary_crossentropy
                                      : Loss::categorical_crossentropy;
  for (uint32_t p = 0; p < 2; ++p) {
    auto phase = std::make_unique<PhaseT>();
    phase->name = p ? "second" : "first";
    phase->epochs = 3;
    phase->learning_rate = options.learningRate;
    phase->train_entry = 2 + p;
    bool moves = p && options.second != SecondStart::sameFrontier;
    phase->evaluate_entry = moves ? 6 : 4;
    phase->extract_entry = 0;
    if (moves && options.second == SecondStart::ownFrontier)
      phase->extract_entry = 7;
    else if (moves)
      phase->extract_entry = 4294967295u;
    phase->keep_best = options.keepBest;
    phase->ema = options.ema;
    model.train->phases.push_back(std::move(phase));
  }
  if (options.second == SecondStart::ownFrontier)
    model.train->extract_all_entry = 8;
  else if (options.second == SecondStart::pixels)
    model.train->extract_all_entry = 0;
  auto layer = std::make_unique<LayerT>();
  layer->name = "dense";
  layer->kind = "dense";
  model.layers.push_back(std::move(layer));
}

// Header, metadata, segments.
std::vector<uint8_t> seal(ModelT &model,
                          const std::vector<std::vector<uint8_t>> &segments) {
  auto pack = [&] {
    flatbuffers::FlatBufferBuilder builder;
    builder.ForceDefaults(true);
    FinishModelBuffer(builder, Model::Pack(builder, &model));
    return builder.Release();
  };
  uint64_t at = (64 + pack().size() + 65535) / 65536 * 65536;
  std::vector<uint8_t> file;
  for (size_t i = 0; i < segments.size(); ++i) {
    model.segments[i]->offset = at;
    model.segments[i]->size = segments[i].size();
    file.resize(at + segments[i].size(), 0);
    std::copy(segments[i].begin(), segments[i].end(), file.begin() + long(at));
    at = (file.size() + 65535) / 65536 * 65536;
  }
  auto metadata = pack();
  memcpy(file.data() + 64, metadata.data(), metadata.size());
  FileHeader header{};
  memcpy(header.magic, kMagic, 8);
  header.version = kFormatVersion;
  header.headerBytes = 64;
  header.metadataOffset = 64;
  header.metadataBytes = metadata.size();
  header.fileBytes = file.size();
  memcpy(file.data(), &header, sizeof header);
  sealAgain(file);
  return file;
}

std::vector<uint8_t> Builder::build() {
  kernels();
  tensors();
  extract("extract", {"frontier"});
  head(entry("predict", EntryKind::predict), false, 0, true);
  head(entry("train_step.first", EntryKind::train_step), true, 0, false);
  head(entry("train_step.second", EntryKind::train_step), true, 1, true);
  head(entry("evaluate", EntryKind::evaluate), false, 0, false);
  tap();
  if (options.second != SecondStart::sameFrontier)
    head(entry("evaluate.second", EntryKind::evaluate), false, 0, true);
  if (options.second == SecondStart::ownFrontier) {
    extract("extract.second", {"frontier.1"});
    extract("extract.all", {"frontier", "frontier.1"});
  }
  recipe();
  if (options.change)
    options.change(model);
  code->contract = kernelContract(model.kernels, *code);
  auto *weights = reinterpret_cast<const uint8_t *>(frozenWeights.data());
  return seal(model,
              {{weights, weights + frozenWeights.size() * 4}, image.bytes});
}

} // namespace

std::vector<uint8_t> buildTestModel(const TestModelOptions &options) {
  return Builder(options).build();
}

void sealAgain(std::vector<uint8_t> &file) {
  FileHeader header;
  memcpy(&header, file.data(), sizeof header);
  if (header.metadataOffset < file.size() &&
      header.metadataBytes <= file.size() - header.metadataOffset) {
    uint8_t *metadata = file.data() + header.metadataOffset;
    flatbuffers::Verifier verifier(metadata, header.metadataBytes);
    if (header.metadataBytes > 16 && VerifyModelBuffer(verifier))
      for (const Segment *segment : *GetModel(metadata)->segments())
        if (segment->offset() <= file.size() &&
            segment->size() <= file.size() - segment->offset()) {
          uint64_t sum =
              XXH64(file.data() + segment->offset(), segment->size(), 0);
          auto *table = reinterpret_cast<flatbuffers::Table *>(
              const_cast<Segment *>(segment));
          if (uint8_t *place = table->GetAddressOf(Segment::VT_CHECKSUM))
            memcpy(place, &sum, sizeof sum);
        }
    header.metadataChecksum = XXH64(metadata, header.metadataBytes, 0);
  }
  header.headerChecksum = XXH64(&header, 56, 0);
  memcpy(file.data(), &header, sizeof header);
}

OpenModel::OpenModel(const std::vector<uint8_t> &bytes,
                     const tl_model_options *options)
    : memory(static_cast<uint8_t *>(
                 aligned_alloc(64, (bytes.size() + 127) / 64 * 64)),
             free) {
  std::copy(bytes.begin(), bytes.end(), memory.get());
  status =
      tl_model_open_memory(memory.get(), bytes.size(), options, &model, &error);
}

Session newSession(const tl_model *model, uint32_t threads, uint32_t batch) {
  tl_session_options options{sizeof options, threads, batch};
  tl_session *session = nullptr;
  tl_session_create(model, &options, &session, nullptr);
  return Session(session);
}

Trainer newTrainer(const tl_model *model, uint32_t threads,
                   uint32_t extractBatch) {
  tl_trainer_options options{};
  options.size = sizeof options;
  options.threads = threads;
  options.extract_batch = extractBatch;
  tl_trainer *trainer = nullptr;
  tl_trainer_create(model, &options, &trainer, nullptr);
  return Trainer(trainer);
}

tl_batch makeBatch(const float *features, const int32_t *labels,
                   const int32_t *ids, uint32_t n) {
  tl_batch batch{};
  batch.size = sizeof batch;
  batch.n = n;
  batch.features = features;
  batch.labels = labels;
  batch.ids = ids;
  return batch;
}

TestPictures makePictures(uint32_t count, uint32_t classes, uint32_t salt) {
  TestPictures pictures;
  for (uint32_t i = 0; i < count; ++i) {
    int32_t label = int32_t((i * 7 + salt) % classes);
    pictures.labels.push_back(label);
    for (uint32_t k = 0; k < kPixels; ++k) {
      auto block = philox4x32({i, k, salt, 0}, 1, 2);
      float noise = uniformFloat(block[0]) - 0.5f;
      pictures.pixels.push_back(noise + (int32_t(k % 3) == label ? 0.6f : 0));
    }
  }
  return pictures;
}

std::string temporaryFolder() {
  std::string name = "/tmp/tl-test-XXXXXX";
  return mkdtemp(name.data());
}

std::vector<uint8_t> readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void writeFile(const std::string &path, const std::vector<uint8_t> &bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char *>(bytes.data()), long(bytes.size()));
}

} // namespace tl::test
