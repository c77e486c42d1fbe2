// See PictureFolder.h.
#include "runtime/data/PictureFolder.h"

#include "runtime/data/Hash.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <utility>

#include <sys/stat.h>

namespace tl::data {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 32;
constexpr const char *kValidationNames[] = {"val", "valid", "validation"};

bool isFolder(const std::string &path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// Entries of a folder in byte order, without those that start with a dot.
Result<std::vector<std::string>> listFolder(const std::string &path) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator at(path, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    std::string name = at->path().filename().native();
    if (name.front() != '.')
      names.push_back(std::move(name));
  }
  if (error)
    return Error{path + ": the folder cannot be read: " + error.message()};
  std::sort(names.begin(), names.end());
  return names;
}

// Collects the files below one class folder.
class ClassScan {
public:
  ClassScan(uint32_t label, std::vector<PictureFile> &pictures,
            std::vector<SkippedFile> &skipped)
      : label(label), pictures(pictures), skipped(skipped) {}

  void enter(const std::string &path, const std::string &relative, int depth) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0)
      return skip(path, "cannot be opened");
    if (depth > kMaxDepth)
      return skip(path, "folders are nested too deeply");
    if (!entered.insert({status.st_dev, status.st_ino}).second)
      return; // Linked from elsewhere: its pictures are counted already.
    Result<std::vector<std::string>> names = listFolder(path);
    if (!names)
      return skip(path, names.message().substr(path.size() + 2));
    for (const std::string &name : *names)
      add(path + "/" + name, relative + "/" + name, depth);
  }

private:
  void add(const std::string &path, const std::string &relative, int depth) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0)
      return skip(path, "cannot be opened (a broken link?)");
    if (S_ISDIR(status.st_mode))
      return enter(path, relative, depth + 1);
    if (!S_ISREG(status.st_mode))
      return skip(path, "not a regular file");
    pictures.push_back({path, relative, label});
  }
  void skip(const std::string &path, std::string reason) {
    skipped.push_back({path, std::move(reason)});
  }

  uint32_t label;
  std::vector<PictureFile> &pictures;
  std::vector<SkippedFile> &skipped;
  std::set<std::pair<dev_t, ino_t>> entered;
};

Result<std::vector<std::string>> listClasses(const std::string &folder) {
  Result<std::vector<std::string>> names = listFolder(folder);
  if (!names)
    return names;
  std::erase_if(*names, [&](const std::string &name) {
    return !isFolder(folder + "/" + name);
  });
  if (names->empty())
    return Error{folder + ": there are no class folders in it; expected one "
                          "folder of pictures for each class"};
  return names;
}

std::string quoteAll(std::span<const std::string> names) {
  std::string text;
  for (const std::string &name : names)
    text += (text.empty() ? "'" : ", '") + name + "'";
  return text;
}

// The pictures of all classes found in `folder`, ordered by relative path.
Result<std::vector<PictureFile>>
scanClasses(const std::string &folder, std::span<const std::string> labels,
            std::vector<SkippedFile> &skipped) {
  Result<std::vector<std::string>> classes = listClasses(folder);
  if (!classes)
    return classes.error();
  std::vector<PictureFile> pictures;
  for (const std::string &name : *classes) {
    auto at = std::find(labels.begin(), labels.end(), name);
    if (at == labels.end())
      return Error{folder + "/" + name + ": '" + name +
                   "' is not one of the model's classes: " + quoteAll(labels)};
    ClassScan(uint32_t(at - labels.begin()), pictures, skipped)
        .enter(folder + "/" + name, name, 0);
  }
  std::sort(pictures.begin(), pictures.end(),
            [](const PictureFile &a, const PictureFile &b) {
              return a.relative < b.relative;
            });
  return pictures;
}

// The one validation folder there is; empty: none.
Result<std::string> findValidation(const std::string &folder) {
  std::string found;
  for (const char *name : kValidationNames) {
    std::string path = folder + "/" + name;
    if (!isFolder(path))
      continue;
    if (!found.empty())
      return Error{folder + ": both '" + found + "' and '" + path +
                   "' could be the validation pictures; keep one"};
    found = path;
  }
  return found;
}

