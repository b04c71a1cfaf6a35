// SPDX-License-Identifier: Apache-2.0
#include <ctl/password_input.hpp>

#include <fmt/format.h>

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <stdexcept>

namespace lares::ctl {

namespace {

/// Keeps the terminal from showing what is typed.
class Silence {
 public:
  Silence() {
    ::tcgetattr(STDIN_FILENO, &before_);
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() { ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_); }

 private:
  termios before_{};
};

std::string ask(std::string_view question) {
  fmt::print(stderr, "{}: ", question);
  std::string line;
  {
    const Silence silence;
    std::getline(std::cin, line);
  }
  fmt::print(stderr, "\n");
  return line;
}

}  // namespace

std::string read_new_password() {
  std::string password;
  if (::isatty(STDIN_FILENO) == 0) {
    std::getline(std::cin, password);
  } else {
    password = ask("Password");
    if (ask("Once more") != password) {
      throw std::runtime_error("the two passwords differ");
    }
  }
  if (password.empty()) {
    throw std::runtime_error("no password was given");
  }
  return password;
}

}  // namespace lares::ctl
