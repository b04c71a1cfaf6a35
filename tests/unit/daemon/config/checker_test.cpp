// SPDX-License-Identifier: Apache-2.0
#include "config_fixture.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <stdexcept>

namespace lares::config {
namespace {

using namespace std::chrono_literals;

class CheckerTest : public ConfigTest {
 protected:
  CheckerTest() {
    declare({.path = "name", .default_value = "x"});
    declare({.path = "open", .type = ConfigType::Bool, .default_value = "false"});
    declare({.path = "limits.count",
             .type = ConfigType::Integer,
             .default_value = "5",
             .minimum = 1,
             .maximum = 10});
    declare({.path = "limits.rate", .type = ConfigType::Number, .default_value = "0.5", .minimum = 0});
    declare({.path = "limits.time", .type = ConfigType::Duration, .default_value = "5m", .nullable = true});
    declare({.path = "limits.size", .type = ConfigType::Size, .default_value = "1M"});
    declare({.path = "tags", .type = ConfigType::Strings, .default_value = "[]"});
    declare({.path = "doors", .type = ConfigType::List, .default_value = "[]"});
    declare({.path = "doors[].port",
             .type = ConfigType::Integer,
             .default_value = "",
             .aliases = {"doors[].number"}});
    declare({.path = "doors[].kind", .default_value = "wood", .allowed = {"wood", "iron"}});
    declare({.path = "people", .type = ConfigType::Map, .default_value = "{}"});
    declare({.path = "people.*.age", .type = ConfigType::Integer, .default_value = "0"});
    declare({.path = "free", .type = ConfigType::Map, .default_value = "{}"});
    declare({.path = "password", .default_value = "null", .secret = true});
    declare({.path = "even",
             .type = ConfigType::Any,
             .default_value = "null",
             .check = [](const nlohmann::json& value) -> std::string {
               return value.is_number_integer() && value.get<int>() % 2 == 0 ? "" : "an even number";
             }});
  }
};

TEST_F(CheckerTest, FillsInDefaultsOfTheDeclaredTypes) {
  const auto result = load_text("");
  ASSERT_TRUE(result.config) << said(result);
  const Config& config = *result.config;
  EXPECT_EQ(config.string("name"), "x");
  EXPECT_FALSE(config.boolean("open"));
  EXPECT_EQ(config.integer("limits.count"), 5);
  EXPECT_EQ(config.number("limits.rate"), 0.5);
  EXPECT_EQ(config.duration("limits.time"), 5min);
  EXPECT_EQ(config.size("limits.size"), 1U << 20);
  EXPECT_TRUE(config.strings("tags").empty());
  EXPECT_EQ(config.string("password"), "");
  EXPECT_FALSE(config.is_set("limits.count"));
  EXPECT_EQ(config.origin("limits.count"), "default");
}

TEST_F(CheckerTest, ReadsValuesAndRemembersWhereTheyStand) {
  const auto result = load_text(
      "name: 11\nopen: yes\nlimits:\n  time: 30s\ntags: one\ndoors:\n  - port: 0x10\n  - {number: 2, kind: "
      "iron}\n"
      "people:\n  ann: {age: 3}\n  bob:\n");
  ASSERT_TRUE(result.config) << said(result);
  const LoadedConfig& config = *result.config;
  EXPECT_EQ(config.string("name"), "11");
  EXPECT_TRUE(config.boolean("open"));
  EXPECT_EQ(config.duration("limits.time"), 30s);
  EXPECT_EQ(config.strings("tags"), std::vector<std::string>{"one"});
  EXPECT_EQ(config.get("doors").dump(), R"([{"kind":"wood","port":16},{"kind":"iron","port":2}])");
  EXPECT_EQ(config.get("people").dump(), R"({"ann":{"age":3},"bob":{"age":0}})");
  EXPECT_EQ(without_folder(config.origin("limits.time")), "homeserver.yaml:4");
  EXPECT_EQ(without_folder(config.origin("doors[1].kind")), "homeserver.yaml:8");
  EXPECT_TRUE(config.is_set("limits"));
  EXPECT_EQ(said(result),
            "homeserver.yaml:8: warning: doors[1].number: is the older name of port; it still works\n");
}

TEST_F(CheckerTest, NamesEveryErrorAtOnceWithItsPlace) {
  const auto result = load_text(
      "nam: y\nopen: \"true\"\nlimits:\n  count: 11\n  rate: fast\n  time: soon\n  size: []\ndoors:\n  - "
      "kind: glass\n"
      "tags: {a: b}\npeople: [1]\neven: 3\n");
  EXPECT_FALSE(result.config);
  EXPECT_EQ(
      said(result),
      "homeserver.yaml:1: error: nam: unknown key; did you mean name?\n"
      "homeserver.yaml:2: error: open: expected true or false, found \"true\"; remove the quotes\n"
      "homeserver.yaml:4: error: limits.count: expected an integer from 1 to 10, found \"11\"\n"
      "homeserver.yaml:5: error: limits.rate: expected a number of at least 0, found \"fast\"\n"
      "homeserver.yaml:6: error: limits.time: expected a duration such as 30s, 5m or 1d, found \"soon\"\n"
      "homeserver.yaml:7: error: limits.size: expected a size such as 512K or 50M, found a list\n"
      "homeserver.yaml:9: error: doors[0].kind: expected one of wood, iron, found \"glass\"\n"
      "homeserver.yaml:9: error: doors[0].port: is required and missing: A key of a test.\n"
      "homeserver.yaml:10: error: tags: expected a list of texts, found a mapping\n"
      "homeserver.yaml:11: error: people: expected a mapping, found a list\n"
      "homeserver.yaml:12: error: even: expected an even number, found \"3\"\n");
  EXPECT_EQ(said(load_text("even: 4")), "");
  EXPECT_EQ(said(load_text("even: null")), "");
}

TEST_F(CheckerTest, ShowsNoSecretThatStandsInTheWrongPlace) {
  declare({.path = "store.args.password", .default_value = "null", .secret = true});
  declare({.path = "tools", .type = ConfigType::List, .default_value = "[]"});
  declare({.path = "tools[].config", .type = ConfigType::Map, .default_value = "{}"});
  for (const auto* text :
       {"password: [hush]", "password: {hush: hush}", "store: 'postgres://me:hush@db/x'",
        "store: {args: hush}", "store: {args: {password:hush}}", "store: {args: {password=hush}}",
        "store: {args: {pasword:hush}}", "password:hush: 1", "tools: hush", "tools: [hush]",
        "tools: [{config: hush}]", "free: hush"}) {
    const auto result = load_text(text);
    EXPECT_FALSE(result.config) << text;
    EXPECT_EQ(said(result).find("hush"), std::string::npos) << said(result);
  }
  EXPECT_EQ(said(load_text("store: {args: {password:hush}}")),
            "homeserver.yaml:1: error: store.args.password: there is no space behind the colon; write "
            "`password: VALUE`\n");
  // Where no secret belongs, what was found is shown.
  EXPECT_EQ(said(load_text("limits: many")),
            "homeserver.yaml:1: error: limits: expected a mapping, found \"many\"\n");
}

TEST_F(CheckerTest, GuessesWhereAMisplacedKeyBelongs) {
  EXPECT_EQ(said(load_text("count: 3\n")),
            "homeserver.yaml:1: error: count: unknown key; did you mean limits.count?\n");
  EXPECT_EQ(said(load_text("limits: {colour: 3}\n")),
            "homeserver.yaml:1: error: limits.colour: unknown key\n");
  EXPECT_EQ(said(load_text("turn_uri: 3\n")),
            "homeserver.yaml:1: error: turn_uri: unknown key; did you mean turn_uris?\n");
}

TEST_F(CheckerTest, LetsKeysOfSynapsePassWithAWarning) {
  const auto result = load_text("enable_search: true\nlog_config: /etc/log.yaml\n");
  EXPECT_TRUE(result.config);
  EXPECT_EQ(said(result),
            "homeserver.yaml:1: warning: enable_search: known to Synapse, has no effect in this version\n"
            "homeserver.yaml:2: warning: log_config: Synapse's logging file is not read and has no effect; "
            "write a `log` "
            "section (level, levels, format, file)\n");
}

TEST_F(CheckerTest, LeavesPlacesForAnchorsAlone) {
  const auto result = load_text("x-limits: &limits {count: 7}\nlimits: *limits\n");
  ASSERT_TRUE(result.config) << said(result);
  EXPECT_EQ(said(result), "");
  EXPECT_EQ(result.config->integer("limits.count"), 7);
  EXPECT_FALSE(load_text("limits: {x-count: 7}\n").config);
}

TEST_F(CheckerTest, SaysWhatReplacesARemovedKey) {
  const auto result = load_text("worker_replication_http_port: 9093\n");
  EXPECT_FALSE(result.config);
  EXPECT_NE(said(result).find("instance_map: {main:"), std::string::npos);
}

TEST_F(CheckerTest, TellsNullFromTheDefaultWhereItIsAValue) {
  const auto result = load_text("limits: {time: null, count: null}\n");
  ASSERT_TRUE(result.config) << said(result);
  EXPECT_EQ(result.config->optional_duration("limits.time"), std::nullopt);
  EXPECT_EQ(result.config->duration("limits.time"), std::chrono::milliseconds::max());
  EXPECT_EQ(result.config->integer("limits.count"), 5);
  EXPECT_EQ(load_text("limits: {time: infinity}\n").config->optional_duration("limits.time"), std::nullopt);
}

TEST_F(CheckerTest, KeepsWhatStandsInAFreeMapAsItLooks) {
  const auto result = load_text("free: {a: [1, yes, x], b: {c: 1.5}}\n");
  ASSERT_TRUE(result.config);
  EXPECT_EQ(result.config->get("free").dump(), R"({"a":[1,true,"x"],"b":{"c":1.5}})");
}

TEST_F(CheckerTest, LetsTheEnvironmentWin) {
  const auto result =
      load_text("name: file\nlimits: {count: 2}\n",
                {{"LARES_NAME", "12: [not yaml"}, {"LARES_LIMITS__COUNT", "7"}, {"LARES_TAGS", "[a, b]"}});
  ASSERT_TRUE(result.config) << said(result);
  EXPECT_EQ(result.config->string("name"), "12: [not yaml");
  EXPECT_EQ(result.config->integer("limits.count"), 7);
  EXPECT_EQ(result.config->strings("tags").size(), 2U);
  EXPECT_EQ(result.config->origin("limits.count"), "environment LARES_LIMITS__COUNT");
}

TEST_F(CheckerTest, NamesTheVariableThatIsWrong) {
  const auto result =
      load_text("", {{"LARES_LIMITS__COUNT", "70"}, {"LARES_LIMITS__TIME", "["}, {"LARES_OPNE", "true"}});
  EXPECT_FALSE(result.config);
  const auto text = said(result);
  EXPECT_NE(text.find("environment LARES_LIMITS__COUNT: error: limits.count: expected an integer from 1 to "
                      "10, found \"70\""),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("environment LARES_LIMITS__TIME: error: limits.time: not valid YAML"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("environment LARES_OPNE: warning: no key has this variable; did you mean LARES_OPEN?"),
            std::string::npos)
      << text;
}

TEST_F(CheckerTest, ReadsASecretFromAFile) {
  const auto secret = write("secret", "hunter2\n");
  const auto result = load_text("password_path: " + secret.string() + "\n");
  ASSERT_TRUE(result.config) << said(result);
  EXPECT_EQ(result.config->string("password"), "hunter2");
  EXPECT_EQ(without_folder(result.config->origin("password")), "homeserver.yaml:1, from secret");
  EXPECT_EQ(load_text("", {{"LARES_PASSWORD_PATH", secret.string()}}).config->string("password"), "hunter2");
  EXPECT_EQ(
      load_text("password: other\n", {{"LARES_PASSWORD_PATH", secret.string()}}).config->string("password"),
      "hunter2");
  EXPECT_EQ(load_text("password_path: " + secret.string() + "\n", {{"LARES_PASSWORD", "env"}})
                .config->string("password"),
            "env");
}

TEST_F(CheckerTest, RefusesSecretFilesThatOthersCanRead) {
  const auto secret = write("secret", "hunter2\n");
  set_mode(secret, 0644);
  const auto result = load_text("password_path: " + secret.string() + "\n");
  EXPECT_FALSE(result.config);
  EXPECT_EQ(said(result),
            "homeserver.yaml:1: error: password_path: secret holds a secret, and anyone on this machine can "
            "read it: chmod o= secret\n");
  set_mode(secret, 0640);
  EXPECT_TRUE(load_text("password_path: " + secret.string() + "\n").config);
}

TEST_F(CheckerTest, RefusesASecretGivenTwiceMissingOrEmpty) {
  const auto empty = write("empty", "\n");
  EXPECT_EQ(said(load_text("password: a\npassword_path: b\n")),
            "homeserver.yaml:2: error: password_path: password is given too; remove one of them\n");
  EXPECT_EQ(said(load_text("password_path: " + (folder_ / "none").string() + "\n")),
            "homeserver.yaml:1: error: password_path: cannot read none: No such file or directory\n");
  EXPECT_EQ(said(load_text("password_path: " + empty.string() + "\n")),
            "homeserver.yaml:1: error: password_path: the file empty is empty\n");
}

TEST_F(CheckerTest, DoesNotRepeatASecretInAMessage) {
  EXPECT_EQ(said(load_text("password: [hunter2]\n")),
            "homeserver.yaml:1: error: password: expected a text, found a list\n");
  EXPECT_EQ(said(load_text("password: true\n")).find("hunter2"), std::string::npos);
  EXPECT_EQ(
      said(load_text("{password hunter2, open: true}\n")),
      "homeserver.yaml:1: error: password: there is no colon behind the name; write `password: VALUE`\n");
  EXPECT_EQ(
      said(load_text("name: y\npasword=hunter2:\n")),
      "homeserver.yaml:2: error: pasword: there is no colon behind the name; write `password: VALUE`\n");
  EXPECT_EQ(said(load_text("limits: {colour hunter2}\n")),
            "homeserver.yaml:1: error: limits.colour: unknown key, without a colon behind its name\n");
}

TEST_F(CheckerTest, WarnsOfASecretInAFileThatOthersCanRead) {
  const auto path = write("homeserver.yaml", "password: hunter2\n");
  set_mode(path, 0644);
  const auto result = load({.paths = {path}, .environment = {}}, keys_);
  EXPECT_TRUE(result.config);
  EXPECT_NE(said(result).find(
                "homeserver.yaml:1: warning: password: is a secret, and anyone on this machine can read"),
            std::string::npos);
  EXPECT_EQ(said(result).find("hunter2"), std::string::npos);
}

TEST_F(CheckerTest, LooksAtDeclaredKeysOnlyWhenAskedTo) {
  const auto path = write("homeserver.yaml", "unknown: 1\nname: y\n");
  const auto result = load({.paths = {path}, .environment = {}}, keys_, Scope::DeclaredOnly);
  ASSERT_TRUE(result.config) << said(result);
  EXPECT_EQ(result.config->string("name"), "y");
  EXPECT_EQ(said(result), "");
}

TEST_F(CheckerTest, MovesAnOlderPathToWhereItBelongsNow) {
  declare({.path = "presence.enabled",
           .type = ConfigType::Bool,
           .default_value = "true",
           .aliases = {"use_presence"}});
  const auto result = load_text("use_presence: false\n");
  ASSERT_TRUE(result.config) << said(result);
  EXPECT_FALSE(result.config->boolean("presence.enabled"));
  EXPECT_EQ(
      said(result),
      "homeserver.yaml:1: warning: use_presence: is the older name of presence.enabled; it still works\n");
  EXPECT_FALSE(load_text("use_presence: false\npresence: {enabled: true}\n").config);
}

TEST_F(CheckerTest, ReadsAClosedSetThatHasBooleansInIt) {
  declare({.path = "seen",
           .type = ConfigType::Any,
           .default_value = "true",
           .allowed = {"true", "false", "blurred"}});
  EXPECT_EQ(load_text("seen: off\n").config->get("seen"), false);
  EXPECT_EQ(load_text("seen: blurred\n").config->get("seen"), "blurred");
  EXPECT_EQ(said(load_text("seen: maybe\n")),
            "homeserver.yaml:1: error: seen: expected one of true, false, blurred, found \"maybe\"\n");
  EXPECT_EQ(said(load_text("seen: 'true'\n")),
            "homeserver.yaml:1: error: seen: expected one of true, false, blurred, found \"true\"; remove "
            "the quotes\n");
  EXPECT_FALSE(load_text("seen: [blurred]\n").config);
}

TEST_F(CheckerTest, ClosesTheListOfRoomsWhereAnOlderKeySaysSo) {
  declare({.path = "allow_public_rooms_without_auth", .type = ConfigType::Bool, .default_value = "false"});
  const auto result =
      load_text("restrict_public_rooms_to_local_users: true\nallow_public_rooms_without_auth: true\n");
  ASSERT_TRUE(result.config) << said(result);
  EXPECT_FALSE(result.config->boolean("allow_public_rooms_without_auth"));
  EXPECT_TRUE(said(result).starts_with(
      "homeserver.yaml:1: warning: restrict_public_rooms_to_local_users: is an older "
      "key; allow_public_rooms_without_auth and "))
      << said(result);
  EXPECT_TRUE(
      load_text("restrict_public_rooms_to_local_users: false\nallow_public_rooms_without_auth: true\n")
          .config->boolean("allow_public_rooms_without_auth"));
  EXPECT_FALSE(load_text("restrict_public_rooms_to_local_users: perhaps\n").config);
}

TEST_F(CheckerTest, NamesTheFileOfASecretThatTheServerMakesUp) {
  declare({.path = "registration_shared_secret", .default_value = "null", .secret = true});
  const auto file = folder_ / "shared";
  const auto result = load_text("registration_shared_secret_path: " + file.string() + "\n");
  ASSERT_TRUE(result.config) << said(result);
  EXPECT_EQ(result.absent_secrets, std::vector<std::string>{file.string()});
  EXPECT_EQ(result.config->string("registration_shared_secret"), "");
  write("shared", "abc\n");
  const auto later = load_text("registration_shared_secret_path: " + file.string() + "\n");
  EXPECT_TRUE(later.absent_secrets.empty());
  EXPECT_EQ(later.config->string("registration_shared_secret"), "abc");
}

TEST_F(CheckerTest, RefusesSecretsInTheConfigurationWhereAskedTo) {
  const auto secret = write("secret", "hunter2");
  const auto load_strictly = [&](std::string_view text, std::map<std::string, std::string> environment = {}) {
    return load({.paths = {write("homeserver.yaml", text)},
                 .environment = std::move(environment),
                 .inline_secrets = false},
                keys_);
  };
  const auto result = load_strictly("password: hunter2\n");
  EXPECT_EQ(said(result),
            "homeserver.yaml:1: error: password: is a secret, and with --no-secrets-in-config no file of the "
            "configuration holds any: put it into a file of its own and name that with password_path\n");
  EXPECT_TRUE(load_strictly("password_path: " + secret.string() + "\n").config);
  EXPECT_TRUE(load_strictly("", {{"LARES_PASSWORD", "hunter2"}}).config);
}

TEST_F(CheckerTest, ThrowsWhereAPluginAsksForWhatNobodyDeclared) {
  const auto result = load_text("");
  EXPECT_THROW((void)result.config->get("nothing"), std::logic_error);
  EXPECT_THROW((void)result.config->boolean("name"), std::logic_error);
  EXPECT_THROW((void)result.config->integer("open"), std::logic_error);
  EXPECT_EQ(result.config->find("nothing"), nullptr);
}

}  // namespace
}  // namespace lares::config
