// Cutting and walking pictures; see the header.
#include "compiler/Conversion/KernelsToCPU/PictureTiles.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <limits>

namespace tl::cpu {

RowShape::RowShape(const Buffer &buffer)
    : rows(buffer.height()), places(buffer.width()),
      channels(buffer.channels()) {
  if (buffer.type.getRank() != 4)
    places = buffer.storage.elements / channels;
}

PictureTiles::PictureTiles(int64_t units, int64_t unitElements,
                           int64_t tileElements)
    : units_(units) {
  unitsPerTile_ = std::clamp<int64_t>(
      tileElements / std::max<int64_t>(unitElements, 1), 1, units);
  blocks_ = llvm::divideCeil(units, unitsPerTile_);
  unitsPerTile_ = llvm::divideCeil(units, blocks_); // of equal size
  blocks_ = llvm::divideCeil(units, unitsPerTile_);
  pictures_ = 1;
  if (blocks_ == 1)
    pictures_ = std::max<int64_t>(
        1, tileElements / std::max<int64_t>(units * unitElements, 1));
}

void PictureTiles::forEach(KernelBuilder &b, Body body) const {
  b.describe(blocks_ == 1 ? "vectors, whole pictures a tile"
                          : "vectors, part of a picture a tile");
  if (blocks_ == 1) {
    Value first = b.mul(b.tile(), pictures_);
    Value last = b.min(b.add(first, pictures_), b.batch());
    b.loop(first, last, 1, [&](Value picture) {
      body(picture, b.constant(0), b.constant(units_));
    });
    return;
  }
  Value begin = b.mul(b.rem(b.tile(), blocks_), unitsPerTile_);
  Value end = b.min(b.add(begin, unitsPerTile_), b.constant(units_));
  body(b.div(b.tile(), blocks_), begin, end);
}

void forEachBlock(KernelBuilder &b, int64_t count, BlockBody body,
                  int64_t vectors) {
  int64_t lanes = b.lanes(), block = vectors * lanes;
  int64_t whole = count / block * block;
  llvm::SmallVector<Piece> pieces;
  for (int64_t i = 0; i < vectors; ++i)
    pieces.push_back({i * lanes, lanes});
  if (whole)
    b.loop(0, whole, block, [&](Value first) { body(first, pieces); });
  pieces.clear();
  for (int64_t at = whole, width = lanes; at < count;)
    if (count - at >= width) {
      pieces.push_back({at - whole, width});
      at += width;
    } else {
      width /= 2;
    }
  if (!pieces.empty())
    body(b.constant(whole), pieces);
}

Grid forEachChannelBlock(KernelBuilder &b, int64_t channels, int64_t block,
                         BlockBody body, int64_t vectors) {
  b.describe("vectors, a block of channels a tile, whole batch");
  int64_t blocks = llvm::divideCeil(channels, block);
  int64_t rest = channels - (blocks - 1) * block;
  Value first = b.mul(b.tile(), block);
  auto forEach = [&](int64_t count) {
    forEachBlock(
        b, count,
        [&](Value c, llvm::ArrayRef<Piece> pieces) {
          body(b.add(first, c), pieces);
        },
        vectors);
  };
  if (blocks == 1 || rest == block)
    forEach(rest);
  else
    b.when(
        b.equal(b.tile(), blocks - 1), [&] { forEach(rest); },
        [&] { forEach(block); });
  return Grid{blocks, 1, 0, 0};
}

Grid forEachRow(KernelBuilder &b, const Buffer &out,
                llvm::ArrayRef<Buffer> inputs,
                llvm::function_ref<void(Value to, llvm::ArrayRef<Value> from,
                                        int64_t elements)>
                    body) {
  RowShape shape(out);
  PictureTiles tiles(shape.rows, shape.rowElements());
  Value zero = b.constant(0);
  tiles.forEach(b, [&](Value picture, Value begin, Value end) {
    b.loop(begin, end, 1, [&](Value h) {
      auto row = [&](const Buffer &buffer) {
        return b.at(buffer.pointer, b.pixel(buffer, picture, h, zero));
      };
      Values from;
      for (const Buffer &input : inputs)
        from.push_back(row(input));
      body(row(out), from, shape.rowElements());
    });
    b.zeroHalo(out, picture, begin, end);
  });
  return tiles.grid();
}

Value countPlaces(KernelBuilder &b, const Buffer &buffer) {
  RowShape shape(buffer);
  return b.mul(b.batch(), shape.rows * shape.places);
}

Value placeAt(KernelBuilder &b, const Buffer &buffer, Value index) {
  RowShape shape(buffer);
  if (!buffer.halo.any())
    return b.at(buffer.pointer, b.mul(index, shape.channels));
  Value row = b.div(index, shape.places);
  return b.at(buffer.pointer,
              b.pixel(buffer, b.div(row, shape.rows), b.rem(row, shape.rows),
                      b.rem(index, shape.places)));
}

Grid forEachPlace(
    KernelBuilder &b, const Buffer &out, llvm::ArrayRef<Buffer> inputs,
    llvm::function_ref<void(Value to, llvm::ArrayRef<Value> from)> body) {
  RowShape shape(out);
  bool halo = out.halo.any() || llvm::any_of(inputs, [](const Buffer &input) {
                return input.halo.any();
              });
  if (halo)
    return forEachRow(
        b, out, inputs, [&](Value to, llvm::ArrayRef<Value> from, int64_t) {
          b.loop(0, shape.rowElements(), shape.channels, [&](Value place) {
            Values at;
            for (Value row : from)
              at.push_back(b.at(row, place));
            body(b.at(to, place), at);
          });
        });
  int64_t places = shape.rows * shape.places;
  PictureTiles tiles(places, shape.channels);
  tiles.forEach(b, [&](Value picture, Value begin, Value end) {
    Value first = b.mul(picture, places);
    b.loop(b.add(first, begin), b.add(first, end), 1, [&](Value index) {
      Values from;
      for (const Buffer &input : inputs)
        from.push_back(placeAt(b, input, index));
      body(placeAt(b, out, index), from);
    });
  });
  return tiles.grid();
}

void copy(KernelBuilder &b, Value from, Value to, int64_t count) {
  b.forEachVector(count, [&](Value i, int64_t lanes) {
    b.store(b.load(b.at(from, i), lanes), b.at(to, i));
  });
}

Value sumOver(KernelBuilder &b, int64_t count,
              llvm::function_ref<Value(Value index, int64_t lanes)> term) {
  int64_t lanes = b.lanes(), whole = count / lanes * lanes;
  Value total;
  auto join = [&](Value part) { total = total ? b.addF(total, part) : part; };
  if (whole)
    join(b.sum(b.loop(b.constant(0), b.constant(whole), lanes,
                      {b.splat(0, lanes)}, [&](Value i, mlir::ValueRange sums) {
                        return Values{b.addF(sums[0], term(i, lanes))};
                      })[0]));
  for (int64_t at = whole, width = lanes / 2; width; width /= 2)
    if (count - at >= width) {
      join(b.sum(term(b.constant(at), width)));
      at += width;
    }
  return total;
}

Value maximumOf(KernelBuilder &b, Value pointer, int64_t count) {
  int64_t lanes = b.lanes(), whole = count / lanes * lanes;
  double lowest = -std::numeric_limits<double>::infinity();
  Value most = b.maximum(
      b.loop(b.constant(0), b.constant(whole), lanes, {b.splat(lowest, lanes)},
             [&](Value i, mlir::ValueRange best) {
               return Values{b.maxF(b.load(b.at(pointer, i), lanes), best[0])};
             })[0]);
  for (int64_t at = whole, width = lanes / 2; width; width /= 2)
    if (count - at >= width) {
      Value part = b.maximum(b.load(b.at(pointer, at), width));
      most = b.maxF(part, most);
      at += width;
    }
  return most;
}

} // namespace tl::cpu
