// SPDX-License-Identifier: Apache-2.0
#include <host/catalogue.hpp>
#include <host/module_host.hpp>
#include <host/module_library.hpp>
#include <host/module_local.hpp>
#include <host/module_remote.hpp>

#include <lares/async/runtime.hpp>
#include <lares/async/shielded.hpp>
#include <lares/base/error.hpp>
#include <lares/json/writer.hpp>
#include <lares/matrix/event.hpp>
#include <lares/matrix/room_version.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <ranges>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace lares::host {
namespace {

constexpr std::size_t kMaxModuleLabels = 32;

std::unique_ptr<Module> make_module(Server& server, const ModulePlaces& places, const nlohmann::json& entry,
                                    const std::string& origin) {
  const auto file = find_module(entry.at("module").get<std::string>(), places.folders);
  ModuleSettings settings{
      .name = file.stem().string(),
      .server_name = server.name(),
      .instance_name = server.instance(),
      .config = entry.at("config").dump(),
      .origin = origin,
      .timeout = std::chrono::milliseconds(entry.at("timeout").get<std::int64_t>()),
  };
  if (entry.at("own_process").get<bool>()) {
    static_cast<void>(check_module(file));
    return std::make_unique<RemoteModule>(server.runtime(), places.runner, file, std::move(settings));
  }
  return std::make_unique<LocalModule>(server.runtime(), std::make_shared<ModuleLibrary>(file),
                                       std::move(settings));
}

std::vector<std::unique_ptr<Module>> make_modules(Server& server, const ModulePlaces& places) {
  std::vector<std::unique_ptr<Module>> modules;
  std::vector<std::string> errors;
  const auto config = server.config();
  const auto& entries = config->get("modules");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto path = fmt::format("modules[{}]", i);
    const auto origin = fmt::format("{}: {}", config->origin(path), path);
    try {
      modules.push_back(make_module(server, places, entries[i], origin));
    } catch (const StartError& error) {
      const std::string_view reason = error.what();
      errors.push_back(reason.starts_with(origin) ? std::string(reason)
                                                  : fmt::format("{}: {}", origin, reason));
    }
  }
  if (!errors.empty()) {
    throw StartError(fmt::format("{}", fmt::join(errors, "\n")));
  }
  return modules;
}

// A slot whose name or parameters are misspelled is no slot, and nothing fails for it.
void tell_what_it_checks(const log::Logger& log, const Module& module) {
  std::vector<std::string_view> slots;
  for (std::size_t hook = 0; hook < kModuleHooks; ++hook) {
    if (module.offers(hook)) {
      slots.push_back(hook_name(hook));
    }
  }
  if (slots.empty()) {
    log.warning("Module {} is loaded and checks nothing: it has none of the slots of " LARES_SPAM_CHECKER ".",
                module.name());
  } else {
    log.info("Module {} is asked before users and events get their way: {}.", module.name(),
             fmt::join(slots, ", "));
  }
}

struct SaidEvent {
  std::string json;
  std::size_t content_at = 0;
};

// What the sender says, in canonical JSON. The event's place in the room's graph, its hash and its signature
// come when it is written, and with them its id.
SaidEvent said_in(const matrix::Event& event, const std::optional<matrix::RoomId>& room) {
  SaidEvent said;
  json::Writer writer{said.json};
  writer.begin_object().key("content");
  said.content_at = said.json.size();
  writer.raw(event.content().bytes());
  writer.key("origin_server_ts").value(event.origin_server_ts());
  if (const json::Value redacts = event.field("redacts")) {
    writer.key("redacts").raw(redacts.bytes());
  }
  if (room) {
    writer.key("room_id").value(room->view());
  }
  writer.key("sender").value(event.sender());
  if (const auto state_key = event.state_key()) {
    writer.key("state_key").value(*state_key);
  }
  writer.key("type").value(event.type());
  writer.end_object();
  return said;
}

}  // namespace

ModulePlaces module_places(const Config& config) {
  ModulePlaces places{.folders = {}, .runner = default_module_runner()};
  for (const auto& folder : config.strings("module_folders")) {
    places.folders.emplace_back(folder);
  }
  if (places.folders.empty()) {
    places.folders.push_back(default_module_folder());
  }
  return places;
}

std::filesystem::path default_module_runner() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "laresd-module-runner";
}

ModuleHost::ModuleHost(Runtime& runtime, std::string_view server_name,
                       std::vector<std::unique_ptr<Module>> modules)
    : calls_(runtime.metrics().counters(
          {.name = "lares_module_calls",
           .help = "Questions that modules were asked, by how they ended.",
           .labels = {metrics::Label::bounded("module", kMaxModuleLabels),
                      metrics::Label::closed("slot", {std::string(hook_name(0)), std::string(hook_name(1)),
                                                      std::string(hook_name(2)), std::string(hook_name(3))}),
                      metrics::Label::closed("outcome", {"allowed", "denied", "late", "failed"})}})),
      modules_(std::move(modules)) {
  for (std::size_t hook = 0; hook < kModuleHooks; ++hook) {
    blocks_.emplace_back(runtime, server_name, hook_name(hook));
  }
}

