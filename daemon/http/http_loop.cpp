// SPDX-License-Identifier: Apache-2.0
#include <http/connection.hpp>
#include <http/http_loop.hpp>
#include <http/http_metrics.hpp>
#include <http/standard_headers.hpp>

#include <lares/async/runtime.hpp>

#include <fmt/format.h>

#include <array>
#include <ctime>
#include <utility>

namespace lares::http {

HttpLoop::HttpLoop(HttpCore& core, Loop& loop)
    : core_(core),
      loop_(loop),
      wheel_(loop.now()),
      scratch_(std::make_unique_for_overwrite<std::array<char, std::size_t{64} * 1024>>()) {
  empty_.set();
}

HttpLoop::~HttpLoop() = default;

void HttpLoop::adopt(std::unique_ptr<Stream> stream, std::shared_ptr<const ListenerSettings> settings,
                     std::string peer) {
  if (core_.draining.load(std::memory_order_relaxed)) {
    core_.connections.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  ++size_;
  empty_.reset();
  const RefPtr<Connection> connection =
      make_ref<Connection>(*this, std::move(stream), std::move(settings), std::move(peer));
  link(*connection);
  connection->start();
}

void HttpLoop::link(Connection& connection) noexcept {
  connection.retain();
  connection.linked_ = true;
  connection.next_ = first_;
  if (first_ != nullptr) {
    first_->previous_ = &connection;
  }
  first_ = &connection;
  core_.metrics.connections.add();
  core_.metrics.connections_total.add();
}

void HttpLoop::unlink(Connection& connection) noexcept {
  if (!connection.linked_) {
    return;
  }
  connection.linked_ = false;
  (connection.previous_ != nullptr ? connection.previous_->next_ : first_) = connection.next_;
  if (connection.next_ != nullptr) {
    connection.next_->previous_ = connection.previous_;
  }
  connection.next_ = connection.previous_ = nullptr;
  core_.connections.fetch_sub(1, std::memory_order_relaxed);
  core_.metrics.connections.sub();
  connection.release();
}

void HttpLoop::on_destroyed() noexcept {
  if (--size_ == 0) {
    empty_.set();
  }
}

std::string_view HttpLoop::date_header(std::int64_t now_ms) {
  const std::int64_t second = now_ms / 1000;
  if (second != date_second_) {
    date_second_ = second;
    static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t time = second;
    std::tm parts{};
    gmtime_r(&time, &parts);
    date_ = fmt::format("Date: {}, {:02} {} {} {:02}:{:02}:{:02} GMT\r\n",
                        kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                        kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour,
                        parts.tm_min, parts.tm_sec);
    json_header_ = fmt::format(
        "HTTP/1.1 200 OK\r\nServer: Lares\r\n{}{}Content-Type: application/json\r\n{}Content-Length: ", date_,
        kCorsHeaders, kNoCache);
  }
  return date_;
}

std::string_view HttpLoop::json_header(std::int64_t now_ms) {
  static_cast<void>(date_header(now_ms));
  return json_header_;
}

std::vector<RefPtr<Connection>> HttpLoop::all() const {
  std::vector<RefPtr<Connection>> result;
  result.reserve(size_);
  for (Connection* at = first_; at != nullptr; at = at->next_) {
    result.emplace_back(at);
  }
  return result;
}

void HttpLoop::drain() {
  for (const RefPtr<Connection>& connection : all()) {
    connection->drain();
  }
}

void HttpLoop::abort() {
  for (const RefPtr<Connection>& connection : all()) {
    connection->abort();
  }
}

void HttpLoop::report_usage() {
  for (Connection* at = first_; at != nullptr; at = at->next_) {
    at->report_usage();
  }
}

Task<void> HttpLoop::tick() {
  for (;;) {
    co_await core_.runtime.sleep_for(DeadlineWheel::kTick);
    wheel_.advance(loop_.now());
  }
}

}  // namespace lares::http
