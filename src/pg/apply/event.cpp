#include "pg/prelude.hpp"

#include "pg/apply/event.hpp"

#include "core/json/text.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/guc/guc.hpp"

extern "C" {
#include "commands/async.h"
}

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

// Not through SQL: it is sent for each webhook.
void announce_events(const Announcement& announcement) {
  if (!guc::notify()) return;
  const std::string payload = "{\"records\": " + std::to_string(announcement.records) +
                              ", \"tenant_id\": " + json::quote(announcement.tenant_id) +
                              ", \"event_type\": " + json::quote(announcement.event_type) +
                              ", \"provider_id\": " + json::quote(announcement.provider_id) +
                              ", \"last_event_id\": " + std::to_string(announcement.last_event_id) + "}";
  pg_call([&] { Async_Notify("cmms_event", payload.c_str()); });
}

}  // namespace cmms::pg
