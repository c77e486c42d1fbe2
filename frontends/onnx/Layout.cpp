// See the header. Atoms are numbered by their place in memory; while a layout
// is being changed the numbers are loose names, and canonicalize() renumbers.
#include "frontends/onnx/Layout.h"

#include <algorithm>
#include <numeric>

namespace tl::onnx {

static std::vector<int> counted(size_t count) {
  std::vector<int> list(count);
  std::iota(list.begin(), list.end(), 0);
  return list;
}

Layout Layout::plain(const Extents &shape) {
  Layout layout;
  layout.sizes = shape;
  for (size_t i = 0; i < shape.size(); ++i)
    layout.dims.push_back({int(i)});
  layout.canonicalize(counted(shape.size()));
  return layout;
}

Layout Layout::picture(int64_t batch, int64_t channels, int64_t height,
                       int64_t width) {
  Layout layout;
  layout.sizes = {batch, channels, height, width};
  layout.dims = {{0}, {1}, {2}, {3}};
  layout.canonicalize({0, 2, 3, 1});
  return layout;
}

/// A product of extents that no operation may overflow: at most
/// kMostElements, which is refused where the value is made.
static int64_t times(int64_t a, int64_t b) {
  return a > kMostElements / std::max<int64_t>(b, 1) ? kMostElements : a * b;
}

int64_t Layout::extent(size_t dim) const {
  int64_t extent = 1;
  for (int atom : dims[dim])
    extent = times(extent, sizes[atom]);
  return extent;
}

Extents Layout::shape() const {
  Extents shape;
  for (size_t i = 0; i < dims.size(); ++i)
    shape.push_back(extent(i));
  return shape;
}

int64_t Layout::perPicture() const {
  int64_t count = 1;
  for (size_t i = 1; i < sizes.size(); ++i)
    count = times(count, sizes[i]);
  return count;
}

void Layout::canonicalize(std::vector<int> memory) {
  llvm::erase_if(memory, [&](int a) { return a != 0 && sizes[a] == 1; });
  for (auto &dim : dims)
    llvm::erase_if(dim, [&](int a) { return sizes[a] == 1; });
  // Neighbours in memory that are neighbours in a dimension are one atom.
  std::vector<int> follower(sizes.size(), -1);
  for (auto &dim : dims)
    for (size_t i = 0; i + 1 < dim.size(); ++i)
      follower[dim[i]] = dim[i + 1];
  std::vector<int> renamed(sizes.size(), -1);
  Extents merged;
  for (size_t i = 0; i < memory.size(); ++i) {
    int atom = memory[i];
    bool joins = i > 1 && follower[memory[i - 1]] == atom;
    if (joins)
      merged.back() *= sizes[atom];
    else
      merged.push_back(sizes[atom]);
    renamed[atom] = int(merged.size()) - 1;
  }
  for (auto &dim : dims) {
    for (int &atom : dim)
      atom = renamed[atom];
    dim.erase(std::unique(dim.begin(), dim.end()), dim.end());
  }
  sizes = std::move(merged);
}

namespace {

/// Regroups the atoms of all dimensions, outermost first, into new dimensions;
/// splits an atom where a new dimension ends inside it.
class Regrouping {
public:
  Regrouping(const Extents &sizes, const std::vector<std::vector<int>> &dims)
      : sizes(sizes), memory(counted(sizes.size())) {
    for (const auto &dim : dims)
      rest.insert(rest.end(), dim.begin(), dim.end());
    std::reverse(rest.begin(), rest.end());
  }

  bool take(int64_t extent);
  bool isDone() const { return rest.empty(); }

