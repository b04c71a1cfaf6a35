// SPDX-License-Identifier: Apache-2.0
#include <lares/stream/command.hpp>

#include <lares/json/scanner.hpp>

#include <algorithm>
#include <charconv>

namespace lares::stream {

namespace {

std::string_view take_word(std::string_view& rest) {
  const std::size_t end = rest.find(' ');
  const std::string_view word = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return word;
}

bool read_position(std::string_view text, std::int64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && out >= 0;
}

// Of those that JSON has to escape: the others may stand in a row.
bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20;
}

// As much of the line as may be shown, whole characters alone.
std::string beginning(std::string_view line) {
  constexpr std::size_t kShown = 200;
  const std::string_view cut = line.substr(0, kShown);
  return std::string{cut.substr(0, json::valid_utf8_prefix(cut))};
}

}  // namespace

bool is_command_name(std::string_view name) noexcept {
  return std::ranges::find(kCommandNames, name) != kCommandNames.end();
}

std::expected<Command, std::string> parse_command(std::string_view line) {
  if (line.size() > kLongestCommand) {
    return std::unexpected(std::string{"The command is longer than 1 MiB."});
  }
  // Nothing of such a line is repeated, since the answer is a line, too.
  if (json::valid_utf8_prefix(line) != line.size()) {
    return std::unexpected(std::string{"The command is not UTF-8."});
  }
  if (std::ranges::any_of(line, is_control)) {
    return std::unexpected(std::string{"The command has a control character."});
  }
  std::string_view rest = line;
  const std::string_view name = take_word(rest);
  if (name.empty()) {
    return std::unexpected(std::string{"The line is empty."});
  }
  if (name == "RDATA") {
    RdataCommand command{.stream = std::string{take_word(rest)},
                         .instance = std::string{take_word(rest)},
                         .token = {},
                         .row = {}};
    const std::string_view token = take_word(rest);
    std::int64_t number = 0;
    if (token != "batch") {
      if (!read_position(token, number)) {
        return std::unexpected("RDATA has neither a number nor 'batch' as its token: " + beginning(line));
      }
      command.token = number;
    }
    if (command.stream.empty() || command.instance.empty() || rest.empty()) {
      return std::unexpected("RDATA lacks stream, instance or row: " + beginning(line));
    }
    command.row = rest;
    return command;
  }
  if (name == "POSITION") {
    PositionCommand command{.stream = std::string{take_word(rest)}, .instance = std::string{take_word(rest)}};
    const std::string_view previous = take_word(rest);
    const std::string_view current = take_word(rest);
    if (command.stream.empty() || command.instance.empty() || !read_position(previous, command.previous) ||
        !read_position(current, command.current)) {
      return std::unexpected("POSITION lacks stream, instance or numbers: " + beginning(line));
    }
    return command;
  }
  if (name == "WRITERS") {
    WritersCommand command{.stream = std::string{take_word(rest)}, .instance = std::string{take_word(rest)}};
    if (command.stream.empty() || command.instance.empty() || !read_position(take_word(rest), command.list)) {
      return std::unexpected("WRITERS lacks stream, instance or number: " + beginning(line));
    }
    return command;
  }
  if (name == "REPLICATE") {
    return ReplicateCommand{};
  }
  return OtherCommand{.name = std::string{name}, .arguments = std::string{rest}};
}

std::string format_rdata(std::string_view stream, std::string_view instance,
                         std::optional<std::int64_t> token, std::string_view row) {
  std::string line = "RDATA ";
  line += stream;
  line += ' ';
  line += instance;
  line += ' ';
  line += token ? std::to_string(*token) : std::string{"batch"};
  line += ' ';
  line += row;
  return line;
}

std::string format_position(std::string_view stream, std::string_view instance, std::int64_t previous,
                            std::int64_t current) {
  std::string line = "POSITION ";
  line += stream;
  line += ' ';
  line += instance;
  line += ' ';
  line += std::to_string(previous);
  line += ' ';
  line += std::to_string(current);
  return line;
}

std::string format_writers(std::string_view stream, std::string_view instance, std::int64_t list) {
  std::string line = "WRITERS ";
  line += stream;
  line += ' ';
  line += instance;
  line += ' ';
  line += std::to_string(list);
  return line;
}

}  // namespace lares::stream
