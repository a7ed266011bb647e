#include "pg/prelude.hpp"

#include "pg/apply/apply.hpp"

#include <algorithm>
#include <deque>
#include <unordered_set>

#include "pg/apply/event.hpp"
#include "pg/apply/hold_items.hpp"
#include "pg/apply/identity.hpp"
#include "pg/apply/learnt_values.hpp"
#include "pg/apply/order_store.hpp"
#include "pg/apply/record_store.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/memory.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/guc/setting_scope.hpp"
#include "pg/origin.hpp"

namespace cmms::pg {
namespace {

void learn(const provider::Connection& connection, std::string_view resource,
           std::span<const InboundItem> items) {
  const provider::ResourceMaps* maps = connection.maps(resource);
  if (maps == nullptr || maps->learn.empty()) return;
  std::vector<provider::LearntValue> values;
  for (const InboundItem& item : items) {
    for (provider::LearntValue& value : provider::learn_values(*maps, item.document)) {
      values.push_back(std::move(value));
    }
  }
  remember_values(connection.tenant_id, connection.provider_id, values);
}

// The text of a field, as ->> would give it.
std::optional<std::string> field_text(const mapping::Mapped& mapped, std::string_view target) {
  const json::Field* field = mapped.find(target);
  return field == nullptr || field->is_null() ? std::nullopt : std::optional(field->text);
}

constexpr std::size_t max_run = 1000;

// How many of the first records are about different orders, so that their sequence does not matter.
std::size_t distinct_run(std::span<const IncomingRecord> records) {
  std::unordered_set<std::string_view> seen;
  const auto is_new = [&](const std::optional<std::string>& name) {
    return !name || seen.insert(*name).second;
  };
  std::size_t size = 0;
  while (size < std::min(records.size(), max_run) && is_new(records[size].source_id) &&
         is_new(records[size].reference)) {
    ++size;
  }
  return size;
}

// The application of a batch: it is looked up by one statement, what is new is written at once, changes one
// by one, and what is told of them once for all.
class Application {
 public:
  Application(const provider::Connection& connection, const provider::ResourceMaps& maps,
              std::string_view resource, std::string_view cause, std::int64_t webhook_event_id,
              AskedAt asked_at)
      : connection_(connection),
        maps_(maps),
        resource_(resource),
        cause_(cause),
        webhook_event_id_(webhook_event_id),
        asked_at_(asked_at),
        has_identities_(has_identities(connection.tenant_id)) {}

  std::vector<Applied> apply(std::span<const InboundItem> given) {
    std::vector<const InboundItem*> items;
    std::vector<IncomingRecord> records;
    for (const InboundItem& item : given) {
      items.push_back(&resolved(item));
      records.push_back(incoming(*items.back()));
    }
    std::vector<Applied> applied;
    applied.reserve(items.size());
    std::optional<OrderBatch> batch;
    if (items.size() > 1) batch.emplace();
    while (applied.size() < items.size()) {
      hold_faulty();  // what is held of a record has to be there before its later version comes
      const ScratchContext scratch;
      const std::size_t first = applied.size();
      const std::size_t size = distinct_run(std::span(records).subspan(first));
      if (size == 1) {
        applied.push_back(apply_alone(*items[first], records[first]));
      } else {
        apply_run(*batch, std::span(items).subspan(first, size), std::span(records).subspan(first, size),
                  applied);
      }
    }
    return applied;
  }

  // Keeps the records that could not be mapped.
  void hold_faulty() {
    hold_items(connection_, resource_, faulty_, cause_, webhook_event_id_);
    faulty_.clear();
  }

  void announce() const {
    for (const Announcement& announcement : announcements_) announce_events(announcement);
  }

 private:
  Applied apply_alone(const InboundItem& item, const IncomingRecord& record) {
    constexpr int max_passes = 20;
    for (int pass = 0; pass < max_passes; ++pass) {
      if (std::optional<Applied> applied = try_to_apply(item, record)) return *std::move(applied);
    }
    raise(ERRCODE_T_R_SERIALIZATION_FAILURE,
          "record " + record.source_id.value_or("") + " is being changed by others");
  }

  void apply_run(OrderBatch& batch, std::span<const InboundItem* const> items,
                 std::span<const IncomingRecord> records, std::vector<Applied>& applied) {
    const std::vector<std::optional<StoredOrder>> stored = batch.find(records);
    std::vector<std::optional<OrderWrite>> created = insert_new(batch, items, records, stored);
    for (std::size_t i = 0; i < items.size(); ++i) {
      std::optional<Applied> result;
      if (created[i]) {
        result = report(*std::move(created[i]));
      } else if (stored[i]) {
        result = write(*items[i], records[i], stored[i]);
      }
      applied.push_back(result ? *std::move(result) : apply_alone(*items[i], records[i]));
    }
  }

