// SPDX-License-Identifier: Apache-2.0
// A plugin that writes down what the host does with it, into the file that LARES_TEST_RECORD names.
#pragma once

#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>

#include <cstdlib>
#include <fstream>
#include <string_view>

class Recording : public lares::Plugin {
 public:
  explicit Recording(const char* name) : name_(name) { record("constructed"); }
  ~Recording() override { record("destroyed"); }

  lares::Task<void> start() override {
    record("started");
    co_return;
  }
  void begin_drain() noexcept override { record("begins to drain"); }
  lares::Task<void> drain() override {
    record("drained");
    co_return;
  }
  lares::Task<void> stop() noexcept override {
    record("stopped");
    co_return;
  }

 protected:
  void record(std::string_view step) const noexcept {
    std::ofstream(std::getenv("LARES_TEST_RECORD"), std::ios::app) << name_ << " " << step << "\n";
  }

 private:
  const char* name_;
};
