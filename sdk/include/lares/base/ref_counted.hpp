// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace lares {

/// Base of objects that count their owners themselves: one allocation, one pointer wide handles.
///
/// **Threads** the count may be changed from any thread; the last owner destroys the object wherever it is.
template <class Derived>
class RefCounted {
 public:
  void retain() const noexcept { count_.fetch_add(1, std::memory_order_relaxed); }
  void release() const noexcept {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete static_cast<const Derived*>(this);
    }
  }
  /// Owners at this moment; a hint for tests and for reuse by the only owner.
  [[nodiscard]] std::uint32_t owners() const noexcept { return count_.load(std::memory_order_acquire); }

 protected:
  RefCounted() = default;
  RefCounted(const RefCounted&) noexcept {}
  RefCounted& operator=(const RefCounted&) noexcept { return *this; }
  ~RefCounted() = default;

 private:
  mutable std::atomic<std::uint32_t> count_{0};
};

/// Owns one count of a RefCounted object. May be null.
template <class T>
class RefPtr {
 public:
  RefPtr() = default;
  RefPtr(std::nullptr_t) noexcept {}
  explicit RefPtr(T* object) noexcept : object_{object} {
    if (object_ != nullptr) {
      object_->retain();
    }
  }
  RefPtr(const RefPtr& other) noexcept : RefPtr{other.object_} {}
  RefPtr(RefPtr&& other) noexcept : object_{std::exchange(other.object_, nullptr)} {}
  RefPtr& operator=(RefPtr other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~RefPtr() {
    if (object_ != nullptr) {
      object_->release();
    }
  }

  [[nodiscard]] T* get() const noexcept { return object_; }
  [[nodiscard]] T& operator*() const noexcept { return *object_; }
  [[nodiscard]] T* operator->() const noexcept { return object_; }
  [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }
  /// Gives the count away; whoever takes the pointer releases it.
  [[nodiscard]] T* detach() noexcept { return std::exchange(object_, nullptr); }
  /// Takes over a count that detach() gave away.
  [[nodiscard]] static RefPtr adopt(T* object) noexcept {
    RefPtr out;
    out.object_ = object;
    return out;
  }
  bool operator==(const RefPtr&) const = default;

 private:
  T* object_ = nullptr;
};

template <class T, class... Args>
[[nodiscard]] RefPtr<T> make_ref(Args&&... args) {
  return RefPtr<T>{new T(std::forward<Args>(args)...)};
}

}  // namespace lares
