// SPDX-License-Identifier: Apache-2.0
#include <lares/http/router.hpp>

namespace lares::http {

Router::~Router() = default;

std::vector<std::string> client_paths(std::string_view path) {
  return client_paths(path, {"v3", "r0"});
}

std::vector<std::string> client_paths(std::string_view path, std::vector<std::string_view> versions) {
  std::vector<std::string> paths;
  paths.reserve(versions.size());
  for (std::string_view version : versions) {
    paths.push_back("/_matrix/client/");
    paths.back().append(version).append(path);
  }
  return paths;
}

}  // namespace lares::http
