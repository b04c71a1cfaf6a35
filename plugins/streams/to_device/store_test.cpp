// SPDX-License-Identifier: Apache-2.0
// The messages that wait, on both engines.
#include "store.hpp"

#include <storage_test.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "schema.hpp"

namespace lares::to_device {
namespace {

using storage::Bytes;
using storage::ColumnType;
using storage::ReadTransaction;
using storage::Row;
using storage::Statement;
using storage::WriteTransaction;

constexpr std::int64_t kBob = 7;
constexpr std::int64_t kForEver = std::int64_t{1} << 60;

Change change(std::string_view txn_id, const std::vector<std::string>& devices,
              std::string_view json = "{}") {
  Change made{.scope = "@alice:s PHONE",
              .type = "m.dummy",
              .txn_id = std::string{txn_id},
              .created_ts = 1,
              .messages = {}};
  for (const std::string& device : devices) {
    made.messages.push_back(
        {.user = kBob, .user_id = "@bob:s", .device_id = device, .json = std::string{json}});
  }
  return made;
}

std::vector<std::string> many_devices(std::size_t count) {
  std::vector<std::string> devices;
  for (std::size_t i = 0; i < count; ++i) {
    devices.push_back(fmt::format("DEVICE{}", i));
  }
  return devices;
}

class ToDeviceStore : public storage::test::StorageTest {
 protected:
  ToDeviceStore() {
    const std::vector<storage::Schema> schemas{to_device_schema()};
    run_blocking(runtime_, "test", storage::migrate(*database_, schemas, 1));
  }

