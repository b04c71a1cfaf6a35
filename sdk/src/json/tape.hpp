// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/json/scanner.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

namespace lares::json::detail {

/// A growing array whose first N elements need no allocation.
template <class T, std::size_t N>
class SmallBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  SmallBuffer() = default;
  SmallBuffer(const SmallBuffer&) = delete;
  SmallBuffer& operator=(const SmallBuffer&) = delete;

  void push_back(const T& value) {
    if (size_ == capacity_) {
      const T copy = value;
      grow();
      data_[size_++] = copy;
      return;
    }
    data_[size_++] = value;
  }
  void pop_back() noexcept { --size_; }
  void truncate(std::size_t size) noexcept { size_ = size; }
  void clear() noexcept { size_ = 0; }
  [[nodiscard]] T& back() noexcept { return data_[size_ - 1]; }
  [[nodiscard]] T& operator[](std::size_t index) noexcept { return data_[index]; }
  [[nodiscard]] const T& operator[](std::size_t index) const noexcept { return data_[index]; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] T* begin() noexcept { return data_; }
  [[nodiscard]] T* end() noexcept { return data_ + size_; }

 private:
  void grow() {
    const std::size_t capacity = capacity_ * 2;
    auto bigger = std::make_unique_for_overwrite<T[]>(capacity);
    std::memcpy(static_cast<void*>(bigger.get()), data_, size_ * sizeof(T));
    heap_ = std::move(bigger);
    data_ = heap_.get();
    capacity_ = capacity;
  }

  // Raw storage: an array of T would be zeroed for types with default member initialisers.
  alignas(T) std::byte inline_[N * sizeof(T)];
  std::unique_ptr<T[]> heap_;
  T* data_ = reinterpret_cast<T*>(inline_);
  std::size_t size_ = 0;
  std::size_t capacity_ = N;
};

/// The outline of a JSON text: one node for each value, with its place in the text and links to its first
/// child and next sibling; the members of an object are linked in the order of their names.
class Tape {
 public:
  struct Node {
    std::uint32_t key_begin;  // behind the opening quote
    std::uint32_t key_length;
    std::uint32_t begin;
    std::uint32_t length;
    std::uint32_t first;  // child; 0: none
    std::uint32_t next;   // sibling; 0: none
    char kind;            // the value's first byte, or '0' for numbers
    bool key_escaped;     // the name has an escape
    bool key_verbatim;    // the name is canonical as it stands
    bool verbatim;        // the value is canonical as it stands, with all below it
  };

  /// Checks the text and outlines it. Parts that are canonical as they stand are outlined by their outermost
  /// value alone.
  [[nodiscard]] std::expected<void, Error> scan(std::string_view text, const ScanOptions& options);
  /// Checks the text alone, in memory of the order of its largest object.
  [[nodiscard]] std::expected<void, Error> check(std::string_view text, const ScanOptions& options);

  /// The root is canonical as it stands.
  [[nodiscard]] bool canonical() const noexcept { return nodes_[0].verbatim; }
  [[nodiscard]] std::string_view root_text() const noexcept {
    return text_.substr(nodes_[0].begin, nodes_[0].length);
  }
  /// Appends the canonical form.
  void write(std::string& out) const { write(out, nodes_[0]); }

 private:
  struct Frame {
    std::uint32_t node;
    std::uint32_t last_child;
    bool object;
    bool sorted;
    bool verbatim;
  };
  struct Key {
    const char* data;
    std::uint32_t length;
    std::uint32_t node;
    bool escaped;
  };

  [[nodiscard]] bool fail(ErrorCode code, const char* where) noexcept;
  [[nodiscard]] bool run();
  [[nodiscard]] bool string(bool& escaped, bool& verbatim, const char*& close);
  [[nodiscard]] bool escape(bool& verbatim);
  [[nodiscard]] bool number(Node& node);
  [[nodiscard]] bool literal(std::string_view word);
  [[nodiscard]] bool open(bool object, std::uint32_t node);
  [[nodiscard]] bool close_object(Frame& frame);
  [[nodiscard]] bool sort_members(Node& node, const char* where);
  [[nodiscard]] bool key_before(const Node& a, const Node& b) const;
  void write(std::string& out, const Node& node) const;

  std::string_view text_;
  const char* base_ = nullptr;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  ScanOptions options_;
  Error error_;
  bool outline_ = true;
  SmallBuffer<Node, 64> nodes_;
  SmallBuffer<Frame, 16> frames_;
  SmallBuffer<Key, 32> keys_;
};

/// Appends a string's canonical form; `raw` stands between its quotes in a scanned text.
void append_canonical_string(std::string& out, std::string_view raw);

/// Appends a number's canonical form; `raw` is a number of a scanned text.
void append_canonical_number(std::string& out, std::string_view raw, Numbers numbers);

/// An integer-valued decimal ("1e10", "5.0") as an integer; false when its value has a fraction or is out of
/// range.
[[nodiscard]] bool integer_value(std::string_view raw, std::int64_t& value) noexcept;

}  // namespace lares::json::detail
