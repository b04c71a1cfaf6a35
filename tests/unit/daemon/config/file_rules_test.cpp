// SPDX-License-Identifier: Apache-2.0
#include "config_fixture.hpp"

#include <config/host_keys.hpp>

namespace lares::config {
namespace {

class FileRules : public ConfigTest {
 protected:
  FileRules() { declare_host_keys(keys_); }

  /// What is said about a file whose names of files are looked at; @ stands for the folder of the test.
  std::string about(std::string text) {
    for (std::size_t at = 0; (at = text.find('@')) != std::string::npos;) {
      text.replace(at, 1, folder_.string());
    }
    const auto path = write("homeserver.yaml", "server_name: a\n" + text);
    return said(load({.paths = {path}, .environment = {}, .look_at_files = true}, keys_));
  }

  static constexpr std::string_view kKey = "ed25519 a_1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
};

TEST_F(FileRules, AreSilentWhereEverythingIsThereOrWillBeMade) {
  write("a.signing.key", kKey);
  write("server.log", "");
  EXPECT_EQ(about("data_dir: '@'\nlog: {file: '@/server.log'}\n"), "");
  EXPECT_EQ(about("signing_key_path: '@/new.key'\nlog: {file: '@/new.log'}\n"), "");
}

TEST_F(FileRules, NameEverythingThatIsMissingAtOnce) {
  write("key.pem", "x");
  EXPECT_EQ(
      about("data_dir: '@/data'\n"
            "signing_key_path: '@/keys/a.key'\n"
            "log: {file: '@/logs/a.log'}\n"
            "tls_certificate_path: '@/common.pem'\n"
            "tls_private_key_path: '@/key.pem'\n"
            "listeners:\n"
            "- {port: 1, tls: true, resources: [{names: [client]}]}\n"
            "- {port: 2, tls: true, resources: [{names: [client]}], tls_certificate_path: '@/own.pem',\n"
            "   tls_private_key_path: '@/own.key'}\n"),
      "homeserver.yaml:2: error: data_dir: cannot open the folder data: No such file or directory\n"
      "homeserver.yaml:3: error: signing_key_path: cannot open the folder keys: No such file or directory\n"
      "homeserver.yaml:4: error: log.file: cannot open the folder logs: No such file or directory\n"
      "homeserver.yaml:5: error: tls_certificate_path: cannot read common.pem: No such file or directory\n"
      "homeserver.yaml:9: error: listeners[1].tls_certificate_path: cannot read own.pem: No such file or "
      "directory\n"
      "homeserver.yaml:10: error: listeners[1].tls_private_key_path: cannot read own.key: No such file or "
      "directory\n");
}

TEST_F(FileRules, LeaveCertificatesAloneThatNoListenerUses) {
  EXPECT_EQ(about("tls_certificate_path: '@/none.pem'\n"), "");
}

TEST_F(FileRules, WantPrivateKeysThatOthersCannotRead) {
  write("cert.pem", "x");
  set_mode(write("key.pem", "x"), 0644);
  EXPECT_NE(
      about("tls_certificate_path: '@/cert.pem'\ntls_private_key_path: '@/key.pem'\n"
            "listeners: [{port: 1, tls: true, resources: [{names: [client]}]}]\n")
          .find(
              "error: tls_private_key_path: key.pem holds a secret, and anyone on this machine can read it"),
      std::string::npos);
}

TEST_F(FileRules, WantASigningKeyThatIsOneAndThereForWorkers) {
  write("bad.key", "nonsense\n");
  EXPECT_TRUE(
      about("signing_key_path: '@/bad.key'\n")
          .starts_with(
              "homeserver.yaml:2: error: signing_key_path: bad.key:1: expected \"ed25519 NAME SEED\""));
  EXPECT_NE(about("worker_app: generic_worker\nworker_name: w\ninstance_map: {main: {path: /m}}\n"
                  "signing_key_path: '@/none.key'\n")
                .find("signing_key_path: cannot read none.key: No such file or directory"),
            std::string::npos);
}

}  // namespace
}  // namespace lares::config