Status checkLabels(const std::string &folder,
                   std::span<const std::string> classes,
                   std::span<const std::string> labels) {
  for (const std::string &label : labels)
    if (std::find(classes.begin(), classes.end(), label) == classes.end())
      return Error{folder + ": there is no folder for the model's class '" +
                   label + "'; there are folders " + quoteAll(classes)};
  return Done{};
}

// Moves the share of each class with the smallest hashes to `validation`.
void splitOff(PictureFolder &set, double split) {
  std::vector<PictureFile> training;
  for (uint32_t label = 0; label < set.labels.size(); ++label) {
    std::vector<std::pair<uint64_t, const PictureFile *>> order;
    for (const PictureFile &picture : set.training)
      if (picture.label == label)
        order.push_back({hash64(picture.relative), &picture});
    std::sort(order.begin(), order.end(), [](const auto &a, const auto &b) {
      return std::pair(a.first, std::string_view(a.second->relative)) <
             std::pair(b.first, std::string_view(b.second->relative));
    });
    // At least one is left to train on.
    size_t count = size_t(std::floor(split * double(order.size()) + 0.5));
    count = std::min(count, order.empty() ? 0 : order.size() - 1);
    for (size_t i = 0; i < order.size(); ++i)
      (i < count ? set.validation : training).push_back(*order[i].second);
  }
  set.training = std::move(training);
  auto byPath = [](const PictureFile &a, const PictureFile &b) {
    return a.relative < b.relative;
  };
  std::sort(set.training.begin(), set.training.end(), byPath);
  std::sort(set.validation.begin(), set.validation.end(), byPath);
}

Status checkFolder(const std::string &folder) {
  std::error_code error;
  if (!fs::exists(folder, error))
    return Error{folder + ": there is no such folder"};
  if (!isFolder(folder))
    return Error{folder + ": not a folder"};
  return Done{};
}

} // namespace

Result<PictureFolder> scanTraining(const std::string &folder,
                                   std::span<const std::string> labels,
                                   double split) {
  if (Status s = checkFolder(folder); !s)
    return s.error();
  bool hasTrain = isFolder(folder + "/train");
  std::string root = hasTrain ? folder + "/train" : folder;
  Result<std::vector<std::string>> classes = listClasses(root);
  if (!classes)
    return classes.error();
  if (Status s = checkLabels(root, *classes, labels); !s)
    return s.error();

  PictureFolder set;
  set.labels =
      labels.empty() ? *classes : std::vector(labels.begin(), labels.end());
  Result<std::vector<PictureFile>> training =
      scanClasses(root, set.labels, set.skipped);
  if (!training)
    return training.error();
  set.training = std::move(*training);

  Result<std::string> validation =
      hasTrain ? findValidation(folder) : std::string();
  if (!validation)
    return validation.error();
  if (validation->empty()) {
    splitOff(set, split);
    return set;
  }
  Result<std::vector<PictureFile>> held =
      scanClasses(*validation, set.labels, set.skipped);
  if (!held)
    return held.error();
  set.validation = std::move(*held);
  return set;
}

Result<PictureFolder> scanEvaluation(const std::string &folder,
                                     std::span<const std::string> labels) {
  if (Status s = checkFolder(folder); !s)
    return s.error();
  Result<std::string> validation = findValidation(folder);
  if (!validation)
    return validation.error();
  std::string root = validation->empty() ? folder : *validation;
  Result<std::vector<std::string>> classes = listClasses(root);
  if (!classes)
    return classes.error();
  PictureFolder set;
  set.labels =
      labels.empty() ? *classes : std::vector(labels.begin(), labels.end());
  Result<std::vector<PictureFile>> pictures =
      scanClasses(root, set.labels, set.skipped);
  if (!pictures)
    return pictures.error();
  set.validation = std::move(*pictures);
  return set;
}

} // namespace tl::data
