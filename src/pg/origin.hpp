// Who is changing records right now: the application, news from a provider, or the worker recording a result.
// Triggers ask cmms.change_origin(); only C++ code sets it, so SQL cannot pretend to be the provider.
#pragma once

#include <cstdint>

namespace cmms::pg {

enum class Origin : std::uint8_t { local, provider, worker };

Origin current_origin();
const char* origin_name(Origin origin);  // 'local', 'provider', 'worker'

// While a script of pg_dump is restored rows are kept as they were dumped: see cmms.restoring in SQL.
bool is_restoring();

// Sets the origin for its own lifetime; scopes nest. An aborted transaction or subtransaction ends the scopes
// opened in it.
class OriginScope {
 public:
  explicit OriginScope(Origin origin);
  ~OriginScope();
  OriginScope(const OriginScope&) = delete;
  OriginScope& operator=(const OriginScope&) = delete;

 private:
  int depth_;  // of the stack before this scope
};

}  // namespace cmms::pg