  // In the order of `items`; null where an order was not made.
  std::vector<std::optional<OrderWrite>> insert_new(OrderBatch& batch,
                                                    std::span<const InboundItem* const> items,
                                                    std::span<const IncomingRecord> records,
                                                    std::span<const std::optional<StoredOrder>> stored) {
    std::deque<IncomingRecord> completed_records;
    std::vector<const IncomingRecord*> unknown(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (stored[i] || !records[i].source_id) continue;
      const InboundItem* whole = completed(*items[i]);
      if (!(whole == nullptr ? items[i] : whole)->inbound.mapped.problems.empty()) continue;
      unknown[i] = whole == nullptr ? &records[i] : &completed_records.emplace_back(incoming(*whole));
    }
    return batch.insert(unknown);
  }

  IncomingRecord incoming(const InboundItem& item) const {
    return {.tenant_id = connection_.tenant_id,
            .provider_id = connection_.provider_id,
            .mapped = item.inbound.mapped,
            .source_id = field_text(item.inbound.mapped, "source_work_order_id"),
            .updated_at = field_text(item.inbound.mapped, "source_updated_at"),
            .reference = field_text(item.inbound.mapped, "reference"),
            .source = item.document,
            .map_version = connection_.map_version};
  }

  const InboundItem& resolved(const InboundItem& item) {
    if (!has_identities_) return item;
    InboundItem& copy = completed_.emplace_back(item);
    resolve_references(connection_, copy.inbound.mapped);
    return copy;
  }

  // A record is mapped before anybody knows whether it is new. Null: being new, it needs nothing else.
  const InboundItem* completed(const InboundItem& item) {
    std::optional<mapping::Mapped> mapped = maps_.inbound.complete(item.inbound.mapped);
    if (!mapped && !has_identities_) return nullptr;
    InboundItem& copy = completed_.emplace_back(item);
    if (mapped) copy.inbound.mapped = *std::move(mapped);
    if (has_identities_) add_retired_problems(connection_, copy.inbound.mapped);
    return &copy;
  }

  // Null: another session came in between, so the record has to be looked at anew.
  std::optional<Applied> try_to_apply(const InboundItem& item, const IncomingRecord& record) {
    const std::optional<StoredOrder> stored = find_order(record);
    if (!stored) {
      const InboundItem* whole = completed(item);
      return whole == nullptr ? write(item, record, stored) : write(*whole, incoming(*whole), stored);
    }
    return write(item, record, stored);
  }

  std::optional<Applied> write(const InboundItem& item, const IncomingRecord& record,
                               const std::optional<StoredOrder>& stored) {
    const auto id = stored ? std::optional(stored->common_work_order_id) : std::nullopt;
    if (stored && !stored->newer.empty()) return Applied{"stale", id, stored->newer};
    if (!item.inbound.mapped.problems.empty()) {
      if (!stored && record.source_id && deletion_waits(record)) return ignored();
      faulty_.push_back(&item);
      return Applied{"held", id, problems_text(item.inbound.mapped.problems)};
    }
    if (stored && stored->says_the_same) {
      if (stored->awaits_echo) use_up_echo(record, *stored);
      return Applied{"unchanged", id, ""};
    }
    if (!stored && !record.source_id) {
      raise(error_class_sqlstate(ErrorClass::identity), "the record has no id", {},
            "Map source_work_order_id to the field that carries the provider's id.");
    }
    std::optional<OrderWrite> written = stored ? merge_into(record, *stored) : insert_order(record);
    if (!written) {
      if (stored || !deletion_waits(record)) return std::nullopt;
      return ignored();
    }
    return report(*std::move(written));
  }

  // A result that was recorded after the record was asked for may be of a push that it does not show yet.
  // What is sent to us says only by its time stamp what it is younger than, and many of those have whole
  // seconds. The record is read anew where the connection is known to read records.
  bool is_overtaken(const StoredOrder& stored) const {
    if (stored.is_adopted || !maps_.checks_updates) return false;
    if (!asked_at_) return cause_ == "webhook" && stored.is_of_same_moment;
    return stored.synced_at > std::chrono::duration<double>(asked_at_->time_since_epoch()).count();
  }

