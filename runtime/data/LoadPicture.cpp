// See LoadPicture.h.
#include "runtime/data/LoadPicture.h"

#include "runtime/data/Decode.h"
#include "runtime/data/File.h"

namespace tl::data {

LoadedPicture loadPicture(const std::string &path, const Preprocess &preprocess,
                          const std::function<bool(const Hash128 &)> &known) {
  LoadedPicture picture;
  Result<std::vector<uint8_t>> bytes = readFile(path, kMaxFileBytes);
  if (!bytes) {
    picture.error = bytes.message();
    return picture;
  }
  picture.hash = hash128(*bytes);
  if (known && known(picture.hash)) {
    picture.known = true;
    return picture;
  }
  Result<Image> image = decodeImage(*bytes);
  if (!image) {
    picture.error = path + ": " + image.message();
    return picture;
  }
  Result<Prepared> prepared = prepare(*image, preprocess);
  if (!prepared) {
    picture.error = path + ": " + prepared.message();
    return picture;
  }
  picture.pixels = std::move(*prepared);
  return picture;
}

} // namespace tl::data
