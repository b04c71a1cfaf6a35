// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/http/response.hpp>
#include <lares/storage/database.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::identity {

/// A list of stages, all of which make up one way through.
using Flow = std::vector<std::string>;

/// Dialogues of a user that are kept: the oldest gives way to the next.
inline constexpr std::int64_t kMostOfUser = 20;

/// The stage in which a token is shown that an administrator has made.
inline constexpr std::string_view kRegistrationTokenStage = "m.login.registration_token";

/// User-interactive authentication: the dialogue in which a client shows, stage by stage, who asks. Its state
/// is a row, so any process takes the next step; it ends after a day, or when its user has begun so many
/// more.
///
/// spec: Client-Server API, "User-Interactive Authentication API"
class Uia {
 public:
  /// Judges one stage from the client's `auth` object. Returns true if the stage is passed. The dialogue of
  /// this session is stored for as long as a stage may hang something on it.
  /// **Errors**: MatrixError that is shown as the dialogue's error.
  using Stage = std::function<Task<bool>(const std::string& type, const nlohmann::json& auth,
                                         const std::string& session)>;

  Uia(Runtime& runtime, storage::Database& database);

  struct Outcome {
    bool passed = false;
    http::Response answer;  ///< the 401 to send where it is not passed
    std::string session;
  };

  /// Takes a step. `operation` binds the session to what it was begun for, `account` to its user (0 for
  /// none). `params` is the dialogue's `params` object as JSON text.
  Task<Outcome> step(const nlohmann::json& body, std::vector<Flow> flows, std::string operation,
                     std::int64_t account, std::string params, Stage stage);

  /// The stages that have been passed in a dialogue of nobody's yet; nothing where there is no such dialogue.
  Task<std::optional<Flow>> completed(std::string session, std::string operation);
  /// A stage of the dialogue has been passed, by one of its own requests or another way. Gives all that have
  /// been.
  Task<Flow> pass(std::string session, std::string stage);

 private:
  Task<void> begin(std::string session, std::int64_t account, std::string operation, Flow completed);

  Runtime& runtime_;
  storage::Database& database_;
};

}  // namespace lares::identity
