// SPDX-License-Identifier: Apache-2.0
#include "config_fixture.hpp"

#include <config/explain.hpp>

namespace lares::config {
namespace {

class Explain : public ConfigTest {
 protected:
  Explain() {
    declare({.path = "rc_message.per_second", .type = ConfigType::Number, .default_value = "0.2"});
    declare({.path = "password", .default_value = "null", .secret = true});
    declare({.path = "rules", .type = ConfigType::List, .default_value = "[]", .reload = Reload::Live});
    declare({.path = "rules[].action", .default_value = "deny"});
    declare({.path = "free", .type = ConfigType::Map, .default_value = "{}"});
    declare({.path = "presence.enabled", .default_value = "yes", .aliases = {"use_presence"}});
  }

  /// What is said about a key, or why there is nothing to say.
  std::string about(std::string_view path) {
    const auto text = explain(keys_, path, nullptr);
    return text ? *text : text.error();
  }
};

TEST_F(Explain, KnowsTheFileOfASecret) {
  const std::string text = about("password_path");
  EXPECT_TRUE(text.starts_with("password_path\n  File that holds password, in place of that key: ")) << text;
  EXPECT_NE(text.find("variable  LARES_PASSWORD_PATH\n"), std::string::npos) << text;
}

TEST_F(Explain, KnowsWhatTheCheckLetsPassOrRefuses) {
  EXPECT_EQ(about("admin_contact"), "admin_contact\n  known to Synapse, has no effect in this version\n");
  EXPECT_NE(about("log_config").find("write a `log` section"), std::string::npos);
  EXPECT_NE(about("worker_replication_http_port").find("Refused: workers find the main process"),
            std::string::npos);
  EXPECT_EQ(about("use_presence"), "use_presence\n  The older name of presence.enabled: A key of a test.\n");
}

TEST_F(Explain, HidesWhatSoundsLikeASecretInAFreeMapHoweverItIsWritten) {
  const auto loaded = load_text("free: {apiKey: hush, Mode: loud}\n");
  ASSERT_TRUE(loaded.config) << said(loaded);
  const std::string text = explain(keys_, "free", loaded.config.get()).value();
  EXPECT_EQ(text.find("hush"), std::string::npos) << text;
  EXPECT_NE(text.find("loud"), std::string::npos) << text;
}

TEST_F(Explain, HidesWhatStandsBelowANameThatSoundsLikeASecretAndUrlsWithAPassword) {
  declare({.path = "tools[].config", .type = ConfigType::Map, .default_value = "{}"});
  declare({.path = "tools", .type = ConfigType::List, .default_value = "[]"});
  declare({.path = "place", .default_value = "null"});
  const auto loaded = load_text(
      "place: 'postgres://lares:hush@db/lares'\n"
      "tools:\n"
      "  - config:\n"
      "      secrets: {macaroon: hush, more: [hush, {deep: hush}], number: 4711}\n"
      "      secret.file: hush\n"
      "      credentials: [hush]\n"
      "      db: 'host=db Password=hush'\n"
      "      urls: ['https://me:hush@host/', 'https://loud/']\n"
      "      mode: {is: loud}\n");
  ASSERT_TRUE(loaded.config) << said(loaded);
  for (const auto* path : {"tools", "tools[0].config", "place"}) {
    const std::string text = explain(keys_, path, loaded.config.get()).value();
    EXPECT_EQ(text.find("hush"), std::string::npos) << text;
    EXPECT_EQ(text.find("4711"), std::string::npos) << text;
    EXPECT_NE(text.find("(set, not shown)"), std::string::npos) << text;
    EXPECT_EQ(text.find("https://loud/") != std::string::npos, std::string_view(path) != "place") << text;
    EXPECT_EQ(text.find("\"is\":\"loud\"") != std::string::npos, std::string_view(path) != "place") << text;
  }
}

TEST_F(Explain, GuessesGroupsToo) {
  EXPECT_EQ(about("rc_mesage"), "there is no key rc_mesage; did you mean rc_message?");
  EXPECT_EQ(about("pasword"), "there is no key pasword; did you mean password?");
}

TEST_F(Explain, SaysOfEntriesWhatIsTrueOfTheirList) {
  EXPECT_NE(about("rules[].action").find("change    counts after a reload (SIGHUP)"), std::string::npos);
  EXPECT_NE(reference(keys_).find("| `rules[].action` | a text | `deny` | live |"), std::string::npos);
}

}  // namespace
}  // namespace lares::config
