// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <fmt/core.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lares::log {

enum class Level : std::uint8_t { kDebug, kInfo, kWarning, kError, kCritical, kOff };

/// DEBUG, INFO, WARNING, ERROR, CRITICAL, OFF.
[[nodiscard]] LARES_EXPORT std::string_view to_string(Level level) noexcept;
/// Reads the same names in either case, and WARN.
[[nodiscard]] LARES_EXPORT std::optional<Level> parse_level(std::string_view name) noexcept;

/// A format string together with the place where it stands. Made by the compiler at the call.
template <class... Args>
struct Format {
  template <class Text>
    requires std::convertible_to<const Text&, std::string_view>
  consteval Format(const Text& text, std::source_location at = std::source_location::current())
      : format{text}, where{at} {}

  fmt::format_string<Args...> format;
  std::source_location where;
};

namespace detail {
struct Node {
  std::string name;
  std::atomic<Level> effective{Level::kInfo};
};
LARES_EXPORT void write(const Node& node, Level level, const std::source_location& where,
                        fmt::string_view format, fmt::format_args args) noexcept;
LARES_EXPORT void write_plain(const Node& node, Level level, const std::source_location& where,
                              std::string_view message) noexcept;
}  // namespace detail

/// Writes log records under a dotted name, `lares.http.request`. A level set for `lares.http` holds for
/// everything below it that has none of its own. Two loggers of one name are the same logger.
///
/// The arguments are formatted only when the level is enabled; when they are expensive to obtain, ask
/// enabled() first. A record carries the fields of the current LogContext. Secrets (access tokens, client
/// secrets) are taken out of every record, but are not to be put there.
///
/// **Threads** any. **Lifetime** a pointer wide, copied freely, valid while the process lives. In plugins: a
/// member, or got where it is used, never at namespace scope. **Errors** none: what cannot be written is
/// dropped and counted.
class LARES_EXPORT Logger {
 public:
  explicit Logger(std::string_view name);

  [[nodiscard]] const std::string& name() const noexcept { return node_->name; }
  [[nodiscard]] bool enabled(Level level) const noexcept {
    return level >= node_->effective.load(std::memory_order_relaxed);
  }

  template <class... Args>
  void debug(Format<std::type_identity_t<Args>...> format, Args&&... args) const noexcept {
    write(Level::kDebug, format.where, format.format, args...);
  }
  template <class... Args>
  void info(Format<std::type_identity_t<Args>...> format, Args&&... args) const noexcept {
    write(Level::kInfo, format.where, format.format, args...);
  }
  template <class... Args>
  void warning(Format<std::type_identity_t<Args>...> format, Args&&... args) const noexcept {
    write(Level::kWarning, format.where, format.format, args...);
  }
  template <class... Args>
  void error(Format<std::type_identity_t<Args>...> format, Args&&... args) const noexcept {
    write(Level::kError, format.where, format.format, args...);
  }
  template <class... Args>
  void critical(Format<std::type_identity_t<Args>...> format, Args&&... args) const noexcept {
    write(Level::kCritical, format.where, format.format, args...);
  }

  /// Writes a text that is not a format string: what a module hands over, a line built elsewhere.
  void message(Level level, std::string_view text,
               std::source_location where = std::source_location::current()) const noexcept {
    if (enabled(level)) {
      detail::write_plain(*node_, level, where, text);
    }
  }

 private:
  template <class... Args>
  void write(Level level, const std::source_location& where, fmt::string_view format,
             Args&... args) const noexcept {
    if (enabled(level)) {
      detail::write(*node_, level, where, format, fmt::make_format_args(args...));
    }
  }

  const detail::Node* node_;
};

/// How a sink lays out its records.
enum class Layout : std::uint8_t {
  kHuman,      ///< `time - name - line - LEVEL - request - message`
  kJson,       ///< one object a line: log, namespace, level, every field of the context
  kTerseJson,  ///< the same with `time` in seconds, two decimals
};

/// Where records go.
struct SinkOptions {
  Layout layout = Layout::kHuman;
  /// Empty: standard error. Otherwise an absolute path, appended to, reopened by reopen().
  std::string file{};
  /// The file is readable by its owner and group only.
  unsigned file_mode = 0640;
  /// Records below it do not reach this sink.
  Level level = Level::kDebug;
};

struct Options {
  Level root_level = Level::kInfo;
  /// Levels by logger name.
  std::vector<std::pair<std::string, Level>> levels{};
  std::vector<SinkOptions> sinks{};
  /// Bytes of finished lines that wait for the disk, for each sink; further records are dropped and counted.
  std::size_t max_waiting_bytes = std::size_t{8} * 1024 * 1024;
};

/// Puts sinks and levels in place, replacing the former ones; before the first call, warnings and worse go to
/// standard error. May be called again while the process runs.
///
/// **Errors** a sentence when a file cannot be opened; then nothing has changed.
[[nodiscard]] LARES_EXPORT std::expected<void, std::string> configure(Options options);

/// Sets (or with nothing removes) the level of a logger and of those below it that have none of their own, at
/// once.
LARES_EXPORT void set_level(std::string_view logger, std::optional<Level> level);

/// The level that holds for a logger.
[[nodiscard]] LARES_EXPORT Level level_of(std::string_view logger);

/// The levels that were set, sorted by name; the root's name is empty.
[[nodiscard]] LARES_EXPORT std::vector<std::pair<std::string, Level>> levels();

/// Opens the files anew, after a log rotation has moved them (SIGHUP). What cannot be opened goes on as it
/// was.
LARES_EXPORT void reopen() noexcept;

/// Waits until what was logged so far has been handed to the kernel, 5 s at most. For the end of the process
/// and for tests.
LARES_EXPORT void flush() noexcept;

/// Records dropped since the start because a sink could not keep up.
[[nodiscard]] LARES_EXPORT std::uint64_t dropped_records() noexcept;

/// `text` without the secrets that may stand in it: values of access_token, client_secret and similar query
/// parameters, Bearer tokens, and anything that begins like one of our tokens or of a reference server's.
/// Every sink applies it.
[[nodiscard]] LARES_EXPORT std::string redact(std::string_view text);

/// Takes finished lines instead of the sinks, for tests; null puts the sinks back. Not called concurrently.
class LARES_EXPORT Capture {
 public:
  virtual ~Capture();
  virtual void line(std::string_view line) = 0;

 protected:
  Capture() = default;
  Capture(const Capture&) = default;
  Capture& operator=(const Capture&) = default;
};
LARES_EXPORT void set_capture(Capture* capture, Layout layout = Layout::kHuman);

}  // namespace lares::log
