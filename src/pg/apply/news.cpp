#include "pg/prelude.hpp"

#include "pg/apply/news.hpp"

#include <algorithm>
#include <array>

#include "core/job/status_walk.hpp"
#include "core/json/equal.hpp"
#include "core/json/text.hpp"
#include "pg/apply/order_store.hpp"
#include "pg/json/jsonb_reader.hpp"

namespace cmms::pg {
namespace {

// States of an order of which nothing waits in the outbox.
constexpr std::string_view resource = "work_order";

constexpr std::array<std::string_view, 4> settled_states = {"imported", "synchronized", "stale", "rejected"};

bool is_settled(std::string_view sync_state) {
  return std::find(settled_states.begin(), settled_states.end(), sync_state) != settled_states.end();
}

// Null stands for a key that is absent on our side.
json::Value member_or_null(const json::Value& object, std::string_view name) {
  return object.member(name).value_or(json::Value());
}

// Whether an attempt of ours is what the provider speaks of, though the field has another value here by now.
bool is_echo(const IncomingRecord& record, const LocalSide& local, const json::Value& said,
             std::string_view field, const provider::Connection& connection) {
  const json::Value sent = member_or_null(local.sent_values, field);
  bool is_sent = false;
  sent.each_member([&](std::string_view, const json::Value& value) {
    is_sent = json::equal(value, said);
    return !is_sent;
  });
  if (is_sent || field != "common_status") return is_sent;
  const json::Value document =
      jsonb_value(reinterpret_cast<const Jsonb*>(DatumGetPointer(record.document())));
  return job::is_own_status(connection, resource, local.order, sent, document);
}

const char* winner(merge::Decision decision) {
  switch (decision) {
    case merge::Decision::conflict_taken:
      return "\"provider\"";
    case merge::Decision::conflict_kept:
      return "\"hub\"";
    default:
      return "null";
  }
}

}  // namespace

bool needs_local_side(const StoredOrder& stored, const provider::ResourceMaps& maps) {
  if (!is_settled(stored.sync_state)) return true;
  return std::any_of(maps.owners.begin(), maps.owners.end(),
                     [](const auto& owned) { return owned.second == merge::Owner::manual; });
}

std::vector<FieldNews> decide_news(const IncomingRecord& record, const StoredOrder& stored,
                                   const LocalSide* local, const provider::Connection& connection) {
  const provider::ResourceMaps& maps = *connection.maps(resource);
  const json::Value said = jsonb_value(reinterpret_cast<const Jsonb*>(DatumGetPointer(record.fields())));
  merge::Sides sides;
  if (local != nullptr) {
    sides = {.awaits_answer = local->awaits_answer || stored.is_adopted,
             .provider_is_newer = local->provider_is_newer};
  }
  std::vector<FieldNews> news;
  news.reserve(record.mapped.fields.size());
  for (const mapping::MappedField& field : record.mapped.fields) {
    FieldNews each{.said = &field,
                   .view = {.said = member_or_null(said, field.target),
                            .base = stored.said_last.member(field.target),
                            .ours = {}},
                   .provider_is_newer = sides.provider_is_newer};
    const auto owner = maps.owners.find(field.target);
    if (owner != maps.owners.end()) each.view.owner = owner->second;
    if (local != nullptr) {
      const auto& unsent = local->unsent_fields;
      each.view.ours = member_or_null(local->order, field.target);
      each.view.is_unsent = std::find(unsent.begin(), unsent.end(), field.target) != unsent.end();
      each.view.is_echo =
          each.view.is_unsent && is_echo(record, *local, each.view.said, field.target, connection);
    }
    each.decision = merge::decide(each.view, sides);
    news.push_back(each);
  }
  return news;
}

bool status_follows(const IncomingRecord& record, const StoredOrder& stored, const LocalSide* local,
                    const provider::Connection& connection) {
  if (!stored.is_adopted || local == nullptr) return false;
  const std::optional<std::string> wanted = job::wanted_state(connection, resource, local->order);
  const json::Value document =
      jsonb_value(reinterpret_cast<const Jsonb*>(DatumGetPointer(record.document())));
  return wanted && *wanted != job::present_state(*connection.descriptor->resource(resource),
                                                 *connection.maps(resource), document);
}

std::vector<mapping::MappedField> taken_fields(std::span<const FieldNews> news) {
  std::vector<mapping::MappedField> fields;
  for (const FieldNews& each : news) {
    if (merge::takes_value(each.decision)) fields.push_back(*each.said);
  }
  return fields;
}

std::vector<std::string> withdrawn_fields(std::span<const FieldNews> news) {
  std::vector<std::string> fields;
  for (const FieldNews& each : news) {
    if (each.view.is_unsent && merge::ends_unsent(each.decision)) fields.push_back(each.said->target);
  }
  return fields;
}

std::string conflicts_json(std::span<const FieldNews> news) {
  std::string text;
  for (const FieldNews& each : news) {
    if (!merge::is_conflict(each.decision)) continue;
    text += text.empty() ? "[" : ",";
    text += "{\"field\":" + json::quote(each.said->target);
    text += ",\"base_value\":" + (each.view.base ? each.view.base->text() : "null");
    text += ",\"hub_value\":" + each.view.ours.text() + ",\"provider_value\":" + each.view.said.text();
    text += ",\"rule\":" + json::quote(merge::owner_name(each.view.owner));
    text += std::string(",\"winner\":") + winner(each.decision) + "}";
  }
  return text.empty() ? text : text + "]";
}

}  // namespace cmms::pg
