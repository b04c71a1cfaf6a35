// SPDX-License-Identifier: Apache-2.0
#include <lares/async/log_context.hpp>

#include "thread_state.hpp"

#include <lares/base/log.hpp>

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace lares {

namespace {

std::atomic<ContextMisuseHandler> g_misuse_handler{nullptr};

constexpr std::memory_order kRelaxed = std::memory_order_relaxed;

}  // namespace

void set_context_misuse_handler(ContextMisuseHandler handler) noexcept {
  g_misuse_handler.store(handler);
}

void report_misuse(const char* format, const char* first, const char* second) noexcept {
  try {
    const std::string sentence = fmt::format(fmt::runtime(format), first, second);
    if (const ContextMisuseHandler handler = g_misuse_handler.load()) {
      handler(sentence);
    } else {
      log::Logger{"lares.logging.context"}.warning("{}", sentence);
    }
  } catch (...) {
    // Out of memory; a report about logging is not worth more.
  }
}

Usage& Usage::operator+=(const Usage& other) noexcept {
  utime += other.utime;
  stime += other.stime;
  db_txn_count += other.db_txn_count;
  db_txn_duration += other.db_txn_duration;
  db_sched_duration += other.db_sched_duration;
  evt_db_fetch_count += other.evt_db_fetch_count;
  return *this;
}

Usage& Usage::operator-=(const Usage& other) noexcept {
  utime -= other.utime;
  stime -= other.stime;
  db_txn_count -= other.db_txn_count;
  db_txn_duration -= other.db_txn_duration;
  db_sched_duration -= other.db_sched_duration;
  evt_db_fetch_count -= other.evt_db_fetch_count;
  return *this;
}

/// A text, or two, that was set once and may be read by other threads for as long as the context lives; a
/// newer one keeps the older ones alive.
struct LogContext::Text {
  std::string first;
  std::string second;
  std::unique_ptr<Text> older;
};

LogContext::LogContext(std::string name, std::string_view server_name, RefPtr<LogContext> parent)
    : name_{std::move(name)}, server_name_{server_name}, parent_{std::move(parent)} {}

LogContext::~LogContext() {
  delete request_;
  delete requester_.load(kRelaxed);
  delete tag_.load(kRelaxed);
}

RefPtr<LogContext> LogContext::create(std::string name, std::string_view server_name,
                                      RefPtr<LogContext> parent) {
  if (parent && parent->is_sentinel()) {
    parent = nullptr;
  }
  return RefPtr<LogContext>{new LogContext{std::move(name), server_name, std::move(parent)}};
}

RefPtr<LogContext> LogContext::child(std::string_view suffix) {
  if (is_sentinel()) {
    return suffix.empty() ? RefPtr<LogContext>{this} : create(std::string{suffix}, {});
  }
  return create(suffix.empty() ? std::string{} : fmt::format("{}-{}", name(), suffix), {},
                RefPtr<LogContext>{this});
}

LogContext& LogContext::sentinel() noexcept {
  static LogContext* const sentinel = RefPtr<LogContext>{new LogContext{"sentinel", {}, {}}}.detach();
  return *sentinel;
}

const std::string& LogContext::name() const noexcept {
  const LogContext* at = this;
  while (at->name_.empty() && at->parent_) {
    at = at->parent_.get();
  }
  return at->name_;
}

const std::string& LogContext::server_name() const noexcept {
  const LogContext* at = this;
  while (at->server_name_.empty() && at->parent_) {
    at = at->parent_.get();
  }
  return at->server_name_;
}

void LogContext::set_request(RequestFacts facts) {
  delete request_;
  request_ = new RequestFacts(std::move(facts));
}

const RequestFacts* LogContext::request() const noexcept {
  const LogContext* at = this;
  while (at->request_ == nullptr && at->parent_) {
    at = at->parent_.get();
  }
  return at->request_;
}

void LogContext::publish(std::atomic<Text*> LogContext::* member, std::string_view first,
                         std::string_view second) {
  auto text = std::make_unique<Text>(std::string{first}, std::string{second}, nullptr);
  std::atomic<Text*>& place = this->*member;
  Text* older = place.load(std::memory_order_acquire);
  do {
    static_cast<void>(text->older.release());
    text->older.reset(older);
  } while (!place.compare_exchange_weak(older, text.get(), std::memory_order_acq_rel));
  static_cast<void>(text.release());
}

const LogContext::Text* LogContext::own_or_inherited(std::atomic<Text*> LogContext::* member) const noexcept {
  for (const LogContext* at = this; at != nullptr; at = at->parent_.get()) {
    if (const Text* text = (at->*member).load(std::memory_order_acquire)) {
      return text;
    }
  }
  return nullptr;
}

void LogContext::set_requester(std::string_view requester, std::string_view authenticated_entity) {
  publish(&LogContext::requester_, requester, authenticated_entity);
}

std::string_view LogContext::requester() const noexcept {
  const Text* text = own_or_inherited(&LogContext::requester_);
  return text == nullptr ? std::string_view{} : text->first;
}

std::string_view LogContext::authenticated_entity() const noexcept {
  const Text* text = own_or_inherited(&LogContext::requester_);
  return text == nullptr ? std::string_view{} : text->second;
}

void LogContext::set_tag(std::string_view tag) {
  publish(&LogContext::tag_, tag, {});
}

std::string_view LogContext::tag() const noexcept {
  const Text* text = own_or_inherited(&LogContext::tag_);
  return text == nullptr ? std::string_view{} : text->first;
}

Usage LogContext::usage() const noexcept {
  for (const LogContext* at = t_state.context; at != nullptr; at = at->parent_.get()) {
    if (at == this) {
      charge_running_slice(t_state);
      break;
    }
  }
  Usage out;
  out.utime = std::chrono::nanoseconds{utime_.load(kRelaxed)};
  out.stime = std::chrono::nanoseconds{stime_.load(kRelaxed)};
  out.db_txn_count = db_txn_count_.load(kRelaxed);
  out.db_txn_duration = std::chrono::nanoseconds{db_txn_duration_.load(kRelaxed)};
  out.db_sched_duration = std::chrono::nanoseconds{db_sched_duration_.load(kRelaxed)};
  out.evt_db_fetch_count = evt_db_fetch_count_.load(kRelaxed);
  return out;
}

void LogContext::add_db_transaction(std::chrono::nanoseconds duration) noexcept {
  if (is_sentinel()) {
    return;
  }
  if (duration.count() < 0) {
    report_misuse("{} was charged a negative time for a database transaction", name().c_str());
    return;
  }
  for (LogContext* at = this; at != nullptr; at = at->parent_.get()) {
    at->db_txn_count_.fetch_add(1, kRelaxed);
    at->db_txn_duration_.fetch_add(duration.count(), kRelaxed);
  }
}

void LogContext::add_db_sched(std::chrono::nanoseconds waited) noexcept {
  if (is_sentinel()) {
    return;
  }
  if (waited.count() < 0) {
    report_misuse("{} was charged a negative time of waiting for the database", name().c_str());
    return;
  }
  for (LogContext* at = this; at != nullptr; at = at->parent_.get()) {
    at->db_sched_duration_.fetch_add(waited.count(), kRelaxed);
  }
}

void LogContext::add_event_fetches(std::uint64_t count) noexcept {
  if (is_sentinel()) {
    return;
  }
  for (LogContext* at = this; at != nullptr; at = at->parent_.get()) {
    at->evt_db_fetch_count_.fetch_add(count, kRelaxed);
  }
}

void LogContext::add_cpu(std::chrono::nanoseconds user, std::chrono::nanoseconds system) noexcept {
  for (LogContext* at = this; at != nullptr; at = at->parent_.get()) {
    at->utime_.fetch_add(user.count(), kRelaxed);
    if (system.count() != 0) {
      at->stime_.fetch_add(system.count(), kRelaxed);
    }
  }
}

void LogContext::report_finished() noexcept {
  if (!reported_.exchange(true, kRelaxed)) {
    report_misuse("Re-starting finished log context {}", name().c_str());
  }
}

}  // namespace lares
