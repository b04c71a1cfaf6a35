// SPDX-License-Identifier: Apache-2.0
#include <config/rule_context.hpp>

#include <algorithm>

namespace lares::config {

const nlohmann::json* RuleContext::at(std::string_view path) const {
  const nlohmann::json* value = &checked_.root;
  for (;;) {
    const auto dot = path.find('.');
    if (!value->is_object()) {
      return nullptr;
    }
    const auto found = value->find(path.substr(0, dot));
    if (found == value->end()) {
      return nullptr;
    }
    value = &*found;
    if (dot == std::string_view::npos) {
      return value;
    }
    path.remove_prefix(dot + 1);
  }
}

bool RuleContext::given(std::string_view path) const {
  if (checked_.origins.contains(path)) {
    return true;
  }
  const auto* entry = sources_.root.find(path);
  return entry != nullptr && entry->value.kind != Node::Kind::Null;
}

std::string RuleContext::text(std::string_view path) const {
  const auto* value = at(path);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::vector<std::string> RuleContext::texts(std::string_view path) const {
  const auto* value = at(path);
  std::vector<std::string> result;
  if (value != nullptr && value->is_array()) {
    for (const auto& item : *value) {
      if (item.is_string()) {
        result.push_back(item.get<std::string>());
      }
    }
  }
  return result;
}

bool RuleContext::flag(std::string_view path) const {
  const auto* value = at(path);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::string RuleContext::place(Mark mark) const {
  const std::string& name = checked_.names.at(static_cast<std::size_t>(mark.source));
  return mark.line > 0 ? name + ':' + std::to_string(mark.line) : name;
}

Mark RuleContext::mark_of(std::string_view path) const {
  for (;;) {
    if (const auto found = checked_.origins.find(path); found != checked_.origins.end()) {
      return found->second.mark;
    }
    if (const auto* entry = sources_.root.find(path)) {
      return entry->key_mark;
    }
    const auto end = path.find_last_of(".[");
    if (end == std::string_view::npos) {
      return {};
    }
    path = path.substr(0, end);
  }
}

void RuleContext::report(Severity severity, std::string_view path, std::string message) {
  const Mark mark = mark_of(path);
  std::string file = mark.source < 0 ? "" : checked_.names[static_cast<std::size_t>(mark.source)];
  checked_.diagnostics.push_back(
      {severity, std::move(file), mark.line, std::string(path), std::move(message)});
}

void RuleContext::error(std::string_view path, std::string message) {
  report(Severity::Error, path, std::move(message));
}

void RuleContext::warning(std::string_view path, std::string message) {
  report(Severity::Warning, path, std::move(message));
}

}  // namespace lares::config
