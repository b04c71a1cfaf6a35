// SPDX-License-Identifier: Apache-2.0
#include <lares/base/log.hpp>
#include <observe/process_metrics.hpp>
#include <observe/request_log.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace lares {
namespace {

using namespace std::chrono_literals;

RequestRecord sync_record() {
  RequestRecord record{.ip_address = "192.0.2.1",
                       .site_tag = "8008",
                       .requester = "@a:hs",
                       .processing = 1234567us,
                       .sending = -2ms,
                       .response_bytes = 357,
                       .code = 200,
                       .method = "GET",
                       .uri = "/_matrix/client/v3/sync?access_token=secret&since=5",
                       .protocol = "HTTP/1.1",
                       .user_agent = "Client/1.0"};
  record.usage = {.utime = 12ms,
                  .stime = 3ms,
                  .db_txn_count = 4,
                  .db_txn_duration = 25ms,
                  .db_sched_duration = 1ms,
                  .evt_db_fetch_count = 9};
  return record;
}

TEST(RequestLine, HasTheFieldsThatAdministratorsParse) {
  EXPECT_EQ(format_request_line(sync_record()),
            "192.0.2.1 - 8008 - {@a:hs} Processed request: 1.235sec/-0.002sec ru=(0.012sec, 0.003sec) "
            "db=(0.001sec/0.025sec/4) 357B 200 \"GET /_matrix/client/v3/sync?access_token=<redacted>&since=5 "
            "HTTP/1.1\" "
            "\"Client/1.0\" [9 dbevts]");
}

TEST(RequestLine, RoundsTimesToMilliseconds) {
  RequestRecord record = sync_record();
  record.processing = 1'234'567'499us;
  record.sending = -499us;
  record.usage.utime = 499'999ns;
  record.usage.stime = 500us;
  record.usage.db_sched_duration = 10'009ms;
  record.usage.db_txn_duration = 999'500us;
  const std::string line = format_request_line(record);
  EXPECT_NE(line.find(" 1234.567sec/-0.000sec ru=(0.000sec, 0.001sec) db=(10.009sec/1.000sec/4) "),
            std::string::npos)
      << line;
}

TEST(RequestLine, HasLongTargetsWhole) {
  RequestRecord record = sync_record();
  record.uri = "";
  EXPECT_NE(format_request_line(record).find(" \"GET  HTTP/1.1\" "), std::string::npos);
  const std::string path = "/" + std::string(5000, 'x');
  const std::string target = path + "?client_secret=s&" + std::string(5000, 'y') + "=z";
  record.uri = target;
  EXPECT_NE(format_request_line(record).find(" \"GET " + path + "?client_secret=<redacted>&" +
                                             std::string(5000, 'y') + "=z HTTP/1.1\" "),
            std::string::npos);
}

TEST(RequestLine, NamesNobodyAndPuppets) {
  RequestRecord record = sync_record();
  record.requester = "";
  EXPECT_NE(format_request_line(record).find(" - {None} "), std::string::npos);
  record.requester = "@bridged:hs";
  record.authenticated_entity = "@service:hs";
  EXPECT_NE(format_request_line(record).find(" - {@service:hs|@bridged:hs} "), std::string::npos);
}

// T6: a client that vanished shows as `!`, and with the status of a cancelled request as `499!`.
TEST(RequestLine, MarksClientsThatVanished) {
  RequestRecord record = sync_record();
  record.client_vanished = true;
  EXPECT_NE(format_request_line(record).find(" 357B 200! \"GET "), std::string::npos);
  record.code = 499;
  record.user_agent = "";
  EXPECT_NE(format_request_line(record).find(" 357B 499! \"GET "), std::string::npos);
  EXPECT_NE(format_request_line(record).find(" \"-\" [9 dbevts]"), std::string::npos);
}

TEST(RequestLine, RedactsEachSecretParameterAndNoOther) {
  EXPECT_EQ(redact_uri("/x"), "/x");
  EXPECT_EQ(redact_uri("/access_token=a"), "/access_token=a");
  EXPECT_EQ(redact_uri("/x?access_token"), "/x?access_token");
  EXPECT_EQ(redact_uri("/registration_token/validity?token=t&tokens=2"),
            "/registration_token/validity?token=<redacted>&tokens=2");
  EXPECT_EQ(redact_uri("/x?a=1&access_token=s&client_secret=t&access_token=&b"),
            "/x?a=1&access_token=<redacted>&client_secret=<redacted>&access_token=<redacted>&b");
}

class Lines : public log::Capture {
 public:
  Lines() { log::set_capture(this); }
  ~Lines() override { log::set_capture(nullptr); }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  void line(std::string_view text) override { all.emplace_back(text); }
  std::vector<std::string> all;
};

TEST(RequestLog, WritesInfoButDebugForHealthChecksAndOptions) {
  Lines lines;
  log::set_level("lares.access", log::Level::kInfo);
  const log::Logger access = access_logger("https", "8448");
  EXPECT_EQ(access.name(), "lares.access.https.8448");
  const ContextScope scope{LogContext::create("GET-17", "hs")};
  RequestRecord record = sync_record();
  log_request(access, record);
  log_received_request(access, "GET", "/x");
  record.uri = "/health";
  log_request(access, record);
  record.uri = "/x";
  record.method = "OPTIONS";
  log_request(access, record);
  EXPECT_EQ(lines.all.size(), 1U);
  EXPECT_NE(lines.all[0].find(" - INFO - GET-17 - 192.0.2.1 - 8008 - "), std::string::npos);
  log::set_level("lares.access", log::Level::kDebug);
  log_request(access, record);
  log_received_request(access, "GET", "/x?access_token=a");
  EXPECT_EQ(lines.all.size(), 3U);
  EXPECT_NE(lines.all[2].find("Received request: GET /x?access_token=<redacted>"), std::string::npos);
  log::set_level("lares.access", std::nullopt);
}

TEST(ProcessMetrics, ShowWhatTheKernelCounts) {
  metrics::Registry registry;
  const std::vector<std::string> servers{"hs1", "hs2"};
  const ProcessMetrics process{registry, "0.1.0", servers};
  const std::string text = registry.expose();
  const auto value = [&text](std::string_view name) {
    const std::size_t at = text.find("\n" + std::string{name} + " ");
    return at == std::string::npos ? -1.0 : std::stod(text.substr(at + name.size() + 2));
  };
  EXPECT_GE(value("process_cpu_seconds_total"), 0);
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
  EXPECT_GT(value("process_start_time_seconds"), 1.7e9);
  EXPECT_GE(value("process_open_fds"), 3);
  EXPECT_GT(value("process_max_fds"), 10);
  EXPECT_NE(text.find("synapse_build_info{version=\"0.1.0\""), std::string::npos);
  EXPECT_NE(text.find("synapse_server_name_info{server_name=\"hs2\"} 1"), std::string::npos);
}

}  // namespace
}  // namespace lares
