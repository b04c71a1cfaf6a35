// SPDX-License-Identifier: Apache-2.0
// A module that writes down what it is asked, a line of JSON each, and denies events that contain one word,
// new rooms that contain another, and joins of users whose id contains a third.
#include <lares/module/json.hpp>
#include <lares/module/module.hpp>

#include <fstream>
#include <string>
#include <string_view>

namespace {

using namespace lares::module;

std::string setting(const Create& create, const char* key) {
  const auto config = Json::parse(create.config());
  const Json* value = config ? config->find(key) : nullptr;
  return value != nullptr && value->string() != nullptr ? std::string{*value->string()} : std::string{};
}

class Recorder {
 public:
  Recorder(Host, const Create& create)
      : file_(setting(create, "file")),
        event_word_(setting(create, "event_word")),
        room_word_(setting(create, "room_word")),
        join_word_(setting(create, "join_word")) {}

  void check_event_for_spam(const Event& event, Answer answer) {
    write("{\"event\":" + std::string{event.json} + ",\"event_id\":\"" + std::string{event.event_id} +
          "\",\"room_id\":\"" + std::string{event.room_id} + "\",\"content\":" + std::string{event.content} +
          "}");
    decide(event.json, event_word_, std::move(answer));
  }
  void user_may_create_room(const CreateRoom& room, Answer answer) {
    write("{\"request\":" + std::string{room.request} + "}");
    decide(room.request, room_word_, std::move(answer));
  }
  void user_may_join_room(const Join& join, Answer answer) {
    write("{\"join\":{\"user_id\":\"" + std::string{join.user_id} + "\",\"room_id\":\"" +
          std::string{join.room_id} + "\",\"invited\":" + (join.invited ? "true" : "false") + "}}");
    decide(join.user_id, join_word_, std::move(answer));
  }

 private:
  void write(const std::string& line) const { std::ofstream(file_, std::ios::app) << line << '\n'; }
  static void decide(std::string_view text, const std::string& word, Answer answer) {
    if (text.find(word) == std::string_view::npos) {
      answer.allow();
    } else {
      answer.deny("Not here.");
    }
  }

  std::string file_;
  std::string event_word_;
  std::string room_word_;
  std::string join_word_;
};

}  // namespace

LARES_MODULE(Recorder, "recorder", "1.0", LARES_MODULE_SERIAL)
