// What transforms ask of PostgreSQL: its time zones, and SQL functions, which run with the rights of the
// foreign server's owner, whoever sends or receives the record.
#pragma once

#include <memory>

#include "core/mapping/environment.hpp"

namespace cmms::pg {

// Time zones are there always. Functions need no transaction: outside of one they get their own.
std::shared_ptr<const mapping::Environment> make_environment(unsigned int server_owner);

// While one lives, what functions write is undone when they have answered: for previews.
class TrialScope {
 public:
  TrialScope();
  ~TrialScope();
  TrialScope(const TrialScope&) = delete;
  TrialScope& operator=(const TrialScope&) = delete;
};

}  // namespace cmms::pg
