// cmms.uuidv7: the default of records' ids.
#include "pg/prelude.hpp"

#include "pg/boundary/guard.hpp"
#include "pg/store/uuid.hpp"

CMMS_FUNCTION(cmms_uuidv7) {
  auto* id = static_cast<pg_uuid_t*>(cmms::pg::pg_call([] { return palloc(sizeof(pg_uuid_t)); }));
  *id = cmms::pg::store::new_uuids(1).front();
  PG_RETURN_UUID_P(id);
}
