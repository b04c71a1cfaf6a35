// SPDX-License-Identifier: Apache-2.0
#include "postgres_server.hpp"

#include <libpq-fe.h>

#include <fmt/format.h>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <vector>

namespace lares::storage::test {

namespace {

std::string program(const std::string& name) {
  for (const char* folder :
       {"/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/15/bin"}) {
    const std::string path = std::string{folder} + "/" + name;
    if (::access(path.c_str(), X_OK) == 0) {
      return path;
    }
  }
  return {};
}

// PostgreSQL refuses to run as root.
const passwd* unprivileged_user() {
  return ::geteuid() == 0 ? ::getpwnam("postgres") : nullptr;
}

pid_t spawn(const std::vector<std::string>& arguments, const std::string& log) {
  const passwd* const user = unprivileged_user();
  std::vector<char*> raw;
  for (const std::string& argument : arguments) {
    raw.push_back(const_cast<char*>(argument.c_str()));
  }
  raw.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::setsid();
    if (user != nullptr &&
        (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0)) {
      ::_exit(126);
    }
    ::execv(raw[0], raw.data());
    ::_exit(127);
  }
  return child;
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> result;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
    const std::string name = entry.path().filename();
    if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) {
      continue;
    }
    std::ifstream stat{entry.path() / "stat"};
    std::string text;
    std::getline(stat, text);
    const std::size_t name_end = text.rfind(')');
    if (name_end != std::string::npos && name_end + 4 < text.size() &&
        std::strtol(text.c_str() + name_end + 4, nullptr, 10) == parent) {
      result.push_back(static_cast<pid_t>(std::stol(name)));
    }
  }
  return result;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "lares-storage-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error{"no temporary folder"};
  }
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

bool PostgresServer::available() {
  return !program("postgres").empty() && (::geteuid() != 0 || ::getpwnam("postgres") != nullptr);
}

PostgresServer::PostgresServer() {
  const std::string root = folder_.path();
  if (const passwd* const user = unprivileged_user();
      user != nullptr && ::chown(root.c_str(), user->pw_uid, user->pw_gid) != 0) {
    throw std::runtime_error{"the folder cannot be given to postgres"};
  }
  const pid_t initdb = spawn({program("initdb"), "-D", root + "/data", "-U", "lares", "-A", "trust", "-E",
                              "UTF8", "--locale=C", "--no-sync", "--no-instructions"},
                             root + "/initdb.log");
  int status = 0;
  ::waitpid(initdb, &status, 0);
  if (status != 0) {
    throw std::runtime_error{"initdb failed"};
  }
  start();
}

PostgresServer::~PostgresServer() {
  stop();
}

std::string PostgresServer::socket_folder() const {
  return folder_.path();
}

void PostgresServer::start() {
  const std::string root = folder_.path();
  process_ = spawn({program("postgres"), "-D", root + "/data", "-k", root, "-c", "listen_addresses=", "-c",
                    "max_connections=60", "-c", "shared_buffers=32MB", "-c", "log_min_messages=fatal"},
                   root + "/postgres.log");
  const std::string conninfo = fmt::format("host={} user=lares dbname=postgres connect_timeout=5", root);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (PQping(conninfo.c_str()) != PQPING_OK) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error{"PostgreSQL did not start"};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
}

void PostgresServer::create_database(const std::string& name) {
  const std::string conninfo = fmt::format("host={} user=lares dbname=postgres", socket_folder());
  PGconn* const connection = PQconnectdb(conninfo.c_str());
  const std::string sql =
      fmt::format("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'", name);
  PGresult* const result = PQexec(connection, sql.c_str());
  const bool made = PQresultStatus(result) == PGRES_COMMAND_OK;
  const std::string error = PQerrorMessage(connection);
  PQclear(result);
  PQfinish(connection);
  if (!made) {
    throw std::runtime_error{"CREATE DATABASE: " + error};
  }
}

void PostgresServer::kill() {
  // Stopped first, so that it starts nothing new meanwhile.
  ::kill(process_, SIGSTOP);
  std::vector<pid_t> all = children_of(process_);
  all.push_back(process_);
  for (const pid_t one : all) {
    ::kill(one, SIGKILL);
  }
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
  for (const pid_t one : all) {
    while (::kill(one, 0) == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }
}

void PostgresServer::stop() noexcept {
  if (process_ > 0) {
    ::kill(process_, SIGQUIT);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }
}

}  // namespace lares::storage::test
