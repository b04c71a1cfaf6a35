// SPDX-License-Identifier: Apache-2.0
// Serves on the port that it is given until its standard input ends; prints where.
#include "running_server.hpp"

#include <lares/base/error.hpp>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  lares::http::test::RunningServer server;
  server.listeners()[0]["port"] = argc > 1 ? std::atoi(argv[1]) : 0;
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
