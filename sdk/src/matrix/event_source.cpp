// SPDX-License-Identifier: Apache-2.0
#include <lares/matrix/event_source.hpp>

namespace lares::matrix {

EventSource::~EventSource() = default;

NumberedEventSource::~NumberedEventSource() = default;

}  // namespace lares::matrix
