// libhdf5's identifiers, closed when they leave scope, and the few questions
// that the reader asks of them. Only the child process includes this.
#pragma once

#include "frontends/weights/Result.h"

#include <hdf5.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tl::weights {

class Handle {
public:
  Handle() = default;
  Handle(hid_t id, herr_t (*closer)(hid_t)) : id(id), closer(closer) {}
  Handle(Handle &&other) noexcept
      : id(std::exchange(other.id, -1)), closer(other.closer) {}
  Handle &operator=(Handle &&other) noexcept {
    std::swap(id, other.id);
    std::swap(closer, other.closer);
    return *this;
  }
  ~Handle() {
    if (id >= 0)
      closer(id);
  }

  explicit operator bool() const { return id >= 0; }
  operator hid_t() const { return id; }

private:
  hid_t id = -1;
  herr_t (*closer)(hid_t) = nullptr;
};

// Opens the object at `path` below `from`, one component at a time: a link that
// is not a plain hard link (soft, external, user-defined) is refused, because
// it may lead into another file or in a circle.
Result<Handle> openObject(hid_t from, std::string_view path);
// The same, and the object must be of this type.
Result<Handle> openGroup(hid_t from, std::string_view path);
Result<Handle> openDataset(hid_t from, std::string_view path);

// The names of a group's links in the order of their bytes.
Result<std::vector<std::string>> linkNames(hid_t group);

bool hasAttribute(hid_t object, const char *name);
// A text attribute, one element or an array, fixed or variable length. An
// attribute without elements is an empty list whatever its type: Keras writes
// empty lists as float64.
Result<std::vector<std::string>> readTexts(hid_t object, const char *name);
// Keras cuts a list too long for one attribute into `name`0, `name`1, ...
Result<std::vector<std::string>> readTextList(hid_t object,
                                              const std::string &name);

} // namespace tl::weights
