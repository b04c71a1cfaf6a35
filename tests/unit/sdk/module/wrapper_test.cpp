// SPDX-License-Identifier: Apache-2.0
#include <lares/module/module.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lares::module {
namespace {

// A host that writes down what it hears; the second answer to a call is stale.
struct FakeHost : lares_host {
  FakeHost() : lares_host{} {
    struct_size = sizeof(lares_host);
    host = this;
    log = [](void* self, std::int32_t, lares_text_view message) {
      static_cast<FakeHost*>(self)->lines.emplace_back(module::text(message));
    };
    complete = [](void* self, lares_completion completion, lares_status status, const void* value,
                  lares_text_view message) -> lares_status {
      auto& fake = *static_cast<FakeHost*>(self);
      if (completion.handle.generation != fake.open) {
        return LARES_STALE;
      }
      fake.open = 0;
      fake.status = status;
      fake.message = module::text(message);
      if (value != nullptr) {
        const auto& verdict = *static_cast<const lares_spam_verdict_view*>(value);
        fake.decision = verdict.decision;
        fake.errcode = module::text(verdict.errcode);
      }
      return LARES_OK;
    };
    now_ms = [](void*) -> std::int64_t { return 17; };
    extension = [](void*, const char*) -> const void* { return nullptr; };
  }

  lares_call_view call() {
    open = ++last;
    lares_call_view view{};
    view.struct_size = sizeof(view);
    view.completion = {{1, open}};
    return view;
  }

  std::uint64_t last = 0;
  std::uint64_t open = 0;
  lares_status status = -1;
  std::uint32_t decision = 99;
  std::string errcode;
  std::string message;
  std::vector<std::string> lines;
};

class Sample {
 public:
  Sample(Host host, const Create& create) : host_(host) {
    if (create.config() == "bad") {
      throw ConfigError("config: bad");
    }
    host_.info("made at " + std::to_string(host_.now_ms()));
  }
  void user_may_invite(const Invite& invite, Answer answer) {
    if (invite.invitee == "throw") {
      throw std::runtime_error("x");
    }
    if (invite.invitee == "keep") {
      kept_ = std::move(answer);
    } else if (invite.invitee == "deny") {
      EXPECT_TRUE(answer.deny("no", "M_NO"));
      EXPECT_FALSE(answer.allow());
    } else if (invite.invitee != "drop") {
      answer.allow();
    }
  }
  void cancel(lares_completion) { kept_.reset(); }

 private:
  Host host_;
  std::optional<Answer> kept_;
};

using Bound = detail::Binding<Sample>;

class Wrapper : public testing::Test {
 protected:
  Wrapper() {
    create_.struct_size = sizeof(create_);
    create_.host = &host_;
    create_.config = view("{}");
    EXPECT_EQ(descriptor_.create(&create_, &module_, nullptr), LARES_OK);
  }
  ~Wrapper() override { descriptor_.destroy(module_); }

  void invite(std::string_view invitee) {
    const auto call = host_.call();
    lares_invite_view question{};
    question.struct_size = sizeof(question);
    question.invitee = view(invitee);
    Bound::kSpamChecker.user_may_invite(module_, &call, &question);
  }

  FakeHost host_;
  lares_create_view create_{};
  lares_module_descriptor descriptor_ = Bound::descriptor("sample", "1", 0);
  void* module_ = nullptr;
};

TEST_F(Wrapper, FillsTheSlotsThatTheClassHas) {
  EXPECT_NE(Bound::kSpamChecker.user_may_invite, nullptr);
  EXPECT_EQ(Bound::kSpamChecker.user_may_join_room, nullptr);
  EXPECT_NE(descriptor_.cancel, nullptr);
  EXPECT_EQ(descriptor_.save, nullptr);
  EXPECT_EQ(descriptor_.extension(module_, LARES_SPAM_CHECKER), &Bound::kSpamChecker);
  EXPECT_EQ(descriptor_.extension(module_, "lares.spam-checker/2"), nullptr);
  EXPECT_STREQ(descriptor_.provides[0], LARES_SPAM_CHECKER);
}

TEST_F(Wrapper, PassesAnswersOn) {
  invite("friend");
  EXPECT_EQ(host_.status, LARES_OK);
  EXPECT_EQ(host_.decision, static_cast<std::uint32_t>(LARES_SPAM_ALLOW));
  invite("deny");
  EXPECT_EQ(host_.decision, static_cast<std::uint32_t>(LARES_SPAM_DENY));
  EXPECT_EQ(host_.errcode, "M_NO");
}

TEST_F(Wrapper, FailsWhatTheModuleDrops) {
  invite("drop");
  EXPECT_EQ(host_.status, LARES_FAILED);
  EXPECT_EQ(host_.message, "the module dropped the question");
}

TEST_F(Wrapper, LetsNoExceptionAcross) {
  invite("throw");
  EXPECT_EQ(host_.status, LARES_FAILED);
}

TEST_F(Wrapper, AnswersACancelledCallOnce) {
  invite("keep");
  EXPECT_EQ(host_.status, -1);
  descriptor_.cancel(module_, {{1, host_.last}});
  EXPECT_EQ(host_.status, LARES_FAILED);
}

TEST_F(Wrapper, ReportsAWrongConfiguration) {
  create_.config = view("bad");
  lares_error error{};
  error.struct_size = sizeof(error);
  void* none = nullptr;
  EXPECT_EQ(descriptor_.create(&create_, &none, &error), LARES_CONFIG);
  EXPECT_EQ(std::string(error.message, error.message_size), "config: bad");
  EXPECT_EQ(none, nullptr);
}

TEST_F(Wrapper, CutsALongErrorAtACharacter) {
  lares_error error{};
  error.struct_size = sizeof(error);
  std::string text(sizeof(error.message) - 1, 'x');
  text += "é";
  detail::set_error(&error, LARES_FAILED, text.c_str());
  EXPECT_EQ(error.message_size, sizeof(error.message) - 1);
}

TEST_F(Wrapper, LogsThroughTheHost) {
  EXPECT_EQ(host_.lines, std::vector<std::string>{"made at 17"});
}

}  // namespace
}  // namespace lares::module
