// SPDX-License-Identifier: Apache-2.0
#include <http/sockets.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lares::http::test {
namespace {

namespace fs = std::filesystem;

class UnixSocketTest : public testing::Test {
 public:
  UnixSocketTest() {
    std::string pattern = (fs::temp_directory_path() / "lares-sockets-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw std::runtime_error("mkdtemp");
    }
    folder_ = pattern;
    path_ = folder_ / "s";
  }
  ~UnixSocketTest() override { fs::remove_all(folder_); }

 protected:
  fs::path folder_;
  fs::path path_;
};

/// Another process that listens on a path, and has stopped.
class StoppedListener {
 public:
  explicit StoppedListener(const std::string& path) {
    pid_ = ::fork();
    if (pid_ == 0) {
      // A test that dies would leave it behind, stopped.
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const ListeningSocket socket = listen_unix(path, 0600);
      std::raise(SIGSTOP);
      for (;;) {
        ::pause();
      }
    }
    int status = 0;
    if (::waitpid(pid_, &status, WUNTRACED) != pid_ || !WIFSTOPPED(status)) {
      throw std::runtime_error("the other process did not stop");
    }
  }
  StoppedListener(const StoppedListener&) = delete;
  StoppedListener& operator=(const StoppedListener&) = delete;
  ~StoppedListener() { end(); }

  [[nodiscard]] pid_t pid() const { return pid_; }
  void go_on() {
    int status = 0;
    ::kill(pid_, SIGCONT);
    ::waitpid(pid_, &status, WCONTINUED);
  }
  void end() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      pid_ = 0;
    }
  }

 private:
  pid_t pid_ = 0;
};

TEST_F(UnixSocketTest, HasNoHolderWhereNobodyListens) {
  EXPECT_FALSE(holder_of(path_));
  std::ofstream(path_) << "a file";
  EXPECT_FALSE(holder_of(path_));
}

TEST_F(UnixSocketTest, NamesTheProcessThatListens) {
  const ListeningSocket socket = listen_unix(path_, 0600);
  const auto holder = holder_of(path_);
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->pid, ::getpid());
  EXPECT_FALSE(holder->stopped);
}

TEST_F(UnixSocketTest, SeesThatTheProcessIsStopped) {
  StoppedListener other(path_);
  auto holder = holder_of(path_);
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->pid, other.pid());
  EXPECT_TRUE(holder->stopped);
  other.go_on();
  holder = holder_of(path_);
  ASSERT_TRUE(holder);
  EXPECT_FALSE(holder->stopped);
}

/// Connects until no more are taken. Each waits for the listener although it has gone.
void fill_the_backlog(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  for (;;) {
    const ListeningSocket client(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      ASSERT_EQ(errno, EAGAIN);
      return;
    }
  }
}

TEST_F(UnixSocketTest, SeesTheStoppedProcessBehindAFullBacklog) {
  StoppedListener other(path_);
  fill_the_backlog(path_);
  auto holder = holder_of(path_);
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->pid, other.pid());
  EXPECT_TRUE(holder->stopped);
  other.go_on();
  holder = holder_of(path_);
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->pid, other.pid());
  EXPECT_FALSE(holder->stopped);
}

TEST_F(UnixSocketTest, TakesAStoppedProcessThatTookThePlaceOfAnotherForStoppedOnlyWithTheOther) {
  StoppedListener first(path_);
  StoppedListener second(place_beside(path_));
  fs::rename(place_beside(path_), path_);
  fill_the_backlog(path_);
  EXPECT_TRUE(holder_of(path_)->stopped);
  first.go_on();
  EXPECT_FALSE(holder_of(path_)->stopped);
}

TEST_F(UnixSocketTest, IsRefusedToASecondWhileTheFirstListensAndGivenAfterItsEnd) {
  StoppedListener other(path_);
  try {
    static_cast<void>(listen_unix(path_, 0600));
    ADD_FAILURE() << "listens beside another";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EADDRINUSE);
  }
  other.end();
  const ListeningSocket socket = listen_unix(path_, 0600);
  EXPECT_EQ(holder_of(path_)->pid, ::getpid());
}

TEST_F(UnixSocketTest, TakesThePlaceOfAnother) {
  StoppedListener other(path_);
  const std::string beside = path_.string() + ".new";
  const ListeningSocket socket = listen_unix(beside, 0600);
  SocketFile file(beside);
  file.move_to(path_);
  EXPECT_EQ(holder_of(path_)->pid, ::getpid());
  EXPECT_FALSE(fs::exists(beside));
}

TEST_F(UnixSocketTest, RemovesItsFile) {
  const ListeningSocket socket = listen_unix(path_, 0600);
  {
    const SocketFile file(path_);
    EXPECT_TRUE(fs::exists(path_));
  }
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(UnixSocketTest, LeavesTheFileOfWhoTookItsPlace) {
  const ListeningSocket first = listen_unix(path_, 0600);
  std::optional<SocketFile> former(path_);
  const std::string beside = path_.string() + ".new";
  const ListeningSocket second = listen_unix(beside, 0600);
  SocketFile next(beside);
  next.move_to(path_);
  former.reset();
  EXPECT_TRUE(fs::exists(path_));
}

}  // namespace
}  // namespace lares::http::test
