// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/http/router.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/database.hpp>

#include <string>

#include "account_data_service.hpp"

namespace lares::account_data {

/// What the endpoints of this plugin share.
struct Shared {
  Server& server;
  storage::Database& database;
  service::Rooms& rooms;
  Writer& writer;
};

void add_data(Shared& shared);  ///< /user/{userId}[/rooms/{roomId}]/account_data/{type}
void add_tags(Shared& shared);  ///< /user/{userId}/rooms/{roomId}/tags[/{tag}]

/// The change of a request's account data, without action and content: whose, and of which room if the path
/// names one.
/// **Errors**: MatrixError 403 for another user's data and for a room that the user never was in; 400
/// M_INVALID_PARAM for a room id that is none.
Task<Change> begin_change(Shared& shared, const http::Requester& requester, const http::Request& request,
                          bool of_room, std::string type);

/// Refuses what is beyond the bounds before it gets into a transaction with others, then writes.
Task<void> write(Shared& shared, Change change);

}  // namespace lares::account_data
