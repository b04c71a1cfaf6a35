// SPDX-License-Identifier: Apache-2.0
// The one place where Asio's and Beast's non-template code is compiled. It has default visibility, so that
// all libraries of a process share its state.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
