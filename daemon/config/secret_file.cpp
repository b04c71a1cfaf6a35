// SPDX-License-Identifier: Apache-2.0
#include <config/secret_file.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace lares::config {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

std::unexpected<std::string> failed(std::string_view what, const std::filesystem::path& path, int error) {
  return std::unexpected(fmt::format("{} {}: {}", what, path.string(), std::strerror(error)));
}

/// Writes the whole into a file beside, whose name it gives. Its name has no ending that a folder of
/// configuration files is read by.
std::expected<std::string, std::string> write_beside(const std::filesystem::path& path,
                                                     std::string_view content) {
  std::string name = path.string() + ".XXXXXX";
  const Descriptor file(::mkostemp(name.data(), O_CLOEXEC));
  if (file.get() < 0) {
    return failed("cannot write", path, errno);
  }
  const auto give_up = [&] {
    const int error = errno;
    ::unlink(name.c_str());
    return failed("cannot write", path, error);
  };
  while (!content.empty()) {
    const ssize_t count = ::write(file.get(), content.data(), content.size());
    if (count < 0 && errno != EINTR) {
      return give_up();
    }
    content.remove_prefix(count < 0 ? 0 : static_cast<std::size_t>(count));
  }
  if (::fsync(file.get()) != 0) {
    return give_up();
  }
  return name;
}

/// Gives a file another name, unless that is taken. 0, or the error.
int move_to_free_name(const std::string& from, const std::filesystem::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) {
    return 0;
  }
  // Not every file system has hard links.
  const bool without_links = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK;
  if (without_links && ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
    return 0;
  }
  return errno;
}

}  // namespace

std::expected<std::string, std::string> read_secret_file(const std::filesystem::path& path,
                                                         std::size_t limit) {
  // Without O_NONBLOCK a named pipe would keep the process waiting.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    return failed("cannot read", path, errno);
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) {
    return failed("cannot read", path, errno);
  }
  if (!S_ISREG(status.st_mode)) {
    return std::unexpected(fmt::format("{} is no file", path.string()));
  }
  if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    return std::unexpected(fmt::format("{} holds a secret, and anyone on this machine can {} it: chmod o= {}",
                                       path.string(), (status.st_mode & S_IROTH) != 0 ? "read" : "write",
                                       path.string()));
  }
  std::string content;
  char buffer[4096];
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return failed("cannot read", path, errno);
    }
    if (count == 0) {
      return content;
    }
    content.append(buffer, static_cast<std::size_t>(count));
    if (content.size() > limit) {
      return std::unexpected(fmt::format("{} is larger than {} bytes", path.string(), limit));
    }
  }
}

std::expected<void, std::string> write_secret_file(const std::filesystem::path& path,
                                                   std::string_view content) {
  auto written = write_beside(path, content);
  if (!written) {
    return std::unexpected(written.error());
  }
  const int error = move_to_free_name(*written, path);
  ::unlink(written->c_str());
  if (error != 0) {
    return failed("cannot write", path, error);
  }
  auto folder_path = path.parent_path();
  if (folder_path.empty()) {
    folder_path = ".";
  }
  // The name is durable once its folder is.
  const Descriptor folder(::open(folder_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) {
    return failed("cannot write", path, errno);
  }
  return {};
}

}  // namespace lares::config
