// The confinement itself, with bodies that misbehave in every way that a
// library fed with a hostile file could. Each must end as an error here.
#include "frontends/weights/ChildProcess.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace tl::weights;

namespace {

class ChildTest : public testing::Test {
protected:
  ChildTest() { file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC); }
  ~ChildTest() override { ::close(file); }

  // The error of waiting for a byte that the body never sends.
  std::string errorOf(const std::function<void(const ChildLink &)> &body) {
    auto child = ChildProcess::start(file, limits, body);
    if (!child)
      return child.message();
    std::byte byte;
    Status status = (*child)->receive(std::span(&byte, 1));
    return status ? "(no error)" : status.message();
  }

  // The number that the body sends.
  int answerOf(const std::function<int(const ChildLink &)> &body) {
    auto child = ChildProcess::start(file, limits, [&](const ChildLink &link) {
      int answer = body(link);
      link.send(std::as_bytes(std::span(&answer, 1)));
    });
    int answer = -1;
    EXPECT_TRUE(
        (*child)->receive(std::as_writable_bytes(std::span(&answer, 1))));
    return answer;
  }

  int file;
  ChildLimits limits = {uint64_t(64) << 20, 10, 20};
};

volatile int sink;

} // namespace

TEST_F(ChildTest, Answers) {
  EXPECT_EQ(answerOf([](const ChildLink &) { return 42; }), 42);
}

TEST_F(ChildTest, Crash) {
  std::string error = errorOf([](const ChildLink &) {
    ::signal(SIGSEGV, SIG_DFL); // a sanitizer's handler would exit instead
    ::raise(SIGSEGV);
  });
  EXPECT_NE(error.find("crashed (Segmentation fault)"), std::string::npos)
      << error;
}

TEST_F(ChildTest, EarlyEnd) {
  EXPECT_EQ(errorOf([](const ChildLink &) {}),
            "the reading process ended early");
  EXPECT_EQ(errorOf([](const ChildLink &) { ::_exit(3); }),
            "the reading process failed with status 3");
}

TEST_F(ChildTest, EndlessLoop) {
  limits.cpuSeconds = 1;
  EXPECT_EQ(errorOf([](const ChildLink &) {
              while (true)
                sink = sink + 1;
            }),
            "reading it took more than 1 s of CPU time");
}

TEST_F(ChildTest, EndlessSleep) {
  limits.stallSeconds = 1;
  EXPECT_EQ(errorOf([](const ChildLink &) {
              while (true)
                ::pause();
            }),
            "reading it made no progress for 1 s");
}

// 64 MiB are allowed: 32 more fit, 128 do not.
TEST_F(ChildTest, Memory) {
  auto mapped = [](size_t megabytes) {
    return [megabytes](const ChildLink &) {
      void *memory = ::mmap(nullptr, megabytes << 20, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      return memory == MAP_FAILED ? errno : 0;
    };
  };
  EXPECT_EQ(answerOf(mapped(32)), 0);
  EXPECT_EQ(answerOf(mapped(128)), ENOMEM);
}

// One file for the library, then none.
TEST_F(ChildTest, Files) {
  EXPECT_EQ(answerOf([](const ChildLink &) {
              bool first = ::open(ChildLink::filePath(), O_RDONLY) >= 0;
              bool second = ::open("/dev/null", O_RDONLY) >= 0;
              return first && !second ? errno : 0;
            }),
            EMFILE);
  EXPECT_EQ(answerOf([](const ChildLink &link) {
              link.seal();
              return ::open("/dev/null", O_RDONLY) < 0 ? 1 : 0;
            }),
            1);
}

// With the filter on, nothing outside is in reach.
TEST_F(ChildTest, SystemCalls) {
  EXPECT_EQ(answerOf([](const ChildLink &link) {
              link.seal();
              ::close(2); // even with a descriptor free below the limit
              bool opened = ::open("/dev/null", O_RDONLY) >= 0;
              bool killed = ::kill(::getppid(), 0) == 0;
              bool forked = ::fork() >= 0;
              bool connected = ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
              return opened + 2 * killed + 4 * forked + 8 * connected;
            }),
            0);
}

// Descriptors of this process must not leak into the child.
TEST_F(ChildTest, InheritsNoDescriptor) {
  int leaked = ::fcntl(file, F_DUPFD, 100);
  ASSERT_GE(leaked, 100);
  EXPECT_EQ(answerOf([leaked](const ChildLink &) {
              return ::fcntl(leaked, F_GETFD) < 0 ? errno : 0;
            }),
            EBADF);
  ::close(leaked);
}

// After an error every later call is an error too, and no zombie stays.
TEST_F(ChildTest, DeadStaysDead) {
  auto child = ChildProcess::start(file, limits, [](const ChildLink &) {});
  std::byte byte{};
  EXPECT_FALSE((*child)->receive(std::span(&byte, 1)));
  EXPECT_FALSE((*child)->send(std::span(&byte, 1)));
  EXPECT_FALSE((*child)->receive(std::span(&byte, 1)));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}
