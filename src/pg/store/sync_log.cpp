#include "pg/prelude.hpp"

#include "pg/store/sync_log.hpp"

#include "pg/boundary/spi.hpp"

namespace cmms::pg::store {

void add_sync_log(const std::vector<SyncLogRow>& rows) {
  if (rows.empty()) return;
  std::vector<std::string> tenant_ids;
  std::vector<std::string> provider_ids;
  std::vector<std::string> resources;
  TextList record_ids;
  TextList source_record_ids;
  std::vector<std::string> directions;
  std::vector<std::string> operations;
  std::vector<std::string> attempts;
  std::vector<std::string> outcomes;
  TextList http_statuses;
  TextList error_classes;
  TextList errors;
  TextList requests;
  TextList responses;
  std::vector<std::string> durations;
  std::vector<std::string> map_versions;
  for (const SyncLogRow& row : rows) {
    tenant_ids.push_back(row.tenant_id);
    provider_ids.push_back(row.provider_id);
    resources.push_back(row.resource);
    record_ids.push_back(row.record_id);
    source_record_ids.push_back(row.source_record_id);
    directions.push_back(row.direction);
    operations.push_back(row.operation);
    attempts.push_back(std::to_string(row.attempt));
    outcomes.push_back(row.outcome);
    http_statuses.push_back(row.http_status == 0 ? std::nullopt
                                                 : std::optional(std::to_string(row.http_status)));
    error_classes.push_back(row.error_class);
    errors.push_back(row.error);
    requests.push_back(row.request);
    responses.push_back(row.response);
    durations.push_back(std::to_string(row.duration_microseconds));
    map_versions.push_back(std::to_string(row.map_version));
  }
  static Statement statement(
      R"sql(
      INSERT INTO cmms.sync_log (tenant_id, provider_id, resource, record_id, source_record_id, direction, operation,
                                 attempt, outcome, http_status, error_class, error, request, response, duration_ms,
                                 map_version)
      SELECT r.tenant_id, r.provider_id, r.resource, r.record_id, r.source_record_id, r.direction, r.operation,
             r.attempt, r.outcome, r.http_status, r.error_class, r.error, r.request, r.response,
             (r.microseconds / 1000.0)::numeric(20,3), r.map_version
      FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::int4[],
                  $9::text[], $10::int4[], $11::text[], $12::text[], $13::jsonb[], $14::jsonb[], $15::int8[],
                  $16::int4[])
        AS r(tenant_id, provider_id, resource, record_id, source_record_id, direction, operation, attempt, outcome,
             http_status, error_class, error, request, response, microseconds, map_version))sql",
      {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
       INT4ARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID, JSONBARRAYOID,
       INT8ARRAYOID, INT4ARRAYOID});
  statement.execute({Param::array(TEXTARRAYOID, tenant_ids), Param::array(TEXTARRAYOID, provider_ids),
                     Param::array(TEXTARRAYOID, resources), Param::array(UUIDARRAYOID, record_ids),
                     Param::array(TEXTARRAYOID, source_record_ids), Param::array(TEXTARRAYOID, directions),
                     Param::array(TEXTARRAYOID, operations), Param::array(INT4ARRAYOID, attempts),
                     Param::array(TEXTARRAYOID, outcomes), Param::array(INT4ARRAYOID, http_statuses),
                     Param::array(TEXTARRAYOID, error_classes), Param::array(TEXTARRAYOID, errors),
                     Param::array(JSONBARRAYOID, requests), Param::array(JSONBARRAYOID, responses),
                     Param::array(INT8ARRAYOID, durations), Param::array(INT4ARRAYOID, map_versions)});
}

}  // namespace cmms::pg::store
