// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include <sys/types.h>

namespace lares::storage::test {

/// A folder that goes when the object does.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// A PostgreSQL server of the test's own, on a unix socket in a folder of its own.
class PostgresServer {
 public:
  /// Whether PostgreSQL's programs are installed.
  [[nodiscard]] static bool available();

  PostgresServer();
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// The folder of its socket; the port is the default one.
  [[nodiscard]] std::string socket_folder() const;
  [[nodiscard]] std::string socket_path() const { return socket_folder() + "/.s.PGSQL.5432"; }
  /// Makes an empty database with C collation.
  void create_database(const std::string& name);

  /// SIGKILL to every process of the server.
  void kill();
  /// Starts it again and waits until it answers.
  void start();

 private:
  void stop() noexcept;

  TemporaryFolder folder_;
  pid_t process_ = -1;
};

}  // namespace lares::storage::test
