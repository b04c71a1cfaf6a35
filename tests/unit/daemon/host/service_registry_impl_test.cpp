// SPDX-License-Identifier: Apache-2.0
#include <host/service_registry_impl.hpp>

#include <lares/base/error.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lares::host {
namespace {

struct Clock {
  static constexpr std::string_view kServiceId = "test.clock/1";
};

TEST(ServiceRegistry, GivesWhatWasProvided) {
  ServiceRegistryImpl registry;
  Clock clock;
  registry.set_plugin("a");
  registry.provide(clock);
  EXPECT_EQ(&registry.get<Clock>(), &clock);
  EXPECT_EQ(registry.find<Clock>(), &clock);
  EXPECT_EQ(registry.provided_by("a"), std::vector<std::string>{"test.clock/1"});
}

TEST(ServiceRegistry, RefusesASecondProviderNamingBoth) {
  ServiceRegistryImpl registry;
  Clock one;
  Clock two;
  registry.set_plugin("a");
  registry.provide(one);
  registry.set_plugin("b");
  try {
    registry.provide(two);
    FAIL();
  } catch (const StartError& error) {
    EXPECT_EQ(std::string(error.what()),
              "Both \"a\" and \"b\" provide test.clock/1. Only one of them can be active: remove one, or "
              "change what "
              "activates it.");
  }
}

TEST(ServiceRegistry, NamesWhoCouldProvideWhatIsMissing) {
  ServiceRegistryImpl registry;
  EXPECT_EQ(registry.find<Clock>(), nullptr);
  registry.set_known_providers(
      [](std::string_view) { return std::vector<std::string>{"sundial", "hourglass"}; });
  try {
    static_cast<void>(registry.get<Clock>());
    FAIL();
  } catch (const StartError& error) {
    EXPECT_EQ(std::string(error.what()),
              "test.clock/1 is needed, and \"sundial\" or \"hourglass\", which would provide it, is not "
              "active in this "
              "process.");
  }
}

TEST(ServiceRegistry, KeepsParticipantsInDeclaredOrderThenByPlugin) {
  ServiceRegistryImpl registry;
  Clock late;
  Clock second;
  Clock first;
  registry.set_plugin("z");
  registry.join(late, 5);
  registry.join(second);
  registry.set_plugin("a");
  registry.join(first);
  EXPECT_EQ(registry.all<Clock>(), (std::vector<Clock*>{&first, &second, &late}));
}

TEST(ServiceRegistry, IsClosedOnceEveryPluginIsConstructed) {
  ServiceRegistryImpl registry;
  Clock clock;
  registry.seal();
  EXPECT_THROW(registry.provide(clock), std::logic_error);
  EXPECT_THROW(registry.join(clock), std::logic_error);
}

}  // namespace
}  // namespace lares::host
