// cmms.preview_inbound: what a provider's document would do, field by field, without doing it. It maps, finds
// and decides with the code that applies; only the writing is left out.
#include "pg/prelude.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "core/provider/webhook.hpp"
#include "pg/apply/identity.hpp"
#include "pg/apply/news.hpp"
#include "pg/apply/order_store.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/memory.hpp"
#include "pg/boundary/result_set.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/connection_cache.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/functions/arguments.hpp"
#include "pg/guc/setting_scope.hpp"
#include "pg/json/jsonb_reader.hpp"
#include "pg/json/jsonb_writer.hpp"
#include "pg/mapping/environment.hpp"
#include "pg/preview/preview_row.hpp"
#include "pg/preview/record.hpp"

namespace cmms::pg {
namespace {

// A document as it is understood: an event with a record, or a bare record.
struct Incoming {
  json::Value record;
  provider::InboundRecord inbound;
  std::string not_applied;  // why nothing of it would be applied
};

Incoming read_document(const provider::Connection& connection, std::string_view resource,
                       const json::Value& document) {
  const auto no_header = [](std::string_view) { return std::optional<std::string_view>(); };
  const auto& webhook = connection.descriptor->webhook;
  if (webhook) {
    Result<provider::WebhookEvent> event = provider::read_webhook(connection, document, no_header);
    if (event && event.value().ignored && !event.value().event_type.empty() &&
        webhook->resource == resource) {
      return {{}, {}, event.value().reason};
    }
    if (event && !event.value().event_type.empty()) {
      for (provider::WebhookRecord& read : event.value().records) {
        if (read.resource != resource || read.read_back) continue;
        return {read.record, std::move(read.inbound), {}};
      }
    }
  }
  return {document, provider::to_inbound(connection, resource, document), {}};
}

// Why the columns would not take the values (a date out of range, a text that is too long): only the database
// knows.
std::optional<std::string> column_error(const std::vector<mapping::MappedField>& fields) {
  static Statement statement("SELECT jsonb_populate_record(NULL::cmms.work_order, $1)", {JSONBOID});
  const std::optional<CapturedError> error = in_subtransaction([&] {
    const Spi spi;
    statement.execute({Param::datum(JSONBOID, jsonb_from_fields(fields))});
  });
  return error ? std::optional(error->message) : std::nullopt;
}

class InboundPreview {
 public:
  InboundPreview(const provider::Connection& connection, const provider::ResourceMaps& maps,
                 const Incoming& incoming)
      : connection_(connection), maps_(maps), incoming_(incoming) {}

  std::vector<PreviewRow> rows() {
    const Spi spi;
    const SettingScope keyed_plans("enable_seqscan", "off");
    const IncomingRecord record = incoming_record();
    stored_ = find_order(record);
    std::optional<mapping::Mapped> completed;  // of a record that is new
    if (!stored_ && incoming_.not_applied.empty())
      completed = maps_.inbound.complete(incoming_.inbound.mapped);
    if (!stored_ && has_identities(connection_.tenant_id)) {
      if (!completed) completed = incoming_.inbound.mapped;
      add_retired_problems(connection_, *completed);
    }
    const mapping::Mapped& mapped = completed ? *completed : incoming_.inbound.mapped;
    if (stored_ && needs_local_side(*stored_, maps_)) local_ = read_local_side(record, *stored_, Lock::none);
    if (stored_) news_ = decide_news(record, *stored_, local_ ? &*local_ : nullptr, connection_);
    add_fields(mapped);
    add_problems(mapped);
    check_columns(mapped);
    if (rows_.empty()) add_reason();
    conclude();
    return std::move(rows_);
  }

 private:
  IncomingRecord incoming_record() const {
    const mapping::Mapped& mapped = incoming_.inbound.mapped;
    const auto text = [&](std::string_view target) -> std::optional<std::string> {
      const json::Field* field = mapped.find(target);
      return field == nullptr || field->is_null() ? std::nullopt : std::optional(field->text);
    };
    return {.tenant_id = connection_.tenant_id,
            .provider_id = connection_.provider_id,
            .mapped = mapped,
            .source_id = text("source_work_order_id"),
            .updated_at = text("source_updated_at"),
            .reference = text("reference"),
            .source = incoming_.record,
            .map_version = connection_.map_version};
  }

