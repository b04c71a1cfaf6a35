// SPDX-License-Identifier: Apache-2.0
#include "forgetful_vfs.hpp"

#include <sqlite3.h>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace lares::storage::test {

namespace {

constexpr std::size_t kSector = 512;

struct Change {
  bool truncates = false;
  std::size_t offset = 0;  // of a truncation: the new length
  std::vector<char> bytes;
};

// What the disk surely has of a file, and what it may have.
struct Disk {
  bool exists = false;
  std::vector<char> synced;
  std::vector<Change> unsynced;
};

void apply(std::vector<char>& image, const Change& change) {
  if (change.truncates) {
    image.resize(change.offset);
    return;
  }
  image.resize(std::max(image.size(), change.offset + change.bytes.size()));
  std::ranges::copy(change.bytes, image.begin() + static_cast<std::ptrdiff_t>(change.offset));
}

}  // namespace

struct ForgetfulVfs::State {
  sqlite3_vfs vfs{};
  sqlite3_vfs* real = nullptr;
  std::string name;
  mutable std::mutex mutex;
  std::map<std::string, Disk> disks;
  std::uint64_t count = 0;
  std::uint64_t cut = 0;
  bool dead = false;
  std::function<bool()> is_full;
  std::function<void()> at_cut;

  // The operation during which the power goes fails with `code`, if anybody is left to be told.
  int went(int code) {
    if (at_cut) {
      at_cut();
    }
    return code;
  }
  void restore(std::mt19937_64& chance);

  // Counts an operation; false once the power is gone. The one during which it goes is still on its way to
  // the disk.
  bool power(bool& last) {
    last = false;
    if (dead) {
      return false;
    }
    ++count;
    if (cut != 0 && count >= cut) {
      dead = true;
      last = true;
    }
    return true;
  }
};

namespace {

struct File {
  sqlite3_file base;
  void* state;  // ForgetfulVfs::State
  const char* path;
  bool tracked;
};

sqlite3_file* real_of(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
}

template <class State>
State& state_of(sqlite3_file* file) {
  return *static_cast<State*>(reinterpret_cast<File*>(file)->state);
}

// The methods, as static functions of a template, so that they see the private State.
template <class State>
struct Methods {
  static State& state(sqlite3_file* file) { return state_of<State>(file); }
  static File& self(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  static const sqlite3_io_methods& real(sqlite3_file* file) { return *real_of(file)->pMethods; }

  static int close(sqlite3_file* file) { return real(file).xClose(real_of(file)); }
  static int read(sqlite3_file* file, void* out, int amount, sqlite3_int64 offset) {
    const std::lock_guard lock{state(file).mutex};
    return real(file).xRead(real_of(file), out, amount, offset);
  }
  static int write(sqlite3_file* file, const void* bytes, int amount, sqlite3_int64 offset) {
    if (self(file).tracked) {
      const std::lock_guard lock{state(file).mutex};
      sqlite3_int64 size = 0;
      if (state(file).is_full && real(file).xFileSize(real_of(file), &size) == SQLITE_OK &&
          offset + amount > size && state(file).is_full()) {
        return SQLITE_FULL;
      }
      bool last = false;
      if (!state(file).power(last)) {
        return SQLITE_IOERR_WRITE;
      }
      const char* const begin = static_cast<const char*>(bytes);
      state(file).disks[self(file).path].unsynced.push_back(
          {.offset = static_cast<std::size_t>(offset), .bytes = {begin, begin + amount}});
      if (last) {
        return state(file).went(SQLITE_IOERR_WRITE);
      }
    }
    return real(file).xWrite(real_of(file), bytes, amount, offset);
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    if (self(file).tracked) {
      const std::lock_guard lock{state(file).mutex};
      bool last = false;
      if (!state(file).power(last)) {
        return SQLITE_IOERR_TRUNCATE;
      }
      state(file).disks[self(file).path].unsynced.push_back(
          {.truncates = true, .offset = static_cast<std::size_t>(size), .bytes = {}});
      if (last) {
        return state(file).went(SQLITE_IOERR_TRUNCATE);
      }
    }
    return real(file).xTruncate(real_of(file), size);
  }
  static int sync(sqlite3_file* file, int /*flags*/) {
    if (self(file).tracked) {
      const std::lock_guard lock{state(file).mutex};
      bool last = false;
      // A sync during which the power goes has done nothing for sure.
      if (!state(file).power(last)) {
        return SQLITE_IOERR_FSYNC;
      }
      if (last) {
        return state(file).went(SQLITE_IOERR_FSYNC);
      }
      Disk& disk = state(file).disks[self(file).path];
      for (const Change& change : disk.unsynced) {
        apply(disk.synced, change);
      }
      disk.unsynced.clear();
      disk.exists = true;
    }
    return SQLITE_OK;
  }
  static int file_size(sqlite3_file* file, sqlite3_int64* size) {
    return real(file).xFileSize(real_of(file), size);
  }
  static int lock(sqlite3_file* file, int level) { return real(file).xLock(real_of(file), level); }
  static int unlock(sqlite3_file* file, int level) { return real(file).xUnlock(real_of(file), level); }
  static int check_reserved_lock(sqlite3_file* file, int* out) {
    return real(file).xCheckReservedLock(real_of(file), out);
  }
  static int file_control(sqlite3_file* file, int operation, void* argument) {
    return real(file).xFileControl(real_of(file), operation, argument);
  }
  static int sector_size(sqlite3_file* /*file*/) { return kSector; }
  // As SQLite's own: what is written does no harm to what lies beside it.
  static int device_characteristics(sqlite3_file* /*file*/) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }
  static int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
    return real(file).xShmMap(real_of(file), page, size, extend, out);
  }
  static int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
    return real(file).xShmLock(real_of(file), offset, count, flags);
  }
  static void shm_barrier(sqlite3_file* file) { real(file).xShmBarrier(real_of(file)); }
  static int shm_unmap(sqlite3_file* file, int remove) { return real(file).xShmUnmap(real_of(file), remove); }

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
    auto* const owner = static_cast<State*>(vfs->pAppData);
    std::memset(file, 0, sizeof(File));
    const int code = owner->real->xOpen(owner->real, path, real_of(file), flags, out_flags);
    if (code != SQLITE_OK) {
      return code;
    }
    File& self_file = self(file);
    self_file.state = owner;
    self_file.path = path;
    self_file.tracked = (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    static const sqlite3_io_methods kMethods{2,
                                             close,
                                             read,
                                             write,
                                             truncate,
                                             sync,
                                             file_size,
                                             lock,
                                             unlock,
                                             check_reserved_lock,
                                             file_control,
                                             sector_size,
                                             device_characteristics,
                                             shm_map,
                                             shm_lock,
                                             shm_barrier,
                                             shm_unmap,
                                             nullptr,
                                             nullptr};
    file->pMethods = &kMethods;
    if (self_file.tracked) {
      const std::lock_guard lock{owner->mutex};
      if (!owner->disks.contains(path)) {
        Disk& disk = owner->disks[path];
        std::ifstream in{path, std::ios::binary};
        disk.synced.assign(std::istreambuf_iterator<char>{in}, {});
        disk.exists = !disk.synced.empty();
      }
    }
    return SQLITE_OK;
  }
  static int remove(sqlite3_vfs* vfs, const char* path, int sync_folder) {
    auto* const owner = static_cast<State*>(vfs->pAppData);
    {
      const std::lock_guard lock{owner->mutex};
      if (owner->dead) {
        return SQLITE_IOERR_DELETE;
      }
      owner->disks.erase(path);
    }
    return owner->real->xDelete(owner->real, path, sync_folder);
  }
};

}  // namespace

