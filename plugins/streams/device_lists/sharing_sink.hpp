// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/service/event_sink.hpp>
#include <lares/storage/intern.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lares::device_lists {

/// Notes who comes into and leaves rooms, in the transaction that stores the member event.
class SharingSink final : public service::EventSink {
 public:
  explicit SharingSink(storage::Interner& interner) : interner_(interner) {}

  Task<void> prepare(std::span<const service::StoredEventPtr> events,
                     std::span<service::EventMarks> marks) override;
  void write(storage::WriteTransaction& tx, std::span<const service::StoredEventPtr> events) override;
  void committed(std::span<const service::StoredEventPtr> events) noexcept override;

 private:
  struct MemberEvent {
    std::size_t place = 0;  ///< among the events
    std::int64_t member = 0;
  };

  storage::Interner& interner_;
  std::vector<MemberEvent> members_;  // of the batch under way
};

}  // namespace lares::device_lists
