// SPDX-License-Identifier: Apache-2.0
#include "sync_window.hpp"

#include <lares/async/log_context.hpp>

#include <utility>

namespace lares::events {

using service::StoredEventPtr;

Task<std::vector<StoredEventPtr>> newest_in(SyncWindow window, std::int64_t upto, std::size_t most,
                                            ReadNewest read) {
  std::vector<StoredEventPtr> events;
  for (;;) {
    std::vector<StoredEventPtr> page = co_await read(upto, most);
    current_context().add_event_fetches(page.size());
    for (StoredEventPtr& event : page) {
      upto = event->position - 1;
      const SyncWindow::Place place = window.place(*event);
      if (place == SyncWindow::Place::kIn) {
        events.push_back(std::move(event));
      }
      if (place == SyncWindow::Place::kBefore || events.size() == most) {
        co_return events;
      }
    }
    if (page.size() < most) {
      co_return events;
    }
  }
}

}  // namespace lares::events
