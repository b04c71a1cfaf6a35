// SPDX-License-Identifier: Apache-2.0
#include "passwords.hpp"

#include <lares/async/real_runtime.hpp>
#include <lares/async/task_group.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace lares::identity {
namespace {

const PasswordCost kCheap{.operations = 1, .memory = 8192};

class PasswordsTest : public ::testing::Test {
 protected:
  template <class T>
  T run(Task<T> task) {
    return run_blocking(runtime_, "test", std::move(task));
  }
  Passwords::Check check(std::string password, std::string stored) {
    return run(passwords_.check(std::move(password), std::move(stored)));
  }

  RealRuntime runtime_{{.threads = 1}};
  Passwords passwords_{runtime_, kCheap};
};

TEST_F(PasswordsTest, NewHashesAreArgon2idAndSalted) {
  const std::string one = run(passwords_.hash("secret"));
  EXPECT_TRUE(one.starts_with("$argon2id$v=19$m=8,t=1,p=1$")) << one;
  EXPECT_NE(run(passwords_.hash("secret")), one);
}

TEST_F(PasswordsTest, ThePepperIsPartOfThePassword) {
  RealRuntime runtime{{.threads = 1}};
  Passwords peppered{runtime, {.operations = 1, .memory = 8192, .pepper = "pepper"}};
  const std::string stored = run_blocking(runtime, "test", peppered.hash("secret"));
  EXPECT_TRUE(run_blocking(runtime, "test", peppered.check("secret", stored)).right);
  EXPECT_FALSE(check("secret", stored).right);
  EXPECT_TRUE(check("secretpepper", stored).right);
}

TEST_F(PasswordsTest, TheRightPasswordIsRight) {
  for (const std::string& password : {std::string{"secret"}, std::string{}, std::string{"pässwörd 🔑"},
                                      std::string{"a\0b", 3}, std::string(512, 'x')}) {
    const std::string stored = run(passwords_.hash(password));
    const Passwords::Check right = check(password, stored);
    EXPECT_TRUE(right.right);
    EXPECT_FALSE(right.upgrade);
    EXPECT_FALSE(check(password + "x", stored).right);
  }
}

TEST_F(PasswordsTest, AHashOfAnotherCostIsMadeAnew) {
  const std::string stored = run(passwords_.hash("secret"));
  RealRuntime another{{.threads = 1}};
  Passwords dearer{another, {.operations = 2, .memory = 16384}};
  const Passwords::Check right = run(dearer.check("secret", stored));
  EXPECT_TRUE(right.right);
  EXPECT_TRUE(right.upgrade);
  EXPECT_FALSE(run(dearer.check("wrong", stored)).upgrade);
}

TEST_F(PasswordsTest, BcryptIsAcceptedAndMadeAnew) {
  const std::string stored = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
  const Passwords::Check right = check("secret", stored);
  EXPECT_TRUE(right.right);
  EXPECT_TRUE(right.upgrade);
  const Passwords::Check wrong = check("Secret", stored);
  EXPECT_FALSE(wrong.right);
  EXPECT_FALSE(wrong.upgrade);
}

TEST_F(PasswordsTest, WithoutAHashNothingIsRight) {
  EXPECT_FALSE(check("secret", "").right);
  EXPECT_FALSE(check("", "").right);
}

TEST_F(PasswordsTest, AHashThatCannotBeReadIsNeverRight) {
  for (const char* stored :
       {"secret", "$2b$", "$2b$99$x", "$2", "*0", "*1", "$argon2id$", "$6$salt$hash", "$argon2i$v=19"}) {
    const Passwords::Check read = check("secret", stored);
    EXPECT_FALSE(read.right) << stored;
    EXPECT_FALSE(read.upgrade) << stored;
  }
}

}  // namespace
}  // namespace lares::identity
