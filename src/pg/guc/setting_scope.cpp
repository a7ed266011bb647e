#include "pg/prelude.hpp"

#include "pg/guc/setting_scope.hpp"

#include <exception>

#include "pg/boundary/guard.hpp"

namespace cmms::pg {

SettingScope::SettingScope(const char* name, const char* value)
    : level_(NewGUCNestLevel()), exceptions_(std::uncaught_exceptions()) {
  pg_call(
      [&] { set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false); });
}

SettingScope::~SettingScope() {
  if (std::uncaught_exceptions() == exceptions_) AtEOXact_GUC(true, level_);
}

}  // namespace cmms::pg