ModuleHost::ModuleHost(Server& server, const ModulePlaces& places)
    : ModuleHost(server.runtime(), server.name(), make_modules(server, places)) {}

ModuleHost::~ModuleHost() {
  for (auto& module : modules_) {
    if (module->left()) {
      // Its threads may still call the host; both go with the process.
      static_cast<void>(module.release());
    }
  }
}

Task<void> ModuleHost::start() {
  running_ = true;
  for (const auto& module : modules_) {
    co_await module->start();
    tell_what_it_checks(log_, *module);
  }
}

Task<void> ModuleHost::check() {
  std::exception_ptr failure;
  try {
    co_await start();
  } catch (...) {
    failure = std::current_exception();
  }
  co_await stop();
  if (failure) {
    std::rethrow_exception(failure);
  }
}

Task<void> ModuleHost::stop() {
  if (!std::exchange(running_, false)) {
    co_return;
  }
  for (const auto& module : std::views::reverse(modules_)) {
    co_await module->stop();
  }
}

bool ModuleHost::clean() const noexcept {
  return std::ranges::none_of(modules_, [](const auto& module) { return module->left(); });
}

bool ModuleHost::asks(Hook hook) const noexcept {
  return std::ranges::any_of(
      modules_, [hook](const auto& module) { return module->offers(static_cast<std::size_t>(hook)); });
}

void ModuleHost::count(const Module& module, std::size_t hook, std::string_view outcome) const {
  calls_.at({module.name(), hook_name(hook), outcome}).add();
}

// Whoever has asked waits for the answer even if nobody wants it any more: a module that counts what it is
// asked is not left halfway.
Task<ModuleAnswer> ModuleHost::ask_one(Module& module, const ModuleQuestion& question) {
  const Measure measure(blocks_[question.index()]);
  Task<ModuleAnswer> asking = module.ask(question);
  co_return co_await shielded(std::move(asking));
}

Task<service::SpamVerdict> ModuleHost::ask_all(const ModuleQuestion& question) {
  const auto hook = question.index();
  for (const auto& module : modules_) {
    if (!module->offers(hook)) {
      continue;
    }
    auto answer = co_await ask_one(*module, question);
    if (answer.status == LARES_OK) {
      count(*module, hook, answer.verdict.allowed ? "allowed" : "denied");
      if (!answer.verdict.allowed) {
        co_return std::move(answer.verdict);
      }
      continue;
    }
    count(*module, hook, answer.status == LARES_LATE ? "late" : "failed");
    const bool allowed = allows_by_default(hook);
    log_.warning("Module {} gave no answer to {}: {}. It is {}.", module->name(), hook_name(hook),
                 answer.message, allowed ? "allowed" : "denied");
    if (!allowed) {
      co_return service::SpamVerdict{
          .allowed = false,
          .errcode = "M_FORBIDDEN",
          .message = "The server cannot check this at the moment. Try again later."};
    }
  }
  co_return service::SpamVerdict{};
}

Task<service::SpamVerdict> ModuleHost::check_event(const matrix::Event& event,
                                                   std::optional<matrix::RoomId> room) {
  if (!asks(Hook::Event)) {
    co_return service::SpamVerdict{};
  }
  const SaidEvent said = said_in(event, room);
  lares_event_view view{};
  view.struct_size = sizeof(view);
  view.json = view_of(said.json);
  view.room_version = view_of(event.version().id);
  view.room_id = room ? view_of(room->view()) : lares_text_view{};
  view.type = view_of(event.type());
  view.sender = view_of(event.sender());
  const auto state_key = event.state_key();
  view.state_key = state_key ? view_of(*state_key) : lares_text_view{};
  view.content = view_of(std::string_view{said.json}.substr(said.content_at, event.content().bytes().size()));
  view.origin_server_ts = event.origin_server_ts();
  const ModuleQuestion question(view);
  co_return co_await ask_all(question);
}

Task<service::SpamVerdict> ModuleHost::user_may_invite(matrix::UserId inviter, matrix::UserId invitee,
                                                       std::optional<matrix::RoomId> room, bool federated) {
  lares_invite_view view{};
  view.struct_size = sizeof(view);
  view.federated = federated ? 1 : 0;
  view.inviter = view_of(inviter.view());
  view.invitee = view_of(invitee.view());
  view.room_id = room ? view_of(room->view()) : lares_text_view{};
  const ModuleQuestion question(view);
  co_return co_await ask_all(question);
}

Task<service::SpamVerdict> ModuleHost::user_may_join_room(matrix::UserId user, matrix::RoomId room,
                                                          bool invited) {
  lares_join_view view{};
  view.struct_size = sizeof(view);
  view.invited = invited ? 1 : 0;
  view.user_id = view_of(user.view());
  view.room_id = view_of(room.view());
  const ModuleQuestion question(view);
  co_return co_await ask_all(question);
}

Task<service::SpamVerdict> ModuleHost::user_may_create_room(matrix::UserId user, std::string request) {
  lares_create_room_view view{};
  view.struct_size = sizeof(view);
  view.user_id = view_of(user.view());
  view.request = view_of(request);
  const ModuleQuestion question(view);
  co_return co_await ask_all(question);
}

}  // namespace lares::host
