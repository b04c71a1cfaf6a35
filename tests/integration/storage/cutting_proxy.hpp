// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace lares::storage::test {

/// Stands between a client on loopback and a server on a unix socket, and cuts the connection where it is
/// told to.
class CuttingProxy {
 public:
  /// Whether what the client sends at the cut still reaches the server.
  enum class Cut : std::uint8_t { Before, After };

  explicit CuttingProxy(std::string server_socket);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  [[nodiscard]] int port() const noexcept { return port_; }
  /// Cuts at the `n`th thing that a client sends from now on, once; 0 for never.
  void cut_at(int n, Cut where) noexcept;
  /// True once that has happened.
  [[nodiscard]] bool has_cut() const noexcept { return has_cut_.load(); }

 private:
  struct Pair {
    int client;
    int server;
  };

  void run();
  [[nodiscard]] bool forward(int from, int to, bool from_client);

  std::string server_socket_;
  int listener_ = -1;
  int port_ = 0;
  int stop_pipe_[2] = {-1, -1};
  std::vector<Pair> pairs_;
  std::atomic<int> left_{0};
  std::atomic<Cut> where_{Cut::Before};
  std::atomic<bool> has_cut_{false};
  std::thread thread_;
};

}  // namespace lares::storage::test
