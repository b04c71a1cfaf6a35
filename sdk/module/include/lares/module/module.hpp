// SPDX-License-Identifier: Apache-2.0
#ifndef LARES_MODULE_MODULE_HPP
#define LARES_MODULE_MODULE_HPP

/// A module in C++17 or later, without touching the C ABI:
///
///     class Quiet {
///      public:
///       Quiet(lares::module::Host host, const lares::module::Create& create);   // throws ConfigError
///       void user_may_invite(const lares::module::Invite& invite, lares::module::Answer answer) {
///         answer.allow();
///       }
///     };
///     LARES_MODULE(Quiet, "quiet", "1.0", LARES_MODULE_SERIAL)
///
/// A member function with the name of a slot fills that slot; the others stay empty, and the server does not
/// ask. An Answer may be moved into another thread and given later; one that is dropped counts as failed.
/// Exceptions of a slot fail its answer and go no further.
///
/// Further members, all optional: `void cancel(lares_completion)`, `lares::module::State save()`, and
/// `void stop()`, which waits until the module's threads have ended.

#include <lares/module/draft/spam_checker.h>
#include <lares/module/module.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace lares::module {

/// The text of a view; empty where it is absent.
inline std::string_view text(lares_text_view view) noexcept {
  return view.data == nullptr ? std::string_view{} : std::string_view{view.data, view.size};
}

/// A view of a text that outlives the call.
inline lares_text_view view(std::string_view text) noexcept {
  return {text.data() == nullptr ? "" : text.data(), text.size()};
}

/// The administrator has to change the configuration; the text says what.
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What the server offers.
///
/// **Threads**: any. **Lifetime**: a pointer wide; valid while the instance lives.
class Host {
 public:
  explicit Host(const lares_host* host) noexcept : host_(host) {}

  void debug(std::string_view message) const noexcept {
    host_->log(host_->host, LARES_LOG_DEBUG, view(message));
  }
  void info(std::string_view message) const noexcept {
    host_->log(host_->host, LARES_LOG_INFO, view(message));
  }
  void warning(std::string_view message) const noexcept {
    host_->log(host_->host, LARES_LOG_WARNING, view(message));
  }
  void error(std::string_view message) const noexcept {
    host_->log(host_->host, LARES_LOG_ERROR, view(message));
  }
  /// Milliseconds since the epoch.
  [[nodiscard]] std::int64_t now_ms() const noexcept { return host_->now_ms(host_->host); }
  [[nodiscard]] const lares_host& table() const noexcept { return *host_; }

 private:
  const lares_host* host_;
};

/// What an instance keeps for the next one.
struct State {
  std::uint64_t version = 0;
  std::string bytes;
};

/// What an instance is made from. **Lifetime**: copy what is kept.
class Create {
 public:
  explicit Create(const lares_create_view& view) noexcept : view_(view) {}
  [[nodiscard]] std::string_view server_name() const noexcept { return text(view_.server_name); }
  [[nodiscard]] std::string_view instance_name() const noexcept { return text(view_.instance_name); }
  /// A JSON object; see lares/module/json.hpp.
  [[nodiscard]] std::string_view config() const noexcept { return text(view_.config); }
  [[nodiscard]] std::optional<State> saved_state() const {
    if (view_.saved_state.data == nullptr) {
      return std::nullopt;
    }
    return State{view_.saved_state_version,
                 std::string(reinterpret_cast<const char*>(view_.saved_state.data), view_.saved_state.size)};
  }

 private:
  const lares_create_view& view_;
};

