// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/config_keys.hpp>

#include <algorithm>
#include <array>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>

namespace lares::storage {

namespace {

struct LibpqKey {
  std::string_view name;
  std::string_view meaning;
  bool secret = false;
  std::string_view words = {};  ///< the closed set of values, if it is one, with spaces between
};

// What libpq takes in a connection string: texts, and numbers with quotation marks or without; the daemon
// checks those that have to be numbers.
constexpr std::array<LibpqKey, 29> kLibpqKeys{{
    {"user", "PostgreSQL: the role to connect as."},
    {"password", "PostgreSQL: its password.", true},
    {"dbname", "PostgreSQL: the database's name."},
    {"host", "PostgreSQL: host name, or the folder of its unix socket."},
    {"hostaddr", "PostgreSQL: address, in place of looking the host name up."},
    {"port", "PostgreSQL: port."},
    {"passfile", "PostgreSQL: file with passwords."},
    {"service", "PostgreSQL: section of the connection service file."},
    {"options", "PostgreSQL: options for the server at the start of a connection."},
    {"application_name",
     "PostgreSQL: the name shown in pg_stat_activity; default lares and the worker's name."},
    {"connect_timeout", "PostgreSQL: seconds to wait for a connection; default 10."},
    {"keepalives", "PostgreSQL: 0 switches TCP keepalives off."},
    {"keepalives_idle", "PostgreSQL: seconds without traffic before a keepalive is sent."},
    {"keepalives_interval", "PostgreSQL: seconds between keepalives that are not answered."},
    {"keepalives_count", "PostgreSQL: keepalives that may stay unanswered."},
    {"tcp_user_timeout", "PostgreSQL: milliseconds that data may stay unacknowledged."},
    {"sslmode", "PostgreSQL: whether TLS is spoken, and how much of the server is verified.", false,
     "disable allow prefer require verify-ca verify-full"},
    {"sslcompression", "PostgreSQL: 1 compresses TLS."},
    {"sslcert", "PostgreSQL: the client's certificate."},
    {"sslkey", "PostgreSQL: the client's key."},
    {"sslpassword", "PostgreSQL: the password of the client's key.", true},
    {"sslrootcert", "PostgreSQL: certificates of authorities to trust."},
    {"sslcrl", "PostgreSQL: revoked certificates."},
    {"ssl_min_protocol_version", "PostgreSQL: lowest TLS version.", false, "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3"},
    {"channel_binding", "PostgreSQL: whether the password is bound to the TLS connection.", false,
     "disable prefer require"},
    {"gssencmode", "PostgreSQL: whether GSSAPI encrypts the connection.", false, "disable prefer require"},
    {"krbsrvname", "PostgreSQL: Kerberos service name."},
    {"target_session_attrs", "PostgreSQL: which of several hosts is wanted; default read-write.", false,
     "any read-write read-only primary standby prefer-standby"},
    {"client_encoding", "PostgreSQL: accepted and without effect, since everything is UTF-8."},
}};

ConfigKey key(std::string path, ConfigType type, std::string default_value, std::string meaning) {
  ConfigKey result;
  result.path = std::move(path);
  result.type = type;
  result.default_value = std::move(default_value);
  result.meaning = std::move(meaning);
  return result;
}

}  // namespace

void declare_database_keys(Declarations& declarations) {
  ConfigKey name = key("database.name", ConfigType::String, "sqlite3",
                       "The engine: sqlite3 for one process, psycopg2 (PostgreSQL) for one or many.");
  name.allowed = {"sqlite3", "psycopg2"};
  declarations.config(name);
  ConfigKey limit = key("database.txn_limit", ConfigType::Integer, "0",
                        "PostgreSQL: a connection is closed after this many transactions; 0 for never.");
  limit.minimum = 0;
  declarations.config(limit);
  declarations.config(key("database.allow_unsafe_locale", ConfigType::Bool, "false",
                          "PostgreSQL: start although the database's collation is not C."));
  declarations.config(key("database.run_writes_twice", ConfigType::Bool, "false",
                          "For tests: every write runs twice, the first time rolled back."));
  declarations.config(
      key("database.args.database", ConfigType::String, "null",
          "SQLite: the file, default homeserver.db in data_dir. PostgreSQL: an older name of dbname."));
  ConfigKey minimum = key("database.args.cp_min", ConfigType::Integer, "5",
                          "PostgreSQL: connections that are kept open. SQLite: without effect.");
  minimum.minimum = 0;
  declarations.config(minimum);
  ConfigKey maximum = key("database.args.cp_max", ConfigType::Integer, "10",
                          "PostgreSQL: most connections of this process. SQLite: without effect.");
  maximum.minimum = 1;
  maximum.maximum = 1000;
  declarations.config(maximum);
  for (const std::string_view ignored :
       {"cp_reconnect", "cp_noisy", "cp_openfun", "check_same_thread", "timeout"}) {
    declarations.config(key("database.args." + std::string{ignored}, ConfigType::Any, "null",
                            "Accepted from older configurations; without effect."));
  }
  for (const LibpqKey& libpq : kLibpqKeys) {
    ConfigKey one = key("database.args." + std::string{libpq.name}, ConfigType::String, "null",
                        std::string{libpq.meaning});
    one.secret = libpq.secret;
    for (const auto word : libpq.words | std::views::split(' ')) {
      one.allowed.emplace_back(std::string_view(word));
    }
    declarations.config(one);
  }
}

std::vector<std::pair<std::string, std::string>> libpq_parameters(const Config& config) {
  std::vector<std::pair<std::string, std::string>> result;
  for (const LibpqKey& libpq : kLibpqKeys) {
    const std::string path = "database.args." + std::string{libpq.name};
    if (!config.is_set(path) || libpq.name == "client_encoding") {
      continue;
    }
    if (std::string value = config.string(path); !value.empty()) {
      result.emplace_back(libpq.name, std::move(value));
    }
  }
  const bool has_name = std::ranges::any_of(result, [](const auto& one) { return one.first == "dbname"; });
  if (!has_name && config.is_set("database.args.database")) {
    result.emplace_back("dbname", config.string("database.args.database"));
  }
  result.emplace_back("client_encoding", "UTF8");
  return result;
}

}  // namespace lares::storage
