// SPDX-License-Identifier: Apache-2.0
#include <config/sources.hpp>

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <expected>
#include <fstream>
#include <iterator>
#include <string_view>

namespace lares::config {

namespace {

namespace fs = std::filesystem;

/// More than anyone writes; a folder named by mistake ends here.
constexpr std::size_t kMaxFiles = 1000;

bool same(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.quoted != b.quoted || a.text != b.text || a.items.size() != b.items.size() ||
      a.entries.size() != b.entries.size()) {
    return false;
  }
  return std::ranges::equal(a.items, b.items, same) &&
         std::ranges::equal(a.entries, b.entries, [](const Node::Entry& x, const Node::Entry& y) {
           return x.key == y.key && same(x.value, y.value);
         });
}

class Reader {
 public:
  explicit Reader(const ReadOptions& options) : options_(options) {
    sources_.environment = options.environment;
    sources_.limits = options.limits;
    sources_.look_at_files = options.look_at_files;
    sources_.inline_secrets = options.inline_secrets;
    sources_.root.kind = Node::Kind::Mapping;
  }

  Sources run() {
    for (const auto& path : options_.paths) {
      std::error_code error;
      const auto status = fs::status(path, error);
      if (!fs::exists(status)) {
        fail(path, error && error != std::errc::no_such_file_or_directory
                       ? error.message()
                       : "there is no such file or folder");
      } else if (fs::is_directory(status)) {
        read_folder(path);
      } else {
        read_file(path);
      }
    }
    return std::move(sources_);
  }

 private:
  void report(Severity severity, const fs::path& file, std::string message) {
    sources_.diagnostics.push_back({severity, file.string(), 0, "", std::move(message)});
  }
  void fail(const fs::path& file, std::string message) {
    report(Severity::Error, file, std::move(message));
    sources_.complete = false;
  }

  void read_folder(const fs::path& folder) {
    std::error_code error;
    std::vector<fs::path> files;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      const auto& path = it->path();
      if (path.extension() == ".yaml") {
        files.push_back(path);
      } else if (path.extension() == ".yml") {
        report(Severity::Warning, path, "is not read: of a folder, only files whose names end in .yaml are");
      }
    }
    if (error) {
      fail(folder, error.message());
      return;
    }
    if (files.empty()) {
      report(Severity::Warning, folder, "the folder holds no file whose name ends in .yaml");
    }
    std::ranges::sort(files);
    for (const auto& file : files) {
      read_file(file);
    }
  }

  void read_file(const fs::path& file) {
    if (sources_.names.size() >= kMaxFiles) {
      if (sources_.complete) {
        fail(file, fmt::format("not read: more than {} files", kMaxFiles));
      }
      return;
    }
    const int source = static_cast<int>(sources_.names.size());
    sources_.names.push_back(file.string());
    sources_.world_readable.push_back(false);
    const auto text = content_of(file);
    if (!text) {
      fail(file, text.error());
      return;
    }
    auto document = parse_document(*text, source, file.string(), options_.limits);
    if (!document) {
      sources_.diagnostics.push_back(std::move(document.error()));
      sources_.complete = false;
      return;
    }
    if (document->kind == Node::Kind::Null) {
      return;
    }
    if (document->kind != Node::Kind::Mapping) {
      fail(file, "holds no mapping (\"key: value\")");
      return;
    }
    merge(std::move(*document));
  }

  std::expected<std::string, std::string> content_of(const fs::path& file) {
    struct stat status{};
    if (::stat(file.c_str(), &status) != 0) {
      return std::unexpected(std::string(std::strerror(errno)));
    }
    // A named pipe or a device could keep the start waiting for ever; /dev/null is a way to say "nothing".
    if (S_ISDIR(status.st_mode) || S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) {
      return std::unexpected(std::string("is no file"));
    }
    sources_.world_readable.back() = (status.st_mode & S_IROTH) != 0;
    std::ifstream in(file, std::ios::binary);
    if (!in) {
      return std::unexpected(std::string(std::strerror(errno)));
    }
    std::string text(options_.limits.bytes + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) {
      return std::unexpected(std::string("cannot be read"));
    }
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
  }

  void merge(Node document) {
    for (auto& entry : document.entries) {
      const auto earlier = std::ranges::find(sources_.root.entries, entry.key, &Node::Entry::key);
      if (earlier == sources_.root.entries.end()) {
        sources_.root.entries.push_back(std::move(entry));
        continue;
      }
      sources_.replaced.push_back(
          {entry.key, earlier->key_mark, entry.key_mark, same(earlier->value, entry.value)});
      *earlier = std::move(entry);
    }
  }

  const ReadOptions& options_;
  Sources sources_;
};

}  // namespace

std::map<std::string, std::string> lares_environment() {
  std::map<std::string, std::string> result;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const auto equals = text.find('=');
    if (text.starts_with("LARES_") && equals != std::string_view::npos) {
      result.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return result;
}

Sources read_sources(const ReadOptions& options) {
  return Reader(options).run();
}

}  // namespace lares::config
