// Reading events.
#include "core/provider/webhook.hpp"

#include <algorithm>

#include "core/json/text.hpp"
#include "core/provider/derived_id.hpp"

namespace cmms::provider {
namespace {

constexpr std::string_view event_status = "event_status";

std::string first_scalar(const std::vector<path::Path>& paths, const json::Value& body) {
  for (const path::Path& path : paths) {
    const std::optional<json::Field> field = path.first(body);
    if (!field || field->text.empty()) continue;
    if (field->kind == json::Kind::string || field->kind == json::Kind::number) return field->text;
  }
  return {};
}

std::string first_header(const std::vector<std::string>& names, const HeaderLookup& header) {
  for (const std::string& name : names) {
    const std::optional<std::string_view> value = header(name);
    if (value && !value->empty()) return std::string(*value);
  }
  return {};
}

bool has_any(const std::vector<path::Path>& paths, const json::Value& record) {
  return std::any_of(paths.begin(), paths.end(), [&](const path::Path& path) {
    const std::optional<json::Value> value = path.first_value(record);
    return value && (value->is_string() || value->kind() == json::Kind::number);
  });
}

// The first candidate that is an object with an id. Where the DBA says which member the id is, an object with
// that member is preferred, and the body itself needs it: its own "id" may be the event's.
std::optional<json::Value> find_record(const std::vector<path::Path>& candidates, const ResourceMaps& maps,
                                       const json::Value& body) {
  std::optional<json::Value> fallback;
  for (const path::Path& path : candidates) {
    const std::optional<json::Value> candidate = path.first_value(body);
    if (!candidate || !candidate->is_object()) continue;
    if (has_any(maps.mapped_id, *candidate)) return candidate;
    const bool is_body = path.steps().empty();
    if (is_body && !maps.mapped_id.empty()) continue;
    if (!fallback && has_any(maps.id, *candidate)) fallback = candidate;
  }
  return fallback;
}

std::optional<json::Value> find_object(const std::vector<path::Path>& candidates, const json::Value& body) {
  for (const path::Path& path : candidates) {
    const std::optional<json::Value> candidate = path.first_value(body);
    if (candidate && candidate->is_object()) return candidate;
  }
  return std::nullopt;
}

// The default of a vocabulary is left out: it would make every event one that is handled.
std::optional<std::string_view> find_value(const ResourceMaps& maps, std::string_view vocabulary,
                                           std::string_view value) {
  const auto found = maps.inbound_values.find(vocabulary);
  return found == maps.inbound_values.end() ? std::nullopt : found->second.find_stated(value);
}

// The records of the event; null when it is not handled. Vocabulary 'event' translates other names, and a
// name in 'event_status' is handled too.
const std::vector<WebhookRecordSpec>* find_event(const WebhookSpec& webhook, const ResourceMaps& maps,
                                                 std::string_view name,
                                                 const std::vector<WebhookRecordSpec>& plain) {
  if (const auto found = webhook.events.find(name); found != webhook.events.end()) return &found->second;
  if (const auto translated = find_value(maps, "event", name)) {
    const auto found = webhook.events.find(*translated);
    if (found != webhook.events.end()) return &found->second;
  }
  return find_value(maps, event_status, name) ? &plain : nullptr;
}

// What the event's name says of the status, where the record itself says nothing.
void apply_event_status(const ResourceMaps& maps, std::string_view event, mapping::Mapped& mapped) {
  constexpr std::string_view target = "common_status";
  const json::Field* own = mapped.find(target);
  const bool has_problem = std::any_of(mapped.problems.begin(), mapped.problems.end(),
                                       [&](const auto& problem) { return problem.target == target; });
  if (has_problem || (own != nullptr && !own->is_null())) return;
  const std::optional<std::string_view> status = find_value(maps, event_status, event);
  if (!status) return;
  std::erase_if(mapped.fields, [&](const auto& field) { return field.target == target; });
  mapped.fields.push_back({std::string(target), json::Field::string(std::string(*status))});
}

void apply_fixed(const std::vector<mapping::MappedField>& fixed, mapping::Mapped& mapped) {
  for (const mapping::MappedField& field : fixed) {
    std::erase_if(mapped.fields, [&](const auto& each) { return each.target == field.target; });
    std::erase_if(mapped.problems, [&](const auto& each) { return each.target == field.target; });
    mapped.fields.push_back(field);
  }
}

Error missing_record(const std::vector<path::Path>& candidates) {
  Error error{ErrorClass::validation, "the event holds no record with an id", {}, {}};
  error.detail = "The record is looked for at";
  for (const path::Path& path : candidates) error.detail += " " + path.text();
  error.detail += ".";
  error.hint = "Map the id with cmms.set_field_mapping, or set the option id_path.";
  return error;
}

class EventReader {
 public:
  EventReader(const Connection& connection, const json::Value& body, WebhookEvent& event)
      : connection_(connection), body_(body), event_(event) {}

