// SPDX-License-Identifier: Apache-2.0
#include <config/host_keys.hpp>
#include <config/loader.hpp>
#include <ctl/registration.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace lares::ctl {
namespace {

/// The endpoint of a main process whose configuration has these listeners.
std::optional<http::Endpoint> endpoint_with(std::string_view listeners) {
  config::KeySet keys;
  config::declare_host_keys(keys);
  config::Sources sources;
  sources.names = {"homeserver.yaml"};
  sources.root =
      config::parse_document("server_name: hs1\nlisteners: " + std::string(listeners), 0, "x").value();
  return own_endpoint(*config::check(sources, keys).config);
}

TEST(Registration, SignsWhatItSendsWithTheSharedSecret) {
  const auto body = nlohmann::json::parse(
      registration_body({.name = "ann", .password = "pässword", .admin = true}, "thenonce", "secret"));
  EXPECT_EQ(body["username"], "ann");
  EXPECT_EQ(body["admin"], true);
  // printf 'thenonce\0ann\0pässword\0admin' | openssl dgst -sha1 -hmac secret
  EXPECT_EQ(body["mac"], "1116b28b833339995da99604a4626c3c7063bc0b");
}

TEST(Registration, ReadsWhereTheServerIs) {
  const auto plain = parse_server_url("http://localhost:8008/");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "localhost");
  EXPECT_EQ(plain->port, 8008);
  EXPECT_FALSE(plain->tls);
  const auto tls = parse_server_url("https://[::1]");
  ASSERT_TRUE(tls);
  EXPECT_EQ(tls->host, "::1");
  EXPECT_EQ(tls->port, 443);
  EXPECT_TRUE(tls->tls);
  for (const auto* url : {"localhost:8008", "http://", "http://a/b", "http://a:0", "http://a:x", "http://u@h",
                          "http://[::1", "http://[::1]x", "ftp://a"}) {
    EXPECT_FALSE(parse_server_url(url)) << url;
  }
}

TEST(Registration, FindsTheServerByItsListeners) {
  const auto first =
      endpoint_with("[{port: 9000, type: metrics}, {port: 8008, resources: [{names: [client]}]}]");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->host, "localhost");
  EXPECT_EQ(first->port, 8008);
  const auto bound =
      endpoint_with("[{port: 8008, bind_addresses: ['10.1.2.3'], resources: [{names: [client]}]}]");
  EXPECT_EQ(bound->host, "10.1.2.3");
  const auto unix_socket = endpoint_with("[{path: /run/x, resources: [{names: [federation, client]}]}]");
  EXPECT_EQ(unix_socket->unix_path, "/run/x");
  EXPECT_FALSE(endpoint_with("[{port: 1, resources: [{names: [federation]}]}]"));
}

}  // namespace
}  // namespace lares::ctl
