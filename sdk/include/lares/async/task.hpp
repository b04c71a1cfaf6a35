// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace lares {

/// The type of executor that every coroutine of the house runs on. Behind it stands a `ContextExecutor`,
/// which carries the log context across suspensions.
using Executor = boost::asio::any_io_executor;

/// What an asynchronous function returns. Lazy: nothing runs before it is awaited or spawned.
///
/// **Cancellation**: through Asio's cancellation slots; a cancelled operation throws
/// `boost::system::system_error` with `operation_aborted`.
template <class T = void>
using Task = boost::asio::awaitable<T>;

}  // namespace lares
