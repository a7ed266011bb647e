#include "pg/prelude.hpp"

#include "pg/apply/held.hpp"

#include "core/json/builder.hpp"
#include "pg/apply/event.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"

namespace cmms::pg {
namespace {

void count_unmapped_values(const HeldRow& row, const std::string& document) {
  static Statement statement(
      "INSERT INTO cmms.unmapped_value AS u (tenant_id, provider_id, resource, vocabulary, direction, value, "
      "sample)"
      " SELECT DISTINCT $1, $2, $3, p ->> 'vocabulary', 'row', p ->> 'value', $5"
      " FROM jsonb_array_elements($4) p WHERE p ->> 'kind' = 'unmapped_value'"
      " ON CONFLICT (tenant_id, provider_id, resource, vocabulary, direction, value)"
      " DO UPDATE SET occurrences = u.occurrences + 1, last_seen_at = now()",
      {TEXTOID, TEXTOID, TEXTOID, JSONBOID, JSONBOID});
  statement.execute(
      {row.tenant_id, row.provider_id, row.map_name, Param::json(row.problems), Param::json(document)});
}

void announce(const HeldRow& row) {
  json::ObjectBuilder detail;
  (void)detail.set("direction", json::Field::string("row"));
  (void)detail.set("row_key", row.row_key ? json::Field::string(*row.row_key) : json::Field::null());
  (void)detail.set("reason", json::Field::string(row.reason));
  (void)detail.set_json("problems", row.problems);
  write_event({.event_type = "mapping.exception",
               .tenant_id = row.tenant_id,
               .provider_id = row.provider_id,
               .resource = row.map_name,
               .record_id = std::nullopt,
               .detail = detail.dump()});
}

}  // namespace

void hold_row(const HeldRow& row) {
  static Statement statement(
      "INSERT INTO cmms.held_record (tenant_id, provider_id, resource, direction, source_record_id, reason, "
      "problems,"
      " document) VALUES ($1, $2, $3, 'row', $4, $5, $6, $7)"
      " ON CONFLICT (tenant_id, provider_id, resource, direction, source_record_id) DO UPDATE"
      " SET reason = excluded.reason, problems = excluded.problems, document = excluded.document, held_at = "
      "now()",
      {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, JSONBOID});
  const std::string document = row.document.text();
  statement.execute({row.tenant_id, row.provider_id, row.map_name, Param::text(row.row_key),
                     Param::lossy_text(row.reason), Param::json(row.problems), Param::json(document)});
  count_unmapped_values(row, document);
  announce(row);
}

void release_row(std::string_view tenant_id, std::string_view provider_id, std::string_view map_name,
                 std::string_view row_key) {
  static Statement statement(
      "DELETE FROM cmms.held_record WHERE tenant_id = $1 AND provider_id = $2 AND resource = $3 AND "
      "direction = 'row'"
      " AND source_record_id = $4",
      {TEXTOID, TEXTOID, TEXTOID, TEXTOID});
  statement.execute({tenant_id, provider_id, map_name, row_key});
}

}  // namespace cmms::pg
