// cmms.this_place and cmms.is_this_place: the data directory, as the restore guard knows it.
#include "pg/prelude.hpp"

#include <cstring>

#include "pg/boundary/guard.hpp"
#include "pg/worker/shared_state.hpp"

CMMS_FUNCTION(cmms_this_place) {
  const auto* state = cmms::pg::shared_state();
  if (state == nullptr) PG_RETURN_NULL();
  auto* id = static_cast<pg_uuid_t*>(cmms::pg::pg_call([] { return palloc(sizeof(pg_uuid_t)); }));
  *id = state->place.id;
  PG_RETURN_UUID_P(id);
}

CMMS_FUNCTION(cmms_is_this_place) {
  const auto* state = cmms::pg::shared_state();
  if (state == nullptr || state->place.is_unclaimed) PG_RETURN_BOOL(true);
  if (PG_ARGISNULL(0)) PG_RETURN_BOOL(false);
  PG_RETURN_BOOL(std::memcmp(PG_GETARG_UUID_P(0)->data, state->place.id.data, UUID_LEN) == 0);
}
