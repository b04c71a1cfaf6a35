// SPDX-License-Identifier: Apache-2.0
#include <config/file_rules.hpp>

#include <config/secret_file.hpp>
#include <config/signing_key.hpp>
#include <config/worker_rules.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

namespace lares::config {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class FileRules {
 public:
  explicit FileRules(RuleContext& rules)
      : rules_(rules), worker_(canonical_app(rules.text("worker_app")) != "homeserver") {}

  void check() {
    const std::string data = rules_.text("data_dir");
    const bool has_data = data.empty() || check_folder("data_dir", data);
    check_signing_key(data, has_data);
    if (const std::string log = rules_.text("log.file"); !log.empty()) {
      check_writable("log.file", log);
    }
    check_certificates(worker_ ? "worker_listeners" : "listeners");
  }

 private:
  bool check_folder(std::string_view key, const fs::path& folder) {
    std::error_code error;
    if (fs::is_directory(folder, error)) {
      return true;
    }
    rules_.error(key, error ? fmt::format("cannot open the folder {}: {}", folder.string(), error.message())
                            : fmt::format("{} is no folder", folder.string()));
    return false;
  }

  static fs::path folder_of(const fs::path& file) {
    return file.has_parent_path() ? file.parent_path() : fs::path(".");
  }

  void check_signing_key(const std::string& data, bool has_data) {
    constexpr std::string_view kKey = "signing_key_path";
    const std::string given = rules_.text(kKey);
    const std::string name = rules_.text("server_name");
    if (given.empty() && (name.empty() || !has_data || rules_.at("data_dir") == nullptr)) {
      return;
    }
    const fs::path file = given.empty() ? fs::path(data) / (name + ".signing.key") : fs::path(given);
    std::error_code error;
    // The main process makes it where there is none.
    if (!worker_ && !fs::exists(file, error) && !error) {
      check_folder(kKey, folder_of(file));
      return;
    }
    if (const auto keys = read_signing_keys(file); !keys) {
      rules_.error(kKey, keys.error());
    }
  }

  void check_writable(std::string_view key, const fs::path& file) {
    std::error_code error;
    if (!fs::exists(file, error) && !error) {
      check_folder(key, folder_of(file));
    } else if (fs::is_directory(file, error)) {
      rules_.error(key, fmt::format("{} is a folder", file.string()));
    } else if (::access(file.c_str(), W_OK) != 0) {
      rules_.error(key, fmt::format("cannot write {}: {}", file.string(), std::strerror(errno)));
    }
  }

  /// Of those listeners only that speak TLS: what nobody uses may be missing.
  void check_certificates(const std::string& list) {
    const json* listeners = rules_.at(list);
    bool common = false;
    for (std::size_t i = 0; listeners != nullptr && listeners->is_array() && i < listeners->size(); ++i) {
      const json& listener = (*listeners)[i];
      const json tls = listener.is_object() ? listener.value("tls", json()) : json();
      if (tls != true) {
        continue;
      }
      const json certificate = listener.value("tls_certificate_path", json());
      const json key = listener.value("tls_private_key_path", json());
      if (certificate.is_string() && key.is_string()) {
        const std::string path = fmt::format("{}[{}].", list, i);
        check_certificate(path, certificate.get<std::string>(), key.get<std::string>());
      }
      common = common || certificate.is_null();
    }
    if (common) {
      check_certificate("", rules_.text("tls_certificate_path"), rules_.text("tls_private_key_path"));
    }
  }

  void check_certificate(const std::string& path, const std::string& certificate, const std::string& key) {
    if (!certificate.empty() && ::access(certificate.c_str(), R_OK) != 0) {
      rules_.error(path + "tls_certificate_path",
                   fmt::format("cannot read {}: {}", certificate, std::strerror(errno)));
    }
    if (key.empty()) {
      return;
    }
    if (const auto read = read_secret_file(key); !read) {
      rules_.error(path + "tls_private_key_path", read.error());
    }
  }

  RuleContext& rules_;
  const bool worker_;
};

}  // namespace

void check_file_rules(RuleContext& rules) {
  FileRules(rules).check();
}

}  // namespace lares::config