  void add_fields(const mapping::Mapped& mapped) {
    for (std::size_t i = 0; i < mapped.fields.size(); ++i) {
      const mapping::MappedField& field = mapped.fields[i];
      PreviewRow row;
      row.target = field.target;
      row.result = field.value;
      row.decision = stored_ ? std::string(merge::decision_name(news_[i].decision)) : "set";
      row.would_write = !stored_ || merge::takes_value(news_[i].decision);
      if (stored_ && local_) row.current = news_[i].view.ours.text();
      if (stored_ && !local_ && news_[i].view.base) row.current = news_[i].view.base->text();
      add(std::move(row));
    }
  }

  // Fields that have no result.
  void add_problems(const mapping::Mapped& mapped) {
    for (const mapping::Problem& problem : mapped.problems) {
      PreviewRow row;
      row.target = problem.target;
      row.decision = "held";
      row.error = problem.message;
      add(std::move(row));
    }
  }

  // A document of which nothing is read still says why.
  void add_reason() {
    PreviewRow row;
    row.decision = "ignored";
    row.error = incoming_.not_applied;
    rows_.push_back(std::move(row));
  }

  void add(PreviewRow row) {
    add_source(maps_.inbound, incoming_.record, row);
    const auto owner = maps_.owners.find(row.target);
    row.owner = merge::owner_name(owner == maps_.owners.end() ? merge::Owner::newest : owner->second);
    rows_.push_back(std::move(row));
  }

  void check_columns(const mapping::Mapped& mapped) {
    if (!column_error(mapped.fields)) return;
    for (const mapping::MappedField& field : mapped.fields) {
      const std::optional<std::string> error = column_error({field});
      if (!error) continue;
      for (PreviewRow& row : rows_) {
        if (row.target != field.target) continue;
        row.decision = "refused";
        row.error = error;
      }
    }
  }

  // What holds for the whole record overrides what was decided of a field.
  void conclude() {
    const std::string outcome = record_outcome();
    const bool is_written = outcome == "created" || outcome == "updated" || outcome == "adopted";
    for (PreviewRow& row : rows_) {
      row.outcome = outcome;
      row.would_write = row.would_write && is_written;
      if (outcome == "stale") row.decision = "stale";
      if (outcome == "ignored") row.decision = "ignored";
    }
  }

  std::string record_outcome() const {
    const auto has = [&](std::string_view decision) {
      return std::any_of(rows_.begin(), rows_.end(),
                         [&](const PreviewRow& row) { return row.decision == decision; });
    };
    if (!incoming_.not_applied.empty()) return "ignored";
    if (stored_ && !stored_->newer.empty()) return "stale";
    if (has("held")) return "held";
    if (has("refused")) return "refused";
    if (!stored_) return "created";
    if (stored_->is_adopted) return "adopted";
    const bool takes_any = std::any_of(news_.begin(), news_.end(), [](const FieldNews& each) {
      return merge::takes_value(each.decision) || merge::is_conflict(each.decision);
    });
    return takes_any ? "updated" : "unchanged";
  }

  const provider::Connection& connection_;
  const provider::ResourceMaps& maps_;
  const Incoming& incoming_;
  std::optional<StoredOrder> stored_;
  std::optional<LocalSide> local_;
  std::vector<FieldNews> news_;
  std::vector<PreviewRow> rows_;
};

Datum preview(FunctionCallInfo fcinfo) {
  const std::string provider_id(text_argument(fcinfo, 0));
  const std::string resource(text_argument(fcinfo, 1));
  const Jsonb* payload = jsonb_argument(fcinfo, 2);
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  const std::shared_ptr<const provider::Connection> provider = connection(provider_id, Secrets::optional);
  scope.require_access(provider->tenant_id);
  const provider::ResourceMaps* maps = provider->maps(resource);
  if (maps == nullptr) {
    raise(ERRCODE_INVALID_PARAMETER_VALUE,
          "provider \"" + provider_id + "\" has no resource \"" + resource + "\"", {},
          "cmms.pollable_resources and the descriptor name them.");
  }
  ResultSet result(fcinfo);
  const ScratchContext scratch;
  const TrialScope trial;
  Incoming incoming = read_document(*provider, resource, jsonb_value(payload));
  if (has_identities(provider->tenant_id)) {
    const Spi spi;
    resolve_references(*provider, incoming.inbound.mapped);
  }
  const bool is_order = resource == "work_order" || !incoming.not_applied.empty();
  const std::vector<PreviewRow> rows =
      is_order ? InboundPreview(*provider, *maps, incoming).rows()
               : preview_record(*provider, *maps, resource, {incoming.record, incoming.inbound});
  for (const PreviewRow& row : rows) {
    write_row(result, row, provider->map_version);
  }
  return result.done();
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_preview_inbound) { return cmms::pg::preview(fcinfo); }
