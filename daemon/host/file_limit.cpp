// SPDX-License-Identifier: Apache-2.0
#include <host/file_limit.hpp>

#include <lares/base/log.hpp>

#include <sys/resource.h>
#include <cerrno>
#include <cstring>

namespace lares::host {

void set_file_limit(const Config& config) {
  const log::Logger logger("lares.host");
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const auto configured = static_cast<rlim_t>(config.integer("soft_file_limit"));
  rlimit wanted{.rlim_cur = configured == 0 ? limit.rlim_max : configured, .rlim_max = limit.rlim_max};
  if (wanted.rlim_cur > limit.rlim_max) {
    logger.warning(
        "soft_file_limit is {}, and the system allows {} open files. Raise the hard limit: LimitNOFILE= of "
        "the "
        "service, or ulimit -Hn.",
        configured, limit.rlim_max);
    wanted.rlim_cur = limit.rlim_max;
  }
  if (wanted.rlim_cur != limit.rlim_cur) {
    if (::setrlimit(RLIMIT_NOFILE, &wanted) == 0) {
      limit = wanted;
    } else {
      logger.warning("The limit of open files stays {}: {}.", limit.rlim_cur, std::strerror(errno));
    }
  }
  const auto connections = static_cast<rlim_t>(config.integer("http.max_connections"));
  if (limit.rlim_cur <= connections) {
    logger.warning(
        "http.max_connections is {}, and the process may have {} files open, connections among them. Raise "
        "the "
        "limit (soft_file_limit; LimitNOFILE= of the service, or ulimit -Hn), or lower http.max_connections.",
        connections, limit.rlim_cur);
  }
}

}  // namespace lares::host
