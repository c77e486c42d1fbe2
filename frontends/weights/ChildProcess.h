// A child process for reading a file with a library that is not made for
// hostile files. It is forked from this process, can use only the memory, CPU
// time and files that it is given, and talks over one socket. Whatever happens
// to it (crash, endless loop, out of memory) is an error here and nothing more.
//
// fork without exec is safe here although other threads may run: glibc keeps
// malloc usable in the child, the body uses no other state of this process, and
// the library it calls is never used on the parent's side. README.md compares
// this with spawning a program.
#pragma once

#include "frontends/weights/Result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <sys/types.h>

namespace tl::weights {

struct ChildLimits {
  // Address space beyond what the parent had mapped at the fork.
  uint64_t memoryBytes = uint64_t(256) << 20;
  // CPU time over the child's whole life.
  unsigned cpuSeconds = 120;
  // Longest silence while we wait for the child.
  unsigned stallSeconds = 60;
};

// The child's side: what the body gets.
class ChildLink {
public:
  explicit ChildLink(int socket) : socket(socket) {}
  // False when the parent is gone or the message ends early.
  bool send(std::span<const std::byte> bytes) const;
  bool receive(std::span<std::byte> bytes) const;

  // The file that the parent passed, to be opened once more by a library.
  static const char *filePath() { return "/proc/self/fd/3"; }
  // After the library has opened its file: from now on no file can be opened,
  // and where the kernel has seccomp (x86-64 and AArch64 are known) no system
  // call other than reading, memory and this socket works.
  void seal() const;

private:
  int socket;
};

class ChildProcess {
public:
  // Forks; the child runs `body` and exits. `file` is open for reading and may
  // be closed afterwards.
  static Result<std::unique_ptr<ChildProcess>>
  start(int file, const ChildLimits &limits,
        const std::function<void(const ChildLink &)> &body);
  // Kills the child, if it still runs, and reaps it.
  ~ChildProcess();
  ChildProcess(const ChildProcess &) = delete;

  // On failure the child is ended and the message says how it ended: "crashed
  // (Segmentation fault)", "used more than 120 s of CPU time", ...
  Status send(std::span<const std::byte> bytes);
  Status receive(std::span<std::byte> bytes);

private:
  ChildProcess(pid_t pid, int socket, const ChildLimits &limits)
      : pid(pid), socket(socket), limits(limits) {}
  Error finish(const char *otherwise);

  pid_t pid;
  int socket;
  ChildLimits limits;
};

} // namespace tl::weights
