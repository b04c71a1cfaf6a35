// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/http/router.hpp>

#include <cstdint>

#include <string>
#include <vector>

namespace lares::ctl {

/// Who stands behind a reverse proxy. Addresses are as nginx writes them: "127.0.0.1:8083",
/// "unix:/run/x.sock".
struct ProxySite {
  std::string listen;                ///< "127.0.0.1:8008"
  std::string main;                  ///< the main process
  std::vector<std::string> readers;  ///< processes that take reads and /sync; the main one where empty
  std::uint64_t largest_body =
      50U << 20U;  ///< bytes; what the processes themselves refuse is not for the proxy to say
};

/// What belongs into the `http` block of nginx's configuration, made from the routes that processes declare:
/// what only reads goes to the readers, /sync always to the same one for one login, everything else to the
/// main process. Any process would take any request; the proxy only spreads them.
[[nodiscard]] std::string nginx_config(const std::vector<http::Route>& routes, const ProxySite& site);

}  // namespace lares::ctl
