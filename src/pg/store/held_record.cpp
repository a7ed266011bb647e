#include "pg/prelude.hpp"

#include "pg/store/held_record.hpp"

#include "pg/boundary/spi.hpp"

namespace cmms::pg::store {

void hold_document(const HeldDocument& held) {
  static Statement statement(
      R"sql(
      INSERT INTO cmms.held_record (tenant_id, provider_id, resource, direction, source_record_id, reason, problems,
                                    document)
      VALUES ($1, $2, $3, 'inbound', nullif($4, ''), $5,
              jsonb_build_array(jsonb_build_object('kind', 'bad_value', 'message', $5)), $6)
      ON CONFLICT (tenant_id, provider_id, resource, direction, source_record_id) DO UPDATE
        SET reason = excluded.reason, problems = excluded.problems, document = excluded.document, held_at = now())sql",
      {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID});
  statement.execute({held.tenant_id, held.provider_id, held.resource, held.source_record_id, held.reason,
                     Param::json(held.document)});
}

}  // namespace cmms::pg::store
