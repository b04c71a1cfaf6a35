// SPDX-License-Identifier: Apache-2.0
#include "failure.hpp"

#include <fmt/format.h>

#include <string_view>

namespace lares::storage::postgres {

void fail(const PGresult* result, const std::string& sql) {
  const char* const raw_state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string_view state = raw_state != nullptr ? raw_state : "";
  const char* const primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string message =
      fmt::format("{} ({}): {}", primary != nullptr ? primary : PQresultErrorMessage(result), state, sql);
  // PostgreSQL documentation, appendix A, "PostgreSQL Error Codes".
  if (state == "23505" || state == "23P01") {
    throw ConstraintViolation{Constraint::Unique, message};
  }
  if (state == "23503") {
    throw ConstraintViolation{Constraint::ForeignKey, message};
  }
  if (state == "23502") {
    throw ConstraintViolation{Constraint::NotNull, message};
  }
  if (state == "23514") {
    throw ConstraintViolation{Constraint::Check, message};
  }
  if (state == "40001" || state == "40P01") {
    throw Conflict{message};
  }
  const char* const function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
  if (state == "0A000" && function != nullptr && std::string_view{function} == "RevalidateCachedQuery") {
    throw ConnectionLost{
        message};  // a migration has changed the table below a prepared statement: a new session
  }
  if (state == "57014") {
    throw SnapshotTooOld{message};
  }
  // The server ends, starts, or has forgotten what it had prepared (a pooler gave the connection to another).
  if (state.starts_with("57P") || state.starts_with("08") || state == "26000" || state == "25P03") {
    throw ConnectionLost{message};
  }
  if (state.starts_with("53") || state.starts_with("55") || state.starts_with("58")) {
    throw Unavailable{message};
  }
  if (state.starts_with("XX00") && state != "XX000") {
    throw Corrupt{message};
  }
  throw StatementError{message};
}

}  // namespace lares::storage::postgres