  Extents sizes;
  std::vector<int> memory;
  std::vector<std::vector<int>> dims;

private:
  std::vector<int> rest; // the next one last
};

bool Regrouping::take(int64_t need) {
  std::vector<int> group;
  while (need > 1) {
    if (rest.empty())
      return false;
    int atom = rest.back();
    int64_t size = sizes[atom];
    if (need % size == 0) {
      rest.pop_back();
      need /= size;
    } else if (atom != 0 && size % need == 0) {
      int inner = int(sizes.size());
      sizes.push_back(size / need);
      sizes[atom] = need;
      memory.insert(std::find(memory.begin(), memory.end(), atom) + 1, inner);
      rest.back() = inner;
      need = 1;
    } else {
      return false;
    }
    group.push_back(atom);
  }
  dims.push_back(std::move(group));
  return true;
}

} // namespace

std::optional<Layout> Layout::reshaped(const Extents &shape) const {
  Regrouping regrouping(sizes, dims);
  for (int64_t extent : shape)
    if (extent < 1 || !regrouping.take(extent))
      return std::nullopt;
  if (!regrouping.isDone())
    return std::nullopt;
  Layout result;
  result.sizes = std::move(regrouping.sizes);
  result.dims = std::move(regrouping.dims);
  result.canonicalize(std::move(regrouping.memory));
  return result;
}

Layout Layout::transposed(const std::vector<size_t> &order) const {
  Layout result = *this;
  for (size_t i = 0; i < order.size(); ++i)
    result.dims[i] = dims[order[i]];
  return result;
}

std::optional<std::array<int64_t, 3>> Layout::asPicture() const {
  if (dims.size() != 4 || !batchFirst())
    return std::nullopt;
  std::vector<int> order{0};
  for (int dim : {2, 3, 1})
    order.insert(order.end(), dims[dim].begin(), dims[dim].end());
  if (order != counted(sizes.size()))
    return std::nullopt;
  return std::array<int64_t, 3>{extent(2), extent(3), extent(1)};
}

bool Layout::isInnermost(size_t dim, bool inOrder) const {
  std::vector<int> atoms = dims[dim];
  if (!inOrder)
    std::sort(atoms.begin(), atoms.end());
  for (size_t i = 0; i < atoms.size(); ++i)
    if (atoms[i] == 0 || atoms[i] != int(sizes.size() - atoms.size() + i))
      return false;
  return true;
}

Layout Layout::withInnermost(size_t dim, int64_t extent) const {
  Layout result = *this;
  result.dims[dim] = {int(sizes.size())};
  result.sizes.push_back(extent);
  std::vector<int> memory = counted(sizes.size() + 1);
  llvm::erase_if(memory,
                 [&](int a) { return llvm::is_contained(dims[dim], a); });
  result.canonicalize(std::move(memory));
  return result;
}

std::optional<Layout::Place> Layout::place(size_t dim) const {
  const std::vector<int> &atoms = dims[dim];
  // Of a dimension of extent 1 every place is as good as another.
  if (atoms.empty())
    return Place{perPicture(), 1, 1};
  if (atoms.size() != 1 || atoms[0] == 0)
    return std::nullopt;
  Place place{1, sizes[atoms[0]], 1};
  for (int i = 1; i < int(sizes.size()); ++i)
    if (i != atoms[0]) {
      int64_t &part = i < atoms[0] ? place.outside : place.inside;
      part = times(part, sizes[i]);
    }
  return place;
}

Layout Layout::resized(size_t dim, int64_t extent) const {
  if (dims[dim].empty())
    return withInnermost(dim, extent);
  Layout result = *this;
  result.sizes[dims[dim][0]] = extent;
  result.canonicalize(counted(sizes.size()));
  return result;
}

std::optional<Layout> Layout::reduced(const std::vector<bool> &which) const {
  Layout result = *this;
  std::vector<int> gone;
  for (size_t i = 0; i < dims.size(); ++i)
    if (which[i]) {
      gone.insert(gone.end(), dims[i].begin(), dims[i].end());
      result.dims[i].clear();
    }
  std::sort(gone.begin(), gone.end());
  for (size_t i = 0; i < gone.size(); ++i)
    if (gone[i] != int(i) + 1)
      return std::nullopt;
  std::vector<int> memory = counted(sizes.size());
  memory.erase(memory.begin() + 1, memory.begin() + 1 + gone.size());
  result.canonicalize(std::move(memory));
  return result;
}

Layout Layout::dropped(const std::vector<bool> &which) const {
  Layout result = *this;
  result.dims.clear();
  for (size_t i = 0; i < dims.size(); ++i)
    if (!which[i])
      result.dims.push_back(dims[i]);
  return result;
}

Layout Layout::inserted(const std::vector<size_t> &places) const {
  Layout result = *this;
  for (size_t place : places)
    result.dims.insert(result.dims.begin() + place, std::vector<int>());
  return result;
}

int64_t Layout::period(const std::vector<bool> &varies) const {
  int outermost = int(sizes.size());
  for (size_t i = 0; i < dims.size(); ++i)
    if (varies[i])
      for (int atom : dims[i])
        outermost = std::min(outermost, atom);
  int64_t count = 1;
  for (int i = std::max(outermost, 1); i < int(sizes.size()); ++i)
    count = times(count, sizes[i]);
  return count;
}

void Layout::forEach(
    int64_t period,
    llvm::function_ref<void(int64_t, llvm::ArrayRef<int64_t>)> visit) const {
  std::vector<int64_t> place(sizes.size(), 0), index(dims.size(), 0);
  for (int64_t i = 0; i < period; ++i) {
    int64_t rest = i;
    for (int atom = int(sizes.size()) - 1; atom > 0; --atom) {
      place[atom] = rest % sizes[atom];
      rest /= sizes[atom];
    }
    for (size_t dim = 0; dim < dims.size(); ++dim) {
      index[dim] = 0;
      for (int atom : dims[dim])
        index[dim] = index[dim] * sizes[atom] + place[atom];
    }
    visit(i, index);
  }
}

} // namespace tl::onnx
