// SPDX-License-Identifier: Apache-2.0
#include <lares/base/error.hpp>

namespace lares {

StartError::StartError(const std::string& sentence, int exit_code)
    : std::runtime_error{sentence}, exit_code_{exit_code} {}
StartError::~StartError() = default;

QueueFull::QueueFull(const std::string& queue) : std::runtime_error{"Too much is waiting in: " + queue} {}
QueueFull::~QueueFull() = default;

TimeoutError::TimeoutError(const std::string& what) : std::runtime_error{what} {}
TimeoutError::~TimeoutError() = default;

BrokenPromise::BrokenPromise() : std::runtime_error{"Whoever was to complete this went away"} {}
BrokenPromise::~BrokenPromise() = default;

}  // namespace lares
