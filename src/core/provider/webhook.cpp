// Reading events.
#include "core/provider/webhook.hpp"

#include <algorithm>

#include "core/json/text.hpp"

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
std::optional<json::Value> find_record(const WebhookPaths& webhook, const ResourceMaps& maps,
                                       const json::Value& body) {
  std::optional<json::Value> fallback;
  for (const path::Path& path : webhook.records) {
    const std::optional<json::Value> candidate = path.first_value(body);
    if (!candidate || !candidate->is_object()) continue;
    if (has_any(maps.mapped_id, *candidate)) return candidate;
    const bool is_body = path.steps().empty();
    if (is_body && !maps.mapped_id.empty()) continue;
    if (!fallback && has_any(maps.id, *candidate)) fallback = candidate;
  }
  return fallback;
}

// The default of a vocabulary is left out: it would make every event one that is handled.
std::optional<std::string_view> find_value(const ResourceMaps& maps, std::string_view vocabulary,
                                           std::string_view value) {
  const auto found = maps.inbound_values.find(vocabulary);
  return found == maps.inbound_values.end() ? std::nullopt : found->second.find_stated(value);
}

// What the event sets by itself; null when it is not handled. Vocabulary 'event' translates other names, and
// a name in 'event_status' is handled too.
const std::vector<mapping::MappedField>* find_event(const WebhookSpec& webhook, const ResourceMaps& maps,
                                                    std::string_view name) {
  if (const auto found = webhook.events.find(name); found != webhook.events.end()) return &found->second;
  static const std::vector<mapping::MappedField> nothing;
  if (const auto translated = find_value(maps, "event", name)) {
    const auto found = webhook.events.find(*translated);
    if (found != webhook.events.end()) return &found->second;
  }
  return find_value(maps, event_status, name) ? &nothing : nullptr;
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

}  // namespace

Result<WebhookRecord> read_webhook(const Connection& connection, const json::Value& body,
                                   const HeaderLookup& header) {
  WebhookRecord event;
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
  event.resource = webhook->resource;
  event.delivery_id = first_header(webhook->delivery_headers, header);
  if (event.delivery_id.empty()) event.delivery_id = first_scalar(paths.delivery, body);
  event.event_type = first_scalar(paths.event, body);
  if (event.event_type.empty()) event.event_type = first_header(webhook->event_headers, header);
  const std::vector<mapping::MappedField>* fixed = find_event(*webhook, *maps, event.event_type);
  if (fixed == nullptr) {
    event.ignored = true;
    event.reason = event.event_type.empty()
                       ? "the event has no name"
                       : "event \"" + json::clip(event.event_type, 100) + "\" is not one that is handled";
    return event;
  }
  const std::optional<json::Value> record = find_record(paths, *maps, body);
  if (!record) {
    Error error{ErrorClass::validation, "the event holds no record with an id", {}, {}};
    error.detail = "The record is looked for at";
    for (const path::Path& path : paths.records) error.detail += " " + path.text();
    error.detail += ".";
    error.hint = "Map the id with cmms.set_field_mapping, or set the option id_path.";
    return error;
  }
  event.record = *record;
  event.inbound = to_inbound(connection, webhook->resource, *record);
  apply_event_status(*maps, event.event_type, event.inbound.mapped);
  apply_fixed(*fixed, event.inbound.mapped);
  return event;
}

}  // namespace cmms::provider
