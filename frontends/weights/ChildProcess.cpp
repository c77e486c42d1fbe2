// The parent's side, and the child's first steps: signals, descriptors, limits.
#include "frontends/weights/ChildProcess.h"
#include "frontends/weights/SystemCallFilter.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tl::weights {

namespace {

constexpr int fileDescriptor = 3;
constexpr int socketDescriptor = 4;
// The body exits with this if it cannot be confined.
constexpr int exitNotConfined = 97;

bool setLimit(int resource, rlim_t value, rlim_t slack = 0) {
  rlimit limit = {value, value + slack};
  // Asking for more than the hard limit already allows is no failure.
  rlimit old;
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &old) == 0 &&
      old.rlim_max != RLIM_INFINITY && old.rlim_max <= value)
    return true;
  return ::setrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0;
}

// The address space mapped now: the parent's libraries and heap came along.
bool mappedBytes(uint64_t &bytes) {
  char text[64] = {};
  int fd = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  bool got = ::read(fd, text, sizeof(text) - 1) > 0;
  ::close(fd);
  unsigned long long pages = 0;
  if (!got || std::sscanf(text, "%llu", &pages) != 1)
    return false;
  bytes = pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return true;
}

// The parent's handlers (LLVM prints stack traces) must not run here.
void resetSignals() {
  for (int number = 1; number < NSIG; ++number)
    ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Leaves 0-2 on /dev/null, the file on 3, the socket on 4 and nothing else.
bool arrangeDescriptors(int file, int socket) {
  int highFile = ::fcntl(file, F_DUPFD, 16);
  int highSocket = ::fcntl(socket, F_DUPFD, 16);
  int null = ::open("/dev/null", O_RDWR);
  if (highFile < 0 || highSocket < 0 || null < 0)
    return false;
  for (int standard = 0; standard < 3; ++standard)
    if (::dup2(null, standard) < 0)
      return false;
  return ::dup2(highFile, fileDescriptor) >= 0 &&
         ::dup2(highSocket, socketDescriptor) >= 0 &&
         ::close_range(socketDescriptor + 1, ~0u, 0) == 0;
}

bool confine(const ChildLimits &limits) {
  uint64_t mapped = 0;
  return mappedBytes(mapped) &&
         setLimit(RLIMIT_AS, mapped + limits.memoryBytes) &&
         // At the soft limit comes SIGXCPU, which says what happened; at the
         // hard one SIGKILL.
         setLimit(RLIMIT_CPU, limits.cpuSeconds, 5) &&
         setLimit(RLIMIT_CORE, 0) && setLimit(RLIMIT_FSIZE, 0) &&
         // One more: the library's own descriptor of the file.
         setLimit(RLIMIT_NOFILE, socketDescriptor + 2);
}

[[noreturn]] void runChild(int file, int socket, const ChildLimits &limits,
                           const std::function<void(const ChildLink &)> &body) {
  resetSignals();
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (!arrangeDescriptors(file, socket) || !confine(limits))
    ::_exit(exitNotConfined);
  body(ChildLink(socketDescriptor));
  ::_exit(0);
}

} // namespace

bool ChildLink::send(std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent <= 0)
      return false;
    bytes = bytes.subspan(static_cast<size_t>(sent));
  }
  return true;
}

bool ChildLink::receive(std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    ssize_t got = ::recv(socket, bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false;
    bytes = bytes.subspan(static_cast<size_t>(got));
  }
  return true;
}

void ChildLink::seal() const {
  ::close(fileDescriptor);
  if (!setLimit(RLIMIT_NOFILE, 0))
    ::_exit(exitNotConfined);
  installSystemCallFilter();
}

Result<std::unique_ptr<ChildProcess>>
ChildProcess::start(int file, const ChildLimits &limits,
                    const std::function<void(const ChildLink &)> &body) {
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
    return Error{std::string("cannot make a socket: ") + std::strerror(errno)};
  pid_t pid = ::fork();
  if (pid == 0)
    runChild(file, sockets[1], limits, body);
  int forkError = errno;
  ::close(sockets[1]);
  if (pid < 0) {
    ::close(sockets[0]);
    return Error{std::string("cannot start a process: ") +
                 std::strerror(forkError)};
  }
  return std::unique_ptr<ChildProcess>(
      new ChildProcess(pid, sockets[0], limits));
}

ChildProcess::~ChildProcess() { (void)finish(""); }

Status ChildProcess::send(std::span<const std::byte> bytes) {
  if (pid < 0)
    return Error{"the reading process has already ended"};
  while (!bytes.empty()) {
    // Requests are a few bytes, always smaller than the socket's buffer.
    ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent <= 0)
      return finish("the reading process ended early");
    bytes = bytes.subspan(static_cast<size_t>(sent));
  }
  return Done{};
}

Status ChildProcess::receive(std::span<std::byte> bytes) {
  if (pid < 0)
    return Error{"the reading process has already ended"};
  while (!bytes.empty()) {
    pollfd wait = {socket, POLLIN, 0};
    int ready = ::poll(&wait, 1, static_cast<int>(limits.stallSeconds) * 1000);
    if (ready < 0 && errno == EINTR)
      continue;
    if (ready == 0) {
      (void)finish("");
      return Error{"reading it made no progress for " +
                   std::to_string(limits.stallSeconds) + " s"};
    }
    ssize_t got = ::recv(socket, bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return finish("the reading process ended early");
    bytes = bytes.subspan(static_cast<size_t>(got));
  }
  return Done{};
}

// Ends the child and says how it had ended before we did, if so.
Error ChildProcess::finish(const char *otherwise) {
  if (pid < 0)
    return Error{otherwise};
  ::close(socket);
  int status = 0;
  // A child that closed its socket is about to die by its own cause; one that
  // is merely told to go sees the closed socket. Either gets a moment.
  pid_t reaped = 0;
  for (int waited = 0; waited < 100 && reaped == 0; ++waited) {
    reaped = ::waitpid(pid, &status, WNOHANG);
    if (reaped == 0)
      ::poll(nullptr, 0, 1);
  }
  bool killed = reaped == 0;
  if (killed) {
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR)
      ;
  }
  pid = -1;
  if (killed)
    return Error{otherwise};
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
    return Error{"reading it took more than " +
                 std::to_string(limits.cpuSeconds) + " s of CPU time"};
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
    return Error{"the reading process was killed; the machine may have run out "
                 "of memory"};
  if (WIFSIGNALED(status))
    return Error{std::string("the library that reads it crashed (") +
                 ::strsignal(WTERMSIG(status)) + "): the file is damaged"};
  if (WIFEXITED(status) && WEXITSTATUS(status) == exitNotConfined)
    return Error{"cannot confine the reading process (is /proc mounted?)"};
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
    return Error{"the reading process failed with status " +
                 std::to_string(WEXITSTATUS(status))};
  return Error{otherwise};
}

} // namespace tl::weights