/// The one answer to a question.
///
/// **Threads**: any, one at a time. **Lifetime**: dropping it unanswered fails it.
class Answer {
 public:
  Answer(const lares_host* host, const lares_call_view& call) noexcept
      : host_(host), completion_(call.completion), timeout_ms_(call.timeout_ms) {}
  Answer(Answer&& other) noexcept
      : host_(std::exchange(other.host_, nullptr)),
        completion_(other.completion_),
        timeout_ms_(other.timeout_ms_) {}
  Answer& operator=(Answer&& other) noexcept {
    if (this != &other) {
      drop();
      host_ = std::exchange(other.host_, nullptr);
      completion_ = other.completion_;
      timeout_ms_ = other.timeout_ms_;
    }
    return *this;
  }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer() { drop(); }

  /// For recognising it in cancel().
  [[nodiscard]] lares_completion completion() const noexcept { return completion_; }
  [[nodiscard]] std::uint64_t timeout_ms() const noexcept { return timeout_ms_; }

  /// Each of these answers; true if it was in time.
  bool allow() noexcept {
    lares_spam_verdict_view verdict{};
    verdict.struct_size = sizeof(verdict);
    verdict.decision = LARES_SPAM_ALLOW;
    return give(LARES_OK, &verdict, {});
  }
  bool deny(std::string_view message = {}, std::string_view errcode = {},
            std::string_view extra_fields = {}) noexcept {
    lares_spam_verdict_view verdict{};
    verdict.struct_size = sizeof(verdict);
    verdict.decision = LARES_SPAM_DENY;
    verdict.message = message.empty() ? lares_text_view{} : view(message);
    verdict.errcode = errcode.empty() ? lares_text_view{} : view(errcode);
    verdict.extra_fields = extra_fields.empty() ? lares_text_view{} : view(extra_fields);
    return give(LARES_OK, &verdict, {});
  }
  bool fail(std::string_view reason) noexcept { return give(LARES_FAILED, nullptr, reason); }

 private:
  bool give(lares_status status, const void* value, std::string_view reason) noexcept {
    const lares_host* host = std::exchange(host_, nullptr);
    return host != nullptr &&
           host->complete(host->host, completion_, status, value, view(reason)) == LARES_OK;
  }
  void drop() noexcept {
    if (host_ != nullptr) {
      fail("the module dropped the question");
    }
  }

  const lares_host* host_;
  lares_completion completion_;
  std::uint64_t timeout_ms_;
};

/// What is asked about. **Lifetime**: of the call; copy what is kept.
struct Event {
  std::string_view json;
  std::string_view room_version;
  std::string_view event_id;  // empty where the event has none yet
  std::string_view room_id;   // empty where the room has none yet
  std::string_view type;
  std::string_view sender;
  std::optional<std::string_view> state_key;
  std::string_view content;
  std::int64_t origin_server_ts = 0;
};
struct Invite {
  std::string_view inviter;
  std::string_view invitee;
  std::string_view room_id;  // empty where the room has none yet
  bool federated = false;
};
struct Join {
  std::string_view user_id;
  std::string_view room_id;
  bool invited = false;
};
struct CreateRoom {
  std::string_view user_id;
  std::string_view request;
};

