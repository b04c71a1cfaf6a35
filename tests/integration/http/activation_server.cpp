// SPDX-License-Identifier: Apache-2.0
// Serves on the port, or the unix socket, that it is given until its standard input ends; prints where.
#include "running_server.hpp"

#include <lares/base/error.hpp>

#include <cstdio>
#include <cstdlib>
#include <string_view>

int main(int argc, char** argv) {
  lares::http::test::RunningServer server;
  const std::string_view place = argc > 1 ? argv[1] : "0";
  if (place.starts_with('/')) {
    server.listeners()[0] = {{"path", place}, {"resources", {{{"names", {"client"}}}}}};
  } else {
    server.listeners()[0]["port"] = std::atoi(place.data());
  }
  try {
    server.begin();
  } catch (const lares::StartError& error) {
    std::printf("%s\n", error.what());
    return error.exit_code();
  }
  for (const auto& bound : server.http().addresses()) {
    std::printf("%s %d\n", bound.address.c_str(), static_cast<int>(bound.port));
  }
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
