#include "pg/prelude.hpp"

#include "pg/store/provider.hpp"

#include <algorithm>

#include "pg/boundary/spi.hpp"

namespace cmms::pg::store {
namespace {

std::optional<std::string> digits(const std::optional<std::int64_t>& number) {
  if (!number) return std::nullopt;
  return std::to_string(*number);
}

// A statement of its own: the library may be newer than the schema, which then lacks the column.
void save_reasons(const std::vector<std::string>& provider_ids, const TextList& reasons) {
  static Statement is_known(
      "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'cmms.provider_state'::regclass AND attname "
      "= "
      "'waiting_for' AND NOT attisdropped)",
      {});
  if (!is_known.execute().boolean(0, 0)) return;
  static Statement update(
      R"sql(
      UPDATE cmms.provider_state s SET waiting_for = r.waiting_for
        FROM unnest($1::text[], $2::text[]) AS r(provider_id, waiting_for)
        WHERE s.provider_id = r.provider_id AND s.waiting_for IS DISTINCT FROM r.waiting_for)sql",
      {TEXTARRAYOID, TEXTARRAYOID});
  update.execute({Param::array(TEXTARRAYOID, provider_ids), Param::array(TEXTARRAYOID, reasons)});
}

}  // namespace

bool is_armed() {
  static Statement statement("SELECT cmms.is_armed()", {});
  return statement.execute().boolean(0, 0);
}

std::vector<ProviderRow> active_providers() {
  static Statement statement(
      R"sql(
      SELECT p.provider_id, p.tenant_id, p.mode, extract(epoch FROM p.poll_interval)::float8, p.import_since,
        p.activated_at, s.circuit, s.consecutive_failures,
        extract(epoch FROM s.next_attempt_at - clock_timestamp())::float8, s.rate_limit_limit, s.rate_limit_remaining,
        extract(epoch FROM s.rate_limit_reset_at - clock_timestamp())::float8,
        to_jsonb(s) ->> 'waiting_for' IS NOT DISTINCT FROM 'retry_after'
        FROM cmms.provider p LEFT JOIN cmms.provider_state s ON s.provider_id = p.provider_id
        WHERE p.active AND p.paused_at IS NULL ORDER BY p.provider_id)sql",
      {});
  const Rows rows = statement.execute();
  std::vector<ProviderRow> providers;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ProviderRow row;
    row.provider_id = rows.text_or(i, 0, "");
    row.tenant_id = rows.text_or(i, 1, "");
    row.mode = rows.text_or(i, 2, "");
    row.poll_seconds = rows.number(i, 3, 60);
    row.import_since = rows.text(i, 4);
    row.activated_at = rows.text_or(i, 5, "");
    row.circuit = rows.text_or(i, 6, "closed");
    row.consecutive_failures = static_cast<int>(rows.integer(i, 7));
    row.seconds_to_next_attempt = rows.number(i, 8);
    if (rows.text(i, 9)) row.rate_limit_limit = rows.integer(i, 9);
    if (rows.text(i, 10)) row.rate_limit_remaining = rows.integer(i, 10);
    row.seconds_to_reset = rows.number(i, 11);
    row.was_asked_to_pause = rows.boolean(i, 12);
    providers.push_back(std::move(row));
  }
  return providers;
}

std::vector<std::string> save_provider_states(const std::vector<ProviderStateRow>& rows) {
  std::vector<std::string> saved;
  if (rows.empty()) return saved;
  std::vector<std::string> ids;
  std::vector<std::string> circuits;
  std::vector<std::string> failures;
  TextList next_attempts;
  TextList limits;
  TextList remaining;
  TextList resets;
  TextList successes;
  TextList errors;
  TextList error_classes;
  TextList error_times;
  for (const ProviderStateRow& row : rows) {
    ids.push_back(row.provider_id);
    circuits.push_back(row.circuit);
    failures.push_back(std::to_string(row.consecutive_failures));
    next_attempts.push_back(row.next_attempt_at);
    limits.push_back(digits(row.rate_limit_limit));
    remaining.push_back(digits(row.rate_limit_remaining));
    resets.push_back(row.rate_limit_reset_at);
    successes.push_back(row.last_success_at);
    errors.push_back(row.last_error);
    error_classes.push_back(row.last_error_class);
    error_times.push_back(row.last_error_at);
  }
  static Statement insert_missing(
      R"sql(
      INSERT INTO cmms.provider_state (provider_id) SELECT p FROM unnest($1::text[]) AS p
        WHERE NOT EXISTS (SELECT FROM cmms.provider_state s WHERE s.provider_id = p)
        ON CONFLICT (provider_id) DO NOTHING)sql",
      {TEXTARRAYOID});
  insert_missing.execute({Param::array(TEXTARRAYOID, ids)});
  static Statement update(
      R"sql(
      UPDATE cmms.provider_state s SET circuit = r.circuit, consecutive_failures = r.failures,
        next_attempt_at = r.next_attempt_at,
        rate_limit_limit = coalesce(r.limit_total, s.rate_limit_limit),
        rate_limit_remaining = coalesce(r.limit_remaining, s.rate_limit_remaining),
        rate_limit_reset_at = coalesce(r.limit_reset_at, s.rate_limit_reset_at),
        last_success_at = coalesce(r.last_success_at, s.last_success_at),
        last_error = coalesce(r.last_error, s.last_error),
        last_error_class = coalesce(r.last_error_class, s.last_error_class),
        last_error_at = coalesce(r.last_error_at, s.last_error_at)
        FROM unnest($1::text[], $2::text[], $3::int4[], $4::timestamptz[], $5::int8[], $6::int8[], $7::timestamptz[],
        $8::timestamptz[], $9::text[], $10::text[], $11::timestamptz[])
        AS r(provider_id, circuit, failures, next_attempt_at, limit_total, limit_remaining, limit_reset_at,
        last_success_at, last_error, last_error_class, last_error_at)
        CROSS JOIN LATERAL (SELECT x.provider_id FROM cmms.provider_state x
          WHERE x.provider_id = r.provider_id FOR UPDATE SKIP LOCKED) AS l
        WHERE s.provider_id = l.provider_id RETURNING s.provider_id)sql",
      {TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, INT8ARRAYOID,
       TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID});
  const Rows updated =
      update.execute({Param::array(TEXTARRAYOID, ids), Param::array(TEXTARRAYOID, circuits),
                      Param::array(INT4ARRAYOID, failures), Param::array(TIMESTAMPTZARRAYOID, next_attempts),
                      Param::array(INT8ARRAYOID, limits), Param::array(INT8ARRAYOID, remaining),
                      Param::array(TIMESTAMPTZARRAYOID, resets), Param::array(TIMESTAMPTZARRAYOID, successes),
                      Param::array(TEXTARRAYOID, errors), Param::array(TEXTARRAYOID, error_classes),
                      Param::array(TIMESTAMPTZARRAYOID, error_times)});
  TextList reasons;
  for (std::size_t i = 0; i < updated.size(); ++i) {
    saved.push_back(updated.text_or(i, 0, ""));
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const ProviderStateRow& each) {
      return each.provider_id == saved.back();
    });
    reasons.push_back(row == rows.end() ? std::nullopt : row->waiting_for);
  }
  if (!saved.empty()) save_reasons(saved, reasons);
  return saved;
}

}  // namespace cmms::pg::store
