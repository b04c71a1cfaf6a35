// SPDX-License-Identifier: Apache-2.0
#include <observe/process_metrics.hpp>

#include <dirent.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

namespace lares {

namespace {

/// A file below /proc; empty when it cannot be read.
std::string read_file(const char* path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path, "re"), &std::fclose};
  std::string text;
  std::array<char, 4096> piece{};
  while (const std::size_t size = file ? std::fread(piece.data(), 1, piece.size(), file.get()) : 0) {
    text.append(piece.data(), size);
  }
  return text;
}

/// The `index`th number of a text of numbers separated by spaces, from 0.
double number_at(std::string_view text, std::size_t index) {
  for (; index > 0; --index) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) {
      return 0;
    }
    text.remove_prefix(space + 1);
  }
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return static_cast<double>(number);
}

/// A field of /proc/self/stat behind the command's name, counted as in proc(5), where the state is 3.
double stat_field(std::size_t field) {
  const std::string text = read_file("/proc/self/stat");
  const std::size_t after_name = text.rfind(')');
  constexpr std::size_t kState = 3;
  return after_name == std::string::npos
             ? 0
             : number_at(std::string_view{text}.substr(after_name + 2), field - kState);
}

double page_size() {
  return static_cast<double>(sysconf(_SC_PAGESIZE));
}

double cpu_seconds(std::size_t field) {
  return stat_field(field) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

constexpr std::size_t kUserTime = 14;
constexpr std::size_t kSystemTime = 15;
constexpr std::size_t kStartTime = 22;

double start_time() {
  const std::string stat = read_file("/proc/stat");
  constexpr std::string_view kBoot = "btime ";
  const std::size_t boot = stat.find(kBoot);
  return (boot == std::string::npos ? 0 : number_at(std::string_view{stat}.substr(boot + kBoot.size()), 0)) +
         cpu_seconds(kStartTime);
}

double open_descriptors() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder{opendir("/proc/self/fd"), &closedir};
  // Not itself, nor the two entries for the folders.
  double count = -3;
  while (folder && readdir(folder.get()) != nullptr) {
    ++count;
  }
  return count;
}

double most_descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

ProcessMetrics::ProcessMetrics(metrics::Registry& registry, std::string_view version,
                               std::span<const std::string> server_names) {
  const auto gauge = [&](const char* name, const char* help, std::function<double()> read) {
    callbacks_.push_back(registry.on_scrape(name, help, std::move(read)));
  };
  const double started = start_time();
  callbacks_.push_back(registry.on_scrape(
      {.name = "process_cpu_seconds_total", .help = "User and system CPU time spent in seconds"},
      metrics::Kind::kCounter, [] {
        return std::vector<metrics::Sample>{
            {.label_values = {}, .value = cpu_seconds(kUserTime) + cpu_seconds(kSystemTime)}};
      }));
  gauge("process_cpu_user_seconds_total", "User CPU time spent in seconds",
        [] { return cpu_seconds(kUserTime); });
  gauge("process_cpu_system_seconds_total", "System CPU time spent in seconds",
        [] { return cpu_seconds(kSystemTime); });
  gauge("process_resident_memory_bytes", "Resident memory size in bytes",
        [] { return number_at(read_file("/proc/self/statm"), 1) * page_size(); });
  gauge("process_virtual_memory_bytes", "Virtual memory size in bytes",
        [] { return number_at(read_file("/proc/self/statm"), 0) * page_size(); });
  gauge("process_start_time_seconds", "Start time of the process since the epoch in seconds",
        [started] { return started; });
  gauge("process_open_fds", "Number of open file descriptors", &open_descriptors);
  gauge("process_max_fds", "Maximum number of open file descriptors", &most_descriptors);

  utsname system{};
  uname(&system);
  registry
      .gauges({.name = "synapse_build_info",
               .help = "Which build runs where",
               .labels = {metrics::Label::bounded("version", 1), metrics::Label::bounded("osversion", 1)}})
      .at({version, std::string{system.sysname} + " " + system.release})
      .set(1);
  const auto servers = registry.gauges({.name = "synapse_server_name_info",
                                        .help = "The servers of this process",
                                        .labels = {metrics::Label::server_name()}});
  for (const std::string& server : server_names) {
    servers.at({server}).set(1);
  }
}

}  // namespace lares
