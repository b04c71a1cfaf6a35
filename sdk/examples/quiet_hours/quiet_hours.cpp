// SPDX-License-Identifier: Apache-2.0
// Nobody is invited at night:
//
//     modules:
//       - module: /opt/modules/quiet_hours.so
//         config: {from: 22, until: 7}      # hours of UTC
//
// The answers are given from a thread of the module's own, as a module would that has to ask somebody else
// first.
#include <lares/module/json.hpp>
#include <lares/module/module.hpp>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace lares::module;

class QuietHours {
 public:
  QuietHours(Host host, const Create& create) : host_(host) {
    const auto config = Json::parse(create.config());
    from_ = hour(*config, "from", 22);
    until_ = hour(*config, "until", 7);
    worker_ = std::thread([this] { work(); });
  }

  // The server waits for stop() before it destroys; without a thread running, the destructor has nothing to
  // do.
  ~QuietHours() { stop(); }

  void user_may_invite(const Invite&, Answer answer) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      questions_.push_back(std::move(answer));
    }
    changed_.notify_one();
  }

  void stop() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    if (worker_.joinable()) {
      worker_.join();
    }
  }

 private:
  static int hour(const Json& config, const char* key, int fallback) {
    const Json* value = config.find(key);
    if (value == nullptr) {
      return fallback;
    }
    const auto number = value->integer();
    if (!number || *number < 0 || *number > 23) {
      throw ConfigError(std::string("config.") + key + ": expected an hour from 0 to 23");
    }
    return static_cast<int>(*number);
  }

  bool quiet() const {
    const auto now = static_cast<int>(host_.now_ms() / 3'600'000 % 24);
    return from_ <= until_ ? now >= from_ && now < until_ : now >= from_ || now < until_;
  }

  void work() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stopping_ || !questions_.empty(); });
      if (questions_.empty()) {
        return;
      }
      Answer answer = std::move(questions_.front());
      questions_.pop_front();
      lock.unlock();
      if (quiet()) {
        answer.deny("Nobody is invited at night. Try again in the morning.");
      } else {
        answer.allow();
      }
      lock.lock();
    }
  }

  Host host_;
  int from_ = 0;
  int until_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Answer> questions_;
  bool stopping_ = false;
  std::thread worker_;
};

}  // namespace

LARES_MODULE(QuietHours, "quiet_hours", "1.0", 0)
