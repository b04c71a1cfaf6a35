// SPDX-License-Identifier: Apache-2.0
#include <host/pid_file.hpp>

#include <lares/base/error.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace lares::host {

PidFile::PidFile(std::filesystem::path file) : file_(std::move(file)) {
  if (file_.empty()) {
    return;
  }
  // Written beside and renamed, so that nobody reads half a number.
  const auto draft = file_.string() + ".new";
  const auto text = fmt::format("{}\n", ::getpid());
  const int descriptor = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  const bool written =
      descriptor >= 0 && ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool placed = written && ::rename(draft.c_str(), file_.c_str()) == 0;
  const int error = errno;
  if (descriptor >= 0) {
    ::close(descriptor);
  }
  if (!placed) {
    ::unlink(draft.c_str());
    throw StartError(fmt::format(
        "pid_file: {} cannot be written: {}. Correct `pid_file` or the permissions of its folder.",
        file_.string(), std::strerror(error)));
  }
}

PidFile::~PidFile() {
  if (!file_.empty()) {
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
  }
}

}  // namespace lares::host
