// SPDX-License-Identifier: Apache-2.0
#include "http_support.hpp"

#include <http/listener_config.hpp>

#include <lares/base/error.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace lares::http::test {
namespace {

bool has(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

TEST(ListenerConfigTest, ReadsWhatAdministratorsWrite) {
  TestConfig config;
  config.set("listeners",
             nlohmann::json::parse(R"([{"port": 8008, "tls": false, "type": "http", "x_forwarded": true,
                 "bind_addresses": ["127.0.0.1"], "request_id_header": "X-Request-Id",
                 "resources": [{"names": ["client", "federation"], "compress": false}, {"names": ["metrics"], "compress": true}]},
                {"path": "/run/lares.sock", "mode": 432, "tag": "proxy"},
                {"port": 9000, "type": "metrics"}])"));
  const std::vector<ListenerConfig> listeners = read_listeners(config, true);
  ASSERT_EQ(listeners.size(), 3U);
  EXPECT_EQ(listeners[0].port, 8008);
  EXPECT_EQ(listeners[0].tag, "8008");
  EXPECT_TRUE(listeners[0].x_forwarded);
  EXPECT_EQ(listeners[0].request_id_header, "X-Request-Id");
  for (const char* resource : {"client", "federation", "media", "keys", "metrics", "health"}) {
    EXPECT_TRUE(has(listeners[0].resources, resource)) << resource;
  }
  EXPECT_EQ(listeners[0].compressed, std::vector<std::string>{"metrics"});
  EXPECT_EQ(listeners[1].path, "/run/lares.sock");
  EXPECT_EQ(listeners[1].mode, 0660U);
  EXPECT_TRUE(listeners[1].x_forwarded);
  EXPECT_EQ(listeners[1].tag, "proxy");
  EXPECT_TRUE(has(listeners[2].resources, "metrics"));
  EXPECT_EQ(listeners[2].bind_addresses, std::vector<std::string>{"0.0.0.0"});
}

TEST(ListenerConfigTest, NamesTheEntryThatIsWrong) {
  for (const char* text : {R"([{}])", R"([{"port": 70000}])", R"([{"port": "8008"}])", R"(["8008"])",
                           R"([{"port": 8008, "type": "manhole"}])", R"([{"port": 8008, "tls": true}])",
                           R"([{"path": "/run/x", "tls": true}])"}) {
    TestConfig config;
    config.set("worker_listeners", nlohmann::json::parse(text));
    try {
      static_cast<void>(read_listeners(config, false));
      ADD_FAILURE() << text;
    } catch (const StartError& error) {
      EXPECT_NE(std::string(error.what()).find("worker_listeners[0]"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace lares::http::test