  /// Gives how often the database was asked.
  std::uint32_t put(const Change& change, std::int64_t position) {
    return write([&](WriteTransaction& tx) {
      store(tx, change, position);
      return tx.calls();
    });
  }
  /// A device that has had messages up to this number, and has received all but the newest `waiting`. They
  /// stand at the positions of their numbers.
  void fill(std::string_view device, std::int64_t newest, std::int64_t waiting) {
    static constexpr storage::InsertMany kFill{"to_device_messages",
                                               {{{"account", ColumnType::Integer},
                                                 {"device_id", ColumnType::Bytes},
                                                 {"position", ColumnType::Integer},
                                                 {"number", ColumnType::Integer},
                                                 {"message", ColumnType::Bytes}}}};
    std::vector<std::int64_t> numbers;
    for (std::int64_t number = newest - waiting + 1; number <= newest; ++number) {
      numbers.push_back(number);
    }
    write([&](WriteTransaction& tx) {
      tx.insert_many(kFill, numbers, [&](std::int64_t number) {
        return std::tuple{kBob, Bytes{device}, number, number, Bytes{"{}"}};
      });
    });
  }
  /// Number of the oldest that waits for a device, of the newest, and how many there are.
  std::tuple<std::int64_t, std::int64_t, std::int64_t> numbers(std::string_view device) {
    static constexpr Statement kNumbers{
        "SELECT MIN(number), MAX(number), COUNT(*) FROM to_device_messages WHERE account = $1 AND device_id "
        "= $2"};
    return read([&](ReadTransaction& tx) {
      return tx.one(kNumbers, kBob, Bytes{device},
                    [](const Row& row) { return std::tuple{row.i64(0), row.i64(1), row.i64(2)}; });
    });
  }
  std::vector<std::string> messages(std::string_view device) {
    return read([&](ReadTransaction& tx) { return page(tx, kBob, device, 0, kForEver, 100); }).messages;
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, ToDeviceStore, testing::ValuesIn(storage::test::engine_cases()),
                         storage::test::case_name);

using Numbers = std::tuple<std::int64_t, std::int64_t, std::int64_t>;

TEST_P(ToDeviceStore, AMessageToAnyNumberOfDevicesAsksTheDatabaseTheSameNumberOfTimes) {
  // The transaction id, messages, their numbers.
  EXPECT_EQ(put(change("two", many_devices(2)), 20'001), 3U);
  EXPECT_EQ(put(change("many", many_devices(5'000)), 20'002), 3U);
  EXPECT_EQ(numbers("DEVICE0"), (Numbers{1, 2, 2}));
  EXPECT_EQ(numbers("DEVICE4999"), (Numbers{1, 1, 1}));
  // With one more, for the oldest of all that have too many.
  std::vector<std::string> full{"FULL0", "FULL1", "FULL2"};
  for (const std::string& device : full) {
    fill(device, kMostWaiting, kMostWaiting);
  }
  EXPECT_EQ(put(change("full", full), 20'003), 4U);
  for (const std::string& device : full) {
    EXPECT_EQ(numbers(device), (Numbers{2, kMostWaiting + 1, kMostWaiting}));
  }
}

TEST_P(ToDeviceStore, EachDeviceKeepsItsNewestWhateverTheOthersHave) {
  fill("FULL", kMostWaiting + 5, kMostWaiting);
  // So many came, but few wait.
  fill("SLOW", kMostWaiting + 5, 3);
  fill("ALMOST", kMostWaiting - 1, kMostWaiting - 1);
  const std::vector<std::string> all{"FULL", "SLOW", "NEW", "ALMOST"};
  put(change("1", all), 20'001);
  EXPECT_EQ(numbers("FULL"), (Numbers{7, kMostWaiting + 6, kMostWaiting}));
  EXPECT_EQ(numbers("SLOW"), (Numbers{kMostWaiting + 3, kMostWaiting + 6, 4}));
  EXPECT_EQ(numbers("NEW"), (Numbers{1, 1, 1}));
  EXPECT_EQ(numbers("ALMOST"), (Numbers{1, kMostWaiting, kMostWaiting}));
  put(change("2", all), 20'002);
  EXPECT_EQ(numbers("FULL"), (Numbers{8, kMostWaiting + 7, kMostWaiting}));
  EXPECT_EQ(numbers("ALMOST"), (Numbers{2, kMostWaiting + 1, kMostWaiting}));
  // To one alone, by another statement.
  put(change("3", {"FULL"}), 20'003);
  EXPECT_EQ(numbers("FULL"), (Numbers{9, kMostWaiting + 8, kMostWaiting}));
  put(change("4", {"SLOW"}), 20'004);
  EXPECT_EQ(numbers("SLOW"), (Numbers{kMostWaiting + 3, kMostWaiting + 8, 6}));
  put(change("5", {"NEW"}), 20'005);
  EXPECT_EQ(numbers("NEW"), (Numbers{1, 3, 3}));
}

TEST_P(ToDeviceStore, ARepeatedRequestAddsNothing) {
  put(change("same", many_devices(3), R"({"n":1})"), 1);
  EXPECT_EQ(put(change("same", many_devices(3), R"({"n":1})"), 2), 1U);
  EXPECT_EQ(messages("DEVICE1"), std::vector<std::string>{R"({"n":1})"});
}

TEST_P(ToDeviceStore, DevicesForWhichSomethingWaitsComeOnceAndInSteps) {
  EXPECT_EQ(read(&last_position), 0);
  put(change("1", many_devices(3)), 5);
  put(change("2", {"DEVICE1"}), 6);
  EXPECT_EQ(read(&last_position), 6);
  std::vector<std::string> found;
  for (Addressee after;;) {
    const std::vector<Addressee> step =
        read([&after](ReadTransaction& tx) { return addressees(tx, after, 2); });
    if (step.empty()) {
      break;
    }
    for (const Addressee& one : step) {
      EXPECT_EQ(one.user, kBob);
      found.push_back(one.device_id);
    }
    after = step.back();
  }
  EXPECT_EQ(found, many_devices(3));
}

TEST_P(ToDeviceStore, LargeMessagesGoInStatementsOfFourMegabytes) {
  const std::string large(std::size_t{3} << 19U, 'x');
  // Five of 1.5 MB: two, two and one.
  EXPECT_EQ(put(change("large", many_devices(5), large), 1), 5U);
  for (const std::string& device : many_devices(5)) {
    EXPECT_EQ(messages(device), std::vector<std::string>{large});
  }
  // One that is larger than a statement may be goes all the same.
  const std::string huge(std::size_t{5} << 20U, 'y');
  EXPECT_EQ(put(change("huge", many_devices(2), huge), 2), 4U);
  EXPECT_EQ(messages("DEVICE1"), (std::vector<std::string>{large, huge}));
}

}  // namespace
}  // namespace lares::to_device
