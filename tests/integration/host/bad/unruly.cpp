// SPDX-License-Identifier: Apache-2.0
// A module that does what none should, as its configuration says: see Unruly's constructor. It writes a line
// into a file when it is created and when it is destroyed.
#include <lares/module/json.hpp>
#include <lares/module/module.hpp>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace {

using namespace lares::module;

void pause(std::int64_t milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

class Unruly {
 public:
  Unruly(Host host, const Create& create) : host_(host) {
    const auto config = Json::parse(create.config()).value_or(Json());
    const auto text = [&config](const char* key) {
      const Json* value = config.find(key);
      return value != nullptr && value->string() != nullptr ? *value->string() : std::string();
    };
    const auto number = [&config](const char* key) {
      const Json* value = config.find(key);
      return value != nullptr ? value->integer().value_or(0) : 0;
    };
    file_ = text("file");
    stop_ms_ = number("stop_ms");
    destroy_ms_ = number("destroy_ms");
    stop_throws_ = number("stop_throws") != 0;
    // What each creation does, a letter each: o is created, r is refused, h takes for ever.
    const auto creations = text("creations");
    const auto before = creations_before();
    note("created");
    const char what = before < creations.size() ? creations[before] : 'o';
    if (what == 'r') {
      throw ConfigError("not now");
    }
    if (what == 'h') {
      pause(3'600'000);
    }
  }
  ~Unruly() {
    pause(destroy_ms_);
    note("destroyed");
  }

  void user_may_invite(const Invite& invite, Answer answer) {
    if (invite.invitee == "@slow:hs.test") {
      host_.warning("slowly with " + std::string(answer.timeout_ms() > 1000 ? "too much" : "its") + " time");
      pause(2500);
    }
    answer.allow();
  }

  // Denies whatever holds the word, with a text that is too long and fields that are not its to set.
  void check_event_for_spam(const Event& event, Answer answer) {
    if (event.content.find("unruly") == std::string_view::npos) {
      answer.allow();
      return;
    }
    std::string message = "x";
    for (int i = 0; i < 600; ++i) {
      message += "\xC3\xA9";
    }
    answer.deny(message, "M_LIMIT_EXCEEDED", R"({"errcode":"M_OTHER","error":"other","org.test.more":7})");
  }

  void stop() {
    pause(stop_ms_);
    if (stop_throws_) {
      throw std::runtime_error("will not stop");
    }
  }

 private:
  std::size_t creations_before() const {
    std::ifstream lines(file_);
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line);) {
      count += line == "created" ? 1 : 0;
    }
    return count;
  }
  void note(std::string_view what) const {
    if (!file_.empty()) {
      std::ofstream(file_, std::ios::app) << what << '\n';
    }
  }

  Host host_;
  std::string file_;
  std::int64_t stop_ms_ = 0;
  std::int64_t destroy_ms_ = 0;
  bool stop_throws_ = false;
};

}  // namespace

LARES_MODULE(Unruly, "unruly", "1.0", LARES_MODULE_SERIAL)
