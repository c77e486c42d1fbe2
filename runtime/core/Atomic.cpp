// Temporary name, flush, rename, flush of the folder.
#include "runtime/core/Atomic.h"

#include "runtime/core/Failure.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tl {

AtomicFile::AtomicFile(const char *target) : path(target) {
  size_t slash = path.rfind('/');
  folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty())
    fail(TL_STATUS_IO, "cannot write \"%s\": it names a folder", target);
  // The rename would put a file in the place of a device or a pipe.
  struct stat known;
  if (stat(target, &known) == 0 && !S_ISREG(known.st_mode))
    fail(TL_STATUS_IO, "cannot write \"%s\": it is there and no regular file",
         target);
  for (int attempt = 0; descriptor < 0; ++attempt) {
    temporary = folder + (folder == "." ? "/." : ".") + name + "." +
                std::to_string(getpid()) + "." + std::to_string(attempt) +
                ".tmp";
    descriptor =
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0 && (errno != EEXIST || attempt > 1000)) {
      temporary.clear();
      failed("create a file beside");
    }
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor >= 0)
    close(descriptor);
  if (!temporary.empty())
    unlink(temporary.c_str());
}

void AtomicFile::failed(const char *what) {
  fail(TL_STATUS_IO, "cannot %s \"%s\": %s; what was there is unchanged", what,
       path.c_str(), strerror(errno));
}

void AtomicFile::write(const void *data, size_t bytes) {
  auto *from = static_cast<const char *>(data);
  while (bytes) {
    ssize_t count = ::write(descriptor, from, std::min(bytes, size_t(1) << 30));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      failed("write");
    from += count;
    bytes -= size_t(count);
    written += size_t(count);
  }
}

void AtomicFile::padTo(size_t offset) {
  static char zeros[4096]; // not const: it would be part of the program's file
  while (written < offset)
    write(zeros, std::min(sizeof zeros, offset - written));
}

void AtomicFile::commit() {
  if (fsync(descriptor) != 0)
    failed("flush");
  if (rename(temporary.c_str(), path.c_str()) != 0)
    failed("replace");
  temporary.clear();
  int parent = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent < 0)
    return; // a folder that cannot be read cannot be flushed
  fsync(parent);
  close(parent);
}

} // namespace tl
