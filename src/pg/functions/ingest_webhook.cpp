// cmms.ingest_webhook: takes in what a provider sent, byte for byte. Whatever arrives ends as a row of
// cmms.webhook_event with its outcome; nothing that the sender controls is an error of the call.
#include "pg/prelude.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/exchange/redact.hpp"
#include "core/json/text.hpp"
#include "core/provider/webhook.hpp"
#include "core/signature/signature.hpp"
#include "pg/apply/apply.hpp"
#include "pg/apply/event.hpp"
#include "pg/apply/webhook_headers.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/result_set.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/connection_cache.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/functions/arguments.hpp"
#include "pg/guc/guc.hpp"
#include "pg/json/jsonb_reader.hpp"

namespace cmms::pg {
namespace {

constexpr std::size_t kept_of_too_large = 8192;
constexpr std::size_t max_depth = 512;
constexpr std::size_t max_detail_bytes = 2000;
constexpr std::size_t max_event_type_bytes = 200;
constexpr std::size_t max_delivery_id_bytes = 500;  // longer ones do not fit the unique index

struct Delivery {
  const provider::Connection& connection;
  std::string_view body;
  const WebhookHeaders& headers;
};

// A record of the delivery that is held.
struct HeldKey {
  std::string resource;
  std::string source_record_id;
};

// How the delivery ended: a row of webhook_event, and what the caller answers.
struct Ending {
  const char* outcome = "failed";
  std::int32_t http_status = 500;
  std::string detail;
  std::string event_type;
  std::string delivery_id;  // only of deliveries that need not come again
  std::optional<pg_uuid_t> common_work_order_id;
  std::vector<HeldKey> held;
};

Ending ending(const char* outcome, std::int32_t http_status, std::string detail) {
  Ending end;
  end.outcome = outcome;
  end.http_status = http_status;
  end.detail = std::move(detail);
  return end;
}

std::string error_text(const Error& error) {
  return error.message + (error.detail.empty() ? "" : ": ") + error.detail;
}

// Deeper than PostgreSQL's parser should have to recurse for a stranger. Counts brackets outside of strings.
bool is_too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char byte = text[i];
    if (in_string) {
      if (byte == '\\') ++i;
      if (byte == '"') in_string = false;
    } else if (byte == '"') {
      in_string = true;
    } else if (byte == '{' || byte == '[') {
      if (++depth > max_depth) return true;
    } else if ((byte == '}' || byte == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

// What no parser needs to look at; empty when the body may be JSON.
std::string fault_of(std::string_view body) {
  if (body.empty()) return "the body is empty";
  if (std::memchr(body.data(), '\0', body.size()) != nullptr) return "the body has a NUL byte";
  if (const std::size_t valid = json::valid_utf8_length(body); valid != body.size()) {
    return "the body is not UTF-8 at byte " + std::to_string(valid + 1);
  }
  if (is_too_deep(body)) return "the body is nested deeper than " + std::to_string(max_depth) + " levels";
  return {};
}

std::string_view without_byte_order_mark(std::string_view body) {
  return body.starts_with("\xEF\xBB\xBF") ? body.substr(3) : body;
}

Result<signature::Verified> verify(const Delivery& delivery) {
  const provider::Connection& connection = delivery.connection;
  // A secret that cannot be read must not turn the check off.
  if (const auto error = credential_error(connection.provider_id, "webhook_secret")) return *error;
  const signature::Message message{
      .header = [&](std::string_view name) { return delivery.headers.find(name); },
      .body = delivery.body,
      .now = std::chrono::system_clock::now()};
  return signature::verify(connection.webhook_scheme(), connection.webhook_secrets(), message,
                           {.tolerance = connection.webhook_tolerance()});
}

std::optional<std::int64_t> find_delivery(const provider::Connection& connection,
                                          std::string_view delivery_id) {
  static Statement statement(
      "SELECT webhook_event_id FROM cmms.webhook_event"
      " WHERE tenant_id = $1 AND provider_id = $2 AND delivery_id = $3",
      {TEXTOID, TEXTOID, TEXTOID});
  const Rows rows = statement.execute({connection.tenant_id, connection.provider_id, delivery_id});
  return rows.empty() ? std::nullopt : std::optional(rows.integer(0, 0));
}

Ending duplicate_of(std::int64_t first_event) {
  return ending("duplicate", 200, "duplicate of event " + std::to_string(first_event));
}

// Outcomes of records, the one that counts for the whole delivery first.
struct RecordOutcome {
  std::string_view of_record;
  const char* outcome;
  std::int32_t http_status;
};
constexpr std::array<RecordOutcome, 9> record_outcomes{{{"held", "held", 202},
                                                        {"queued", "queued", 202},
                                                        {"created", "applied", 200},
                                                        {"updated", "applied", 200},
                                                        {"adopted", "applied", 200},
                                                        {"stale", "stale", 200},
                                                        {"unchanged", "unchanged", 200},
                                                        {"ignored", "ignored", 200},
                                                        {"", "applied", 200}}};

std::size_t rank_of(std::string_view outcome) {
  const auto found = std::find_if(record_outcomes.begin(), record_outcomes.end(),
                                  [&](const RecordOutcome& each) { return each.of_record == outcome; });
  return static_cast<std::size_t>(std::min(found, record_outcomes.end() - 1) - record_outcomes.begin());
}

Applied request_read_back(const provider::Connection& connection, const provider::WebhookRecord& record) {
  static Statement statement("SELECT cmms.request_read_back($1, $2, ARRAY[$3])", {TEXTOID, TEXTOID, TEXTOID});
  statement.execute({connection.provider_id, record.resource, record.inbound.source_record_id});
  return {"queued", std::nullopt, "read back requested"};
}

// The records of an event, in their order; one after the other, because a later one may name an earlier one.
Ending apply_records_of(const provider::Connection& connection, provider::WebhookEvent& event) {
  std::size_t rank = record_outcomes.size();
  Ending end;
  for (provider::WebhookRecord& record : event.records) {
    const InboundItem item{record.record, std::move(record.inbound)};
    const Applied applied =
        record.read_back ? request_read_back(connection, {record.resource, record.record, item.inbound, true})
                         : apply_inbound(connection, record.resource, {&item, 1}, "webhook").front();
    rank = std::min(rank, rank_of(applied.outcome));
    if (applied.outcome == "held") end.held.push_back({record.resource, item.inbound.source_record_id});
    if (applied.common_work_order_id) end.common_work_order_id = applied.common_work_order_id;
    if (event.records.size() == 1) {
      end.detail = applied.detail;
    } else {
      end.detail += (end.detail.empty() ? "" : "; ") + record.resource + " " + applied.outcome;
      if (!applied.detail.empty()) end.detail += " (" + applied.detail + ")";
    }
  }
  end.outcome = record_outcomes.at(rank).outcome;
  end.http_status = record_outcomes.at(rank).http_status;
  return end;
}

// Reads and applies the event; inside a subtransaction. `end` already says what an error would mean.
void process(const Delivery& delivery, Ending& end) {
  const provider::Connection& connection = delivery.connection;
  const Spi spi;
  const Datum document = jsonb_from_text(without_byte_order_mark(delivery.body));
  end.outcome = "failed";
  end.http_status = 500;
  Result<provider::WebhookEvent> event = provider::read_webhook(
      connection, jsonb_value(reinterpret_cast<const Jsonb*>(DatumGetPointer(document))),
      [&](std::string_view name) { return delivery.headers.find(name); }, delivery.body);
  if (!event) {
    end.outcome = "malformed";
    end.http_status = 400;
    end.detail = error_text(event.error());
    return;
  }
  provider::WebhookEvent& read = event.value();
  end.event_type = json::clip(read.event_type, max_event_type_bytes);
  if (end.delivery_id.empty()) end.delivery_id = json::clip(read.delivery_id, max_delivery_id_bytes);
  if (!end.delivery_id.empty()) {
    if (const auto first = find_delivery(connection, end.delivery_id)) {
      std::string event_type = std::move(end.event_type);
      end = duplicate_of(*first);
      end.event_type = std::move(event_type);
      return;
    }
  }
  if (read.ignored) {
    end.outcome = "ignored";
    end.http_status = 200;
    end.detail = read.reason;
    return;
  }
  Ending applied_end = apply_records_of(connection, read);
  applied_end.event_type = std::move(end.event_type);
  applied_end.delivery_id = std::move(end.delivery_id);
  end = std::move(applied_end);
}

Ending judge(const Delivery& delivery) {
  if (delivery.body.size() > guc::max_webhook_bytes()) {
    return ending(
        "too_large", 413,
        "the body has " + std::to_string(delivery.body.size()) + " bytes, more than cmms.max_webhook_size");
  }
  const Result<signature::Verified> verified = verify(delivery);
  if (!verified) {
    const Error& error = verified.error();
    const bool is_ours = error.error_class == ErrorClass::configuration;
    return ending(is_ours ? "failed" : "rejected", is_ours ? 500 : 401, error_text(error));
  }
  Ending end = ending("malformed", 400, fault_of(delivery.body));
  end.delivery_id = json::clip(verified.value().delivery_id, max_delivery_id_bytes);
  if (!end.detail.empty()) return end;
  const std::optional<CapturedError> error = in_subtransaction([&] { process(delivery, end); });
  if (!error) return end;
  // Where two deliveries of one event crossed, the other one is done by now.
  if (!end.delivery_id.empty()) {
    const Spi spi;
    if (const auto first = find_delivery(delivery.connection, end.delivery_id)) return duplicate_of(*first);
  }
  end.detail = error_text(*error);
  end.common_work_order_id = std::nullopt;
  end.held.clear();
  if (end.http_status != 500) return end;
  // The sender may try again what failed here, and then it must not look like a duplicate.
  end.delivery_id.clear();
  const std::string sqlstate = error->sqlstate();
  const bool is_about_the_data = sqlstate.starts_with("22") || sqlstate.starts_with("23");
  if (is_about_the_data) end.http_status = 422;  // the same document would be refused again
  return end;
}

// The number of the row; nullopt when the delivery is there already.
std::optional<std::int64_t> insert_event(const Delivery& delivery, const Ending& end, Datum body,
                                         Datum hash) {
  static Statement statement(
      "INSERT INTO cmms.webhook_event (tenant_id, provider_id, body, headers, content_sha256, delivery_id, "
      "event_type,"
      " outcome, http_status, detail, common_work_order_id, processed_at)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, clock_timestamp())"
      " ON CONFLICT (tenant_id, provider_id, delivery_id) WHERE delivery_id IS NOT NULL DO NOTHING"
      " RETURNING webhook_event_id",
      {TEXTOID, TEXTOID, BYTEAOID, JSONBOID, BYTEAOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, TEXTOID, UUIDOID});
  const bool is_cut = std::string_view(end.outcome) == "too_large";
  const std::string_view kept = delivery.body.substr(0, kept_of_too_large);
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? Param::null(TEXTOID) : Param::lossy_text(text);
  };
  const std::string headers = delivery.headers.masked_json(delivery.connection.secrets());
  const Rows rows = statement.execute(
      {delivery.connection.tenant_id, delivery.connection.provider_id,
       is_cut ? Param::bytes(kept) : Param::datum(BYTEAOID, body), Param::json(headers),
       Param::datum(BYTEAOID, hash), text_or_null(end.delivery_id), text_or_null(end.event_type), end.outcome,
       end.http_status, text_or_null(end.detail), Param::uuid(end.common_work_order_id)});
  return rows.empty() ? std::nullopt : std::optional(rows.integer(0, 0));
}

void link_held_record(const Delivery& delivery, const HeldKey& held, std::int64_t event_id) {
  static Statement statement(
      "UPDATE cmms.held_record SET webhook_event_id = $1 WHERE tenant_id = $2 AND provider_id = $3 AND "
      "resource = $4"
      " AND direction = 'inbound' AND source_record_id = $5",
      {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID});
  statement.execute({event_id, delivery.connection.tenant_id, delivery.connection.provider_id, held.resource,
                     held.source_record_id});
}

void report_failure(const Delivery& delivery, const Ending& end, std::int64_t event_id) {
  write_event({.event_type = "sync.failed",
               .tenant_id = delivery.connection.tenant_id,
               .provider_id = delivery.connection.provider_id,
               .resource = "work_order",
               .record_id = std::nullopt,
               .detail = "{\"webhook_event_id\":" + std::to_string(event_id) +
                         ",\"error\":" + json::quote(end.detail) + "}"});
}

std::int64_t record(const Delivery& delivery, Ending& end, Datum body) {
  end.detail = json::clip(end.detail, max_detail_bytes);
  const Datum hash = pg_call([&] { return DirectFunctionCall1(sha256_bytea, body); });
  const Spi spi;
  std::optional<std::int64_t> event_id = insert_event(delivery, end, body, hash);
  if (!event_id) {
    const std::string event_type = end.event_type;
    end = duplicate_of(find_delivery(delivery.connection, end.delivery_id).value_or(0));
    end.event_type = event_type;
    event_id = insert_event(delivery, end, body, hash);
  }
  const std::string_view outcome = end.outcome;
  for (const HeldKey& held : end.held) {
    if (!held.source_record_id.empty()) link_held_record(delivery, held, *event_id);
  }
  if (outcome == "failed") report_failure(delivery, end, *event_id);
  return *event_id;
}

Datum ingest(FunctionCallInfo fcinfo) {
  if (PG_ARGISNULL(0)) raise(ERRCODE_NULL_VALUE_NOT_ALLOWED, "provider_id must not be null");
  const std::string provider_id(text_argument(fcinfo, 0));
  const Datum empty = PG_ARGISNULL(1) ? Param::bytes({}).to_datum() : Datum{0};
  const Datum body =
      PG_ARGISNULL(1) ? empty : PointerGetDatum(pg_call([&] { return PG_GETARG_BYTEA_PP(1); }));
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  const std::shared_ptr<const provider::Connection> provider = connection(provider_id, Secrets::optional);
  scope.require_access(provider->tenant_id);
  const WebhookHeaders headers(PG_ARGISNULL(2) ? json::Value() : jsonb_value(jsonb_argument(fcinfo, 2)));
  const auto* packed = reinterpret_cast<const varlena*>(DatumGetPointer(body));
  const Delivery delivery{
      *provider, {VARDATA_ANY(packed), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(packed))}, headers};
  Ending end = judge(delivery);
  const std::int64_t event_id = record(delivery, end, body);
  ResultSet result(fcinfo);
  result.add({event_id, end.outcome, end.http_status,
              end.detail.empty() ? Param::null(TEXTOID) : Param::lossy_text(end.detail)});
  return result.done();
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_ingest_webhook) { return cmms::pg::ingest(fcinfo); }