namespace detail {

template <class M>
struct Instance {
  Instance(const lares_create_view& view) : host(view.host), module(Host(view.host), Create(view)) {}
  const lares_host* host;
  M module;
};

inline void set_error(lares_error* error, lares_status status, const char* message) noexcept {
  if (error == nullptr || error->struct_size < sizeof(lares_error)) {
    return;
  }
  error->status = status;
  auto size = std::min(std::strlen(message), sizeof(error->message));
  // Cut at a character, not inside of one.
  while (size > 0 && size == sizeof(error->message) && (message[size] & 0xC0) == 0x80) {
    --size;
  }
  std::memcpy(error->message, message, size);
  error->message_size = static_cast<std::uint32_t>(size);
}

// Calls one member function of the module with a question; whatever it throws fails the answer.
template <class M, class Question, class Function>
void ask(void* self, const lares_call_view* call, const Question& question, Function function) noexcept {
  auto* instance = static_cast<Instance<M>*>(self);
  try {
    function(instance->module, question, Answer(instance->host, *call));
  } catch (...) {
    // The answer was dropped on the way, which has failed it.
  }
}

template <class M, class = void>
struct HasEvent : std::false_type {};
template <class M>
struct HasEvent<M, std::void_t<decltype(std::declval<M&>().check_event_for_spam(
                       std::declval<const Event&>(), std::declval<Answer>()))>> : std::true_type {};
template <class M, class = void>
struct HasInvite : std::false_type {};
template <class M>
struct HasInvite<M, std::void_t<decltype(std::declval<M&>().user_may_invite(
                        std::declval<const Invite&>(), std::declval<Answer>()))>> : std::true_type {};
template <class M, class = void>
struct HasJoin : std::false_type {};
template <class M>
struct HasJoin<M, std::void_t<decltype(std::declval<M&>().user_may_join_room(
                      std::declval<const Join&>(), std::declval<Answer>()))>> : std::true_type {};
template <class M, class = void>
struct HasCreateRoom : std::false_type {};
template <class M>
struct HasCreateRoom<M, std::void_t<decltype(std::declval<M&>().user_may_create_room(
                            std::declval<const CreateRoom&>(), std::declval<Answer>()))>> : std::true_type {};
template <class M, class = void>
struct HasCancel : std::false_type {};
template <class M>
struct HasCancel<M, std::void_t<decltype(std::declval<M&>().cancel(std::declval<lares_completion>()))>>
    : std::true_type {};
template <class M, class = void>
struct HasSave : std::false_type {};
template <class M>
struct HasSave<M, std::void_t<decltype(std::declval<M&>().save())>> : std::true_type {};
template <class M, class = void>
struct HasStop : std::false_type {};
template <class M>
struct HasStop<M, std::void_t<decltype(std::declval<M&>().stop())>> : std::true_type {};

/// The C functions of one module class.
template <class M>
struct Binding {
  static lares_status create(const lares_create_view* view, void** module, lares_error* error) noexcept {
    try {
      *module = new Instance<M>(*view);
      return LARES_OK;
    } catch (const ConfigError& e) {
      set_error(error, LARES_CONFIG, e.what());
      return LARES_CONFIG;
    } catch (const std::exception& e) {
      set_error(error, LARES_FAILED, e.what());
    } catch (...) {
      set_error(error, LARES_FAILED, "an exception of unknown type");
    }
    return LARES_FAILED;
  }

  static void destroy(void* module) noexcept {
    auto* instance = static_cast<Instance<M>*>(module);
    const Host host(instance->host);
    try {
      delete instance;
    } catch (...) {
      host.error("its destructor threw");
    }
  }

  static void cancel(void* self, lares_completion completion) noexcept {
    if constexpr (HasCancel<M>::value) {
      auto* instance = static_cast<Instance<M>*>(self);
      try {
        instance->module.cancel(completion);
      } catch (...) {
        Host(instance->host).error("cancel() threw");
      }
    }
  }

  static void save(void* self, const lares_call_view* call) noexcept {
    if constexpr (HasSave<M>::value) {
      auto* instance = static_cast<Instance<M>*>(self);
      try {
        const State state = instance->module.save();
        lares_saved_state_view saved{};
        saved.struct_size = sizeof(saved);
        saved.version = state.version;
        saved.state = {reinterpret_cast<const std::uint8_t*>(state.bytes.data()), state.bytes.size()};
        instance->host->complete(instance->host->host, call->completion, LARES_OK, &saved, {});
      } catch (...) {
        instance->host->complete(instance->host->host, call->completion, LARES_FAILED, nullptr,
                                 view("save() threw"));
      }
    }
  }

  static void stop(void* self, const lares_call_view* call) noexcept {
    if constexpr (HasStop<M>::value) {
      auto* instance = static_cast<Instance<M>*>(self);
      try {
        instance->module.stop();
        instance->host->complete(instance->host->host, call->completion, LARES_OK, nullptr, {});
      } catch (...) {
        instance->host->complete(instance->host->host, call->completion, LARES_FAILED, nullptr,
                                 view("stop() threw"));
      }
    }
  }