  OrderWrite read_anew(const IncomingRecord& record, const StoredOrder& stored) const {
    static Statement statement("SELECT cmms.queue_read_backs($1, $2, $3, ARRAY[$4])",
                               {TEXTOID, TEXTOID, TEXTOID, TEXTOID});
    statement.execute({record.tenant_id, record.provider_id, resource_, record.source_id});
    return {.outcome = asked_at_ ? "stale" : "queued",
            .detail = "may be older than what is stored; read back requested",
            .common_work_order_id = stored.common_work_order_id,
            .event = std::nullopt};
  }

  Applied report(OrderWrite written) {
    if (written.event) count(*written.event);
    return {std::move(written.outcome), written.common_work_order_id, std::move(written.detail)};
  }

  static Applied ignored() { return {"ignored", std::nullopt, "its deletion waits to be sent"}; }

  // Null: another session has changed the order meanwhile.
  std::optional<OrderWrite> merge_into(const IncomingRecord& record, const StoredOrder& stored) const {
    std::optional<LocalSide> local;
    if (needs_local_side(stored, maps_)) {
      local = read_local_side(record, stored, Lock::rows);
      if (!local) return std::nullopt;
    }
    const LocalSide* ours = local ? &*local : nullptr;
    const std::vector<FieldNews> news = decide_news(record, stored, ours, connection_);
    const bool says_new = std::any_of(news.begin(), news.end(), [](const FieldNews& each) {
      return each.decision != merge::Decision::unchanged;
    });
    if (says_new && is_overtaken(stored)) return read_anew(record, stored);
    return update_order(record, stored, news, status_follows(record, stored, ours, connection_));
  }

  void count(const WrittenEvent& event) {
    auto found = std::find_if(announcements_.begin(), announcements_.end(), [&](const Announcement& other) {
      return other.event_type == event.event_type;
    });
    if (found == announcements_.end()) {
      found = announcements_.insert(found, {.event_type = event.event_type,
                                            .tenant_id = connection_.tenant_id,
                                            .provider_id = connection_.provider_id});
    }
    ++found->records;
    found->last_event_id = std::max(found->last_event_id, event.event_id);
  }

  const provider::Connection& connection_;
  const provider::ResourceMaps& maps_;
  std::string_view resource_;
  std::string_view cause_;
  std::int64_t webhook_event_id_;
  AskedAt asked_at_;
  const bool has_identities_;
  std::deque<InboundItem> completed_;  // where `faulty_` may point into
  std::vector<const InboundItem*> faulty_;
  std::vector<Announcement> announcements_;  // one for each type of event
};

}  // namespace

std::string error_text(const CapturedError& error) {
  if (error.detail.empty() || error.detail.starts_with("Failing row contains")) return error.message;
  return error.message + ": " + error.detail;
}

std::string problems_text(std::span<const mapping::Problem> problems) {
  std::string text;
  for (const mapping::Problem& problem : problems) {
    if (!text.empty()) text += "; ";
    text += problem.message;
  }
  return text;
}

std::vector<Applied> apply_inbound(const provider::Connection& connection, std::string_view resource,
                                   std::span<const InboundItem> items, std::string_view cause,
                                   std::int64_t webhook_event_id, AskedAt asked_at) {
  if (items.empty()) return {};
  const provider::ResourceMaps* maps = connection.maps(resource);
  if ((resource != "work_order" && !has_record_table(resource)) || maps == nullptr) {
    raise(ERRCODE_FEATURE_NOT_SUPPORTED, "records of \"" + std::string(resource) + "\" cannot be applied");
  }
  const OriginScope origin(Origin::provider);
  const Spi spi;
  // All rows are found by key. A plan that was made while a table was small must not read all of it ever
  // after.
  const SettingScope keyed_plans("enable_seqscan", "off");
  if (resource != "work_order") {
    std::vector<Applied> others =
        apply_record_news(connection, *maps, resource, items, cause, webhook_event_id);
    learn(connection, resource, items);
    return others;
  }
  Application application(connection, *maps, resource, cause, webhook_event_id, asked_at);
  std::vector<Applied> applied = application.apply(items);
  application.hold_faulty();
  application.announce();
  learn(connection, resource, items);
  return applied;
}

std::vector<Applied> apply_records(const provider::Connection& connection, std::string_view resource,
                                   std::span<const json::Value> records, std::string_view cause,
                                   AskedAt asked_at) {
  std::vector<InboundItem> items;
  items.reserve(records.size());
  for (const json::Value& record : records) {
    items.push_back({record, provider::to_inbound(connection, resource, record)});
  }
  return apply_inbound(connection, resource, items, cause, 0, asked_at);
}

}  // namespace cmms::pg