  Status read(const std::vector<WebhookRecordSpec>& specs) {
    for (const WebhookRecordSpec& spec : specs) {
      const std::vector<path::Path>& candidates = candidates_of(spec);
      if (std::optional<WebhookRecord> record = read_record(spec, candidates)) {
        event_.records.push_back(*std::move(record));
        of_records_.push_back(&spec);
      } else if (!spec.is_optional) {
        return missing_record(candidates);
      }
    }
    if (event_.records.empty()) return missing_record(connection_.webhook.records);
    return Nothing{};
  }

  // The last rung of the ladder: what the event says, as far as the descriptor says that this tells two
  // apart.
  void derive_delivery_id(const Deduplication& by, std::string_view bytes) {
    if (!by.is_used() || !event_.delivery_id.empty()) return;
    const std::string time = occurred_at(*of_records_.front());
    event_.delivery_id =
        derived_id({by.by_event ? event_.event_type : std::string_view(),
                    by.by_record_id ? event_.records.front().inbound.source_record_id : std::string_view(),
                    by.by_occurred_at ? time : std::string_view(), by.by_body ? bytes : std::string_view()});
  }

  // Records without an id of their own get the delivery's.
  void complete_ids() {
    for (std::size_t i = 0; i < event_.records.size(); ++i) {
      if (!of_records_[i]->id_is_delivery || event_.delivery_id.empty()) continue;
      set_source_id(event_.records[i].resource, event_.delivery_id, event_.records[i].inbound);
    }
  }

 private:
  const std::vector<path::Path>& candidates_of(const WebhookRecordSpec& spec) const {
    return spec.record.empty() ? connection_.webhook.records : spec.record;
  }

  std::string occurred_at(const WebhookRecordSpec& spec) const {
    return first_scalar(spec.occurred_at.empty() ? connection_.webhook.occurred_at : spec.occurred_at, body_);
  }

  std::optional<WebhookRecord> read_record(const WebhookRecordSpec& spec,
                                           const std::vector<path::Path>& candidates) const {
    const ResourceMaps& maps = *connection_.maps(spec.resource);  // the descriptor was checked
    const std::string id = first_scalar(spec.id, body_);
    const bool has_own_id = spec.id.empty() && !spec.id_is_delivery;
    if (!spec.id.empty() && id.empty()) return std::nullopt;
    const std::optional<json::Value> found =
        has_own_id ? find_record(candidates, maps, body_) : find_object(candidates, body_);
    if (!found && !spec.read_back) return std::nullopt;
    WebhookRecord record{.resource = spec.resource, .record = found.value_or(body_), .inbound = {}};
    if (spec.read_back) {
      record.read_back = true;
      record.inbound.source_record_id = id.empty() ? record_id(maps, record.record) : id;
      return record.inbound.source_record_id.empty() ? std::nullopt : std::optional(std::move(record));
    }
    record.inbound = to_inbound(connection_, spec.resource, record.record);
    if (!id.empty()) set_source_id(spec.resource, id, record.inbound);
    set_updated_at(maps, occurred_at(spec), record.inbound);
    if (spec.resource == "work_order") apply_event_status(maps, event_.event_type, record.inbound.mapped);
    apply_fixed(spec.fields, record.inbound.mapped);
    return record;
  }

  const Connection& connection_;
  const json::Value& body_;
  WebhookEvent& event_;
  std::vector<const WebhookRecordSpec*> of_records_;
};

}  // namespace

Result<WebhookEvent> read_webhook(const Connection& connection, const json::Value& body,
                                  const HeaderLookup& header, std::string_view bytes) {
  WebhookEvent event;
  const std::optional<WebhookSpec>& webhook = connection.descriptor->webhook;
  if (!webhook) {
    event.ignored = true;
    event.reason = "provider type " + connection.descriptor->type + " sends no webhooks";
    return event;
  }
  if (!body.is_object()) {
    return Error{ErrorClass::validation, "the body is not a JSON object", {}, {}};
  }
  const ResourceMaps* maps = connection.maps(webhook->resource);
  if (maps == nullptr) return Error{ErrorClass::configuration, "unknown resource of a webhook", {}, {}};
  const WebhookPaths& paths = connection.webhook;
  event.delivery_id = first_header(webhook->delivery_headers, header);
  if (event.delivery_id.empty()) event.delivery_id = first_scalar(paths.delivery, body);
  event.event_type = first_scalar(paths.event, body);
  if (event.event_type.empty()) event.event_type = first_header(webhook->event_headers, header);
  std::vector<WebhookRecordSpec> plain(1);
  plain.front().resource = webhook->resource;
  const std::vector<WebhookRecordSpec>* records = find_event(*webhook, *maps, event.event_type, plain);
  if (records == nullptr) {
    event.ignored = true;
    event.reason = event.event_type.empty()
                       ? "the event has no name"
                       : "event \"" + json::clip(event.event_type, 100) + "\" is not one that is handled";
    return event;
  }
  EventReader reader(connection, body, event);
  if (Status status = reader.read(*records); !status) return std::move(status).error();
  reader.derive_delivery_id(webhook->deduplicate, bytes);
  reader.complete_ids();
  return event;
}

}  // namespace cmms::provider
