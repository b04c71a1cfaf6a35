// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>

namespace lares::storage::test {

/// An SQLite VFS on a disk that loses its power: what was written and not synced by then is forgotten, or
/// kept, or kept in part, sector by sector, as chance wants. From the cut on every operation fails.
class ForgetfulVfs {
 public:
  ForgetfulVfs();
  ~ForgetfulVfs();
  ForgetfulVfs(const ForgetfulVfs&) = delete;
  ForgetfulVfs& operator=(const ForgetfulVfs&) = delete;

  [[nodiscard]] const std::string& name() const noexcept;

  /// The power goes with this operation (write, sync, truncation), counted from now; 0 for never.
  void cut_at(std::uint64_t operation);
  [[nodiscard]] std::uint64_t operations() const;
  [[nodiscard]] bool is_cut() const;

  /// At the cut the files are left as `restore` leaves them and this process kills itself; until then nobody
  /// reads.
  void end_process_at_cut(std::uint64_t seed);

  /// Asked before each write that would make a file longer: whether the disk has no room for it.
  void full_if(std::function<bool()> is_full);

  /// From now on the VFS of whoever names none.
  void become_default();

  /// After everything was closed: leaves the files as the disk has them when the power comes back.
  void restore(std::mt19937_64& chance);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lares::storage::test
