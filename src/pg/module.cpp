// The library's entry: what PostgreSQL looks for when it loads pg_cmms.
#include "pg/prelude.hpp"

#include "pg/module.hpp"

#include "pg/boundary/guard.hpp"
#include "pg/boundary/versions.hpp"
#include "pg/guc/guc.hpp"

extern "C" {
CMMS_MODULE_MAGIC("pg_cmms", CMMS_EXTENSION_VERSION);

PGDLLEXPORT void _PG_init(void);  // NOLINT(bugprone-reserved-identifier)
}

void _PG_init(void) {  // NOLINT(bugprone-reserved-identifier)
  cmms::pg::enter([] {
    cmms::pg::pg_call([] { cmms::pg::guc::define(); });
    cmms::pg::register_workers();
    cmms::pg::register_cache_callbacks();
  });
}