  static void check_event(void* self, const lares_call_view* call, const lares_event_view* e) noexcept {
    if constexpr (HasEvent<M>::value) {
      Event event{text(e->json),    text(e->room_version), text(e->event_id),
                  text(e->room_id), text(e->type),         text(e->sender),
                  std::nullopt,     text(e->content),      e->origin_server_ts};
      if (e->state_key.data != nullptr) {
        event.state_key = text(e->state_key);
      }
      ask<M>(self, call, event,
             [](M& m, const Event& q, Answer a) { m.check_event_for_spam(q, std::move(a)); });
    }
  }
  static void invite(void* self, const lares_call_view* call, const lares_invite_view* i) noexcept {
    if constexpr (HasInvite<M>::value) {
      const Invite question{text(i->inviter), text(i->invitee), text(i->room_id), i->federated != 0};
      ask<M>(self, call, question,
             [](M& m, const Invite& q, Answer a) { m.user_may_invite(q, std::move(a)); });
    }
  }
  static void join(void* self, const lares_call_view* call, const lares_join_view* j) noexcept {
    if constexpr (HasJoin<M>::value) {
      const Join question{text(j->user_id), text(j->room_id), j->invited != 0};
      ask<M>(self, call, question,
             [](M& m, const Join& q, Answer a) { m.user_may_join_room(q, std::move(a)); });
    }
  }
  static void create_room(void* self, const lares_call_view* call, const lares_create_room_view* r) noexcept {
    if constexpr (HasCreateRoom<M>::value) {
      const CreateRoom question{text(r->user_id), text(r->request)};
      ask<M>(self, call, question,
             [](M& m, const CreateRoom& q, Answer a) { m.user_may_create_room(q, std::move(a)); });
    }
  }

  static constexpr bool kChecksSpam =
      HasEvent<M>::value || HasInvite<M>::value || HasJoin<M>::value || HasCreateRoom<M>::value;
  static constexpr lares_spam_checker kSpamChecker = {
      sizeof(lares_spam_checker),
      0,
      HasEvent<M>::value ? &check_event : nullptr,
      HasInvite<M>::value ? &invite : nullptr,
      HasJoin<M>::value ? &join : nullptr,
      HasCreateRoom<M>::value ? &create_room : nullptr,
  };

  static const void* extension(void*, const char* id) noexcept {
    return kChecksSpam && std::string_view(id) == LARES_SPAM_CHECKER ? &kSpamChecker : nullptr;
  }

  static constexpr const char* kProvides[] = {kChecksSpam ? LARES_SPAM_CHECKER : nullptr, nullptr};

  static constexpr lares_module_descriptor descriptor(const char* name, const char* version,
                                                      std::uint64_t flags) noexcept {
    return {LARES_MODULE_MAGIC,
            sizeof(lares_module_descriptor),
            LARES_MODULE_ABI_MAJOR,
            LARES_MODULE_ABI_MINOR,
            LARES_MODULE_TIER,
            "C++ " __VERSION__,
            name,
            version,
            kProvides,
            nullptr,
            nullptr,
            flags,
            &create,
            &extension,
            HasCancel<M>::value ? &cancel : nullptr,
            HasSave<M>::value ? &save : nullptr,
            HasStop<M>::value ? &stop : nullptr,
            &destroy};
  }
};

}  // namespace detail
}  // namespace lares::module

/// Exports a class as the module of this file. `name` is the file's name without `.so`; `flags` are those of
/// lares/module/module.h.
#define LARES_MODULE(Class, name, version, flags)                                     \
  LARES_MODULE_NOTE(name, version);                                                   \
  extern "C" LARES_MODULE_EXPORT const ::lares_module_descriptor lares_module_entry = \
      ::lares::module::detail::Binding<Class>::descriptor(name, version, flags);

#endif
