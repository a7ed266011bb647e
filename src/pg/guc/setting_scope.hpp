// A setting of PostgreSQL for the lifetime of a scope, as the SET clause of a function has it.
#pragma once

#include "pg/prelude.hpp"

namespace cmms::pg {

// After an exception the abort that follows takes the setting back, not this object.
class SettingScope {
 public:
  SettingScope(const char* name, const char* value);
  ~SettingScope();
  SettingScope(const SettingScope&) = delete;
  SettingScope& operator=(const SettingScope&) = delete;

 private:
  int level_;
  int exceptions_;
};

}  // namespace cmms::pg
