// SPDX-License-Identifier: Apache-2.0
#include "file_lock.hpp"

#include <lares/base/error.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace lares::storage::sqlite {

FileLock::FileLock(const std::string& path)
    : descriptor_{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)} {
  if (descriptor_ < 0) {
    throw StartError{fmt::format(
        "The lock file {} cannot be opened: {}. Check that the folder exists and this user may write to it.",
        path, std::strerror(errno))};
  }
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    std::array<char, 32> holder{};
    const ssize_t length = ::pread(descriptor_, holder.data(), holder.size() - 1, 0);
    const std::string process = length > 0 ? fmt::format(" (process {})", holder.data()) : std::string{};
    ::close(descriptor_);
    throw StartError{
        fmt::format("The SQLite database is in use by another process{}, which holds {}. One process alone "
                    "works on an SQLite "
                    "database; several need PostgreSQL (database.name: psycopg2).",
                    process, path)};
  }
  const std::string process = fmt::format("{}", ::getpid());
  if (::ftruncate(descriptor_, 0) != 0 ||
      ::pwrite(descriptor_, process.data(), process.size(), 0) != static_cast<ssize_t>(process.size())) {
    // The number is for the message above alone; the lock holds without it.
  }
}

FileLock::~FileLock() {
  ::close(descriptor_);
}

}  // namespace lares::storage::sqlite
