// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/statement.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace lares::storage {

const Statement& Statement::generated(std::string text) {
  struct Kept {
    explicit Kept(std::string from) : text{std::move(from)}, statement{std::string_view{text}, 0} {}
    const std::string text;
    const Statement statement;
  };
  static std::mutex mutex;
  static std::unordered_map<std::string_view, std::unique_ptr<Kept>> all;
  const std::lock_guard lock{mutex};
  const auto found = all.find(text);
  if (found != all.end()) {
    return found->second->statement;
  }
  auto kept = std::make_unique<Kept>(std::move(text));
  const Statement& statement = kept->statement;
  all.emplace(std::string_view{kept->text}, std::move(kept));
  return statement;
}

}  // namespace lares::storage
