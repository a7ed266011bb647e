#include "pg/prelude.hpp"

#include "pg/apply/event.hpp"

#include "pg/boundary/spi.hpp"

namespace cmms::pg {

void write_event(const Event& event) {
  static Statement statement(
      "WITH written AS (INSERT INTO cmms.event (event_type, tenant_id, provider_id, resource, record_id, "
      "detail)"
      " VALUES ($1, $2, $3, $4, $5, $6) RETURNING event_id)"
      " SELECT cmms.notify_event($1, $2, $3, 1, event_id) FROM written",
      {TEXTOID, TEXTOID, TEXTOID, TEXTOID, UUIDOID, JSONBOID});
  statement.execute({event.event_type, event.tenant_id, event.provider_id, event.resource,
                     Param::typed(UUIDOID, event.record_id), Param::json(event.detail)});
}

}  // namespace cmms::pg