ForgetfulVfs::ForgetfulVfs() : state_{std::make_unique<State>()} {
  static std::atomic<int> next{0};
  State& state = *state_;
  state.name = "forgetful" + std::to_string(next.fetch_add(1));
  state.real = sqlite3_vfs_find(nullptr);
  state.vfs = *state.real;
  state.vfs.pNext = nullptr;
  state.vfs.zName = state.name.c_str();
  state.vfs.pAppData = &state;
  state.vfs.szOsFile = static_cast<int>(sizeof(File)) + state.real->szOsFile;
  state.vfs.xOpen = &Methods<State>::open;
  state.vfs.xDelete = &Methods<State>::remove;
  sqlite3_vfs_register(&state.vfs, 0);
}

ForgetfulVfs::~ForgetfulVfs() {
  sqlite3_vfs_unregister(&state_->vfs);
}

const std::string& ForgetfulVfs::name() const noexcept {
  return state_->name;
}

void ForgetfulVfs::cut_at(std::uint64_t operation) {
  const std::lock_guard lock{state_->mutex};
  state_->count = 0;
  state_->cut = operation;
}

std::uint64_t ForgetfulVfs::operations() const {
  const std::lock_guard lock{state_->mutex};
  return state_->count;
}

bool ForgetfulVfs::is_cut() const {
  const std::lock_guard lock{state_->mutex};
  return state_->dead;
}

void ForgetfulVfs::end_process_at_cut(std::uint64_t seed) {
  const std::lock_guard lock{state_->mutex};
  state_->at_cut = [state = state_.get(), seed] {
    std::mt19937_64 chance{seed};
    state->restore(chance);
    ::kill(::getpid(), SIGKILL);
  };
}

void ForgetfulVfs::full_if(std::function<bool()> is_full) {
  const std::lock_guard lock{state_->mutex};
  state_->is_full = std::move(is_full);
}

void ForgetfulVfs::become_default() {
  sqlite3_vfs_register(&state_->vfs, 1);
}

void ForgetfulVfs::restore(std::mt19937_64& chance) {
  const std::lock_guard lock{state_->mutex};
  state_->restore(chance);
}

void ForgetfulVfs::State::restore(std::mt19937_64& chance) {
  for (auto& [path, disk] : disks) {
    std::vector<char> image = disk.synced;
    // How much of what was not synced has reached the disk all the same: nothing, all, or whatever.
    const std::uint64_t mood = chance() % 3;
    for (const Change& change : disk.unsynced) {
      if (change.truncates) {
        if (mood == 1 || (mood == 2 && chance() % 2 == 0)) {
          apply(image, change);
        }
        continue;
      }
      for (std::size_t at = 0; at < change.bytes.size(); at += kSector) {
        if (mood == 1 || (mood == 2 && chance() % 2 == 0)) {
          const auto begin = change.bytes.begin() + static_cast<std::ptrdiff_t>(at);
          const auto length = static_cast<std::ptrdiff_t>(std::min(kSector, change.bytes.size() - at));
          apply(image, {.offset = change.offset + at, .bytes = {begin, begin + length}});
        }
      }
    }
    if (!disk.exists && (mood == 0 || image.empty())) {
      std::filesystem::remove(path);
      continue;
    }
    std::ofstream out{path, std::ios::binary | std::ios::trunc};
    out.write(image.data(), static_cast<std::streamsize>(image.size()));
  }
  disks.clear();
  dead = false;
  cut = 0;
}

}  // namespace lares::storage::test
