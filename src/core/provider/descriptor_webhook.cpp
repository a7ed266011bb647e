// The part of a descriptor that describes webhooks.
#include <algorithm>

#include "core/json/field.hpp"
#include "core/provider/descriptor_reader.hpp"
#include "core/signature/signature.hpp"

namespace cmms::provider {
namespace {

std::vector<mapping::MappedField> read_fixed_fields(const json::Value& object) {
  std::vector<mapping::MappedField> fields;
  object.each_member([&](std::string_view target, const json::Value& value) {
    fields.push_back({std::string(target), json::Field::from(value)});
    return true;
  });
  return fields;
}

WebhookRecordSpec read_record_spec(DescriptorReader& reader, const json::Value& value, const std::string& at,
                                   const std::string& resource) {
  Members members(reader, value, at);
  WebhookRecordSpec spec;
  spec.resource = members.text("resource");
  if (spec.resource.empty()) spec.resource = resource;
  spec.record = members.paths("record");
  spec.id = members.paths("id");
  spec.occurred_at = members.paths("occurred_at");
  if (const auto fields = members.take_object("fields")) spec.fields = read_fixed_fields(*fields);
  spec.id_is_delivery = members.boolean("id_is_delivery");
  spec.is_optional = members.boolean("optional");
  spec.read_back = members.boolean("read_back");
  members.finish();
  return spec;
}

// {"common_status": "completed"}: what the event says of the webhook's record; or a list of records.
std::vector<WebhookRecordSpec> read_event(DescriptorReader& reader, const json::Value& value,
                                          const std::string& at, const std::string& resource) {
  std::vector<WebhookRecordSpec> records;
  if (value.is_object()) {
    WebhookRecordSpec record;
    record.resource = resource;
    record.fields = read_fixed_fields(value);
    records.push_back(std::move(record));
  } else if (value.is_array() && value.size() > 0) {
    for (std::size_t i = 0; i < value.size() && !reader.failed(); ++i) {
      records.push_back(
          read_record_spec(reader, *value.element(i), at + "[" + std::to_string(i) + "]", resource));
    }
  } else {
    reader.fail(at, "must be an object of fields, or a list of records");
  }
  return records;
}

Deduplication read_deduplication(DescriptorReader& reader, Members& members) {
  Deduplication deduplication;
  for (const std::string& word : members.texts("deduplicate")) {
    if (word == "event") {
      deduplication.by_event = true;
    } else if (word == "record_id") {
      deduplication.by_record_id = true;
    } else if (word == "occurred_at") {
      deduplication.by_occurred_at = true;
    } else if (word == "body") {
      deduplication.by_body = true;
    } else {
      reader.fail(members.at("deduplicate"), "unknown word \"" + word + "\"",
                  "Words are event, record_id, occurred_at and body.");
    }
  }
  return deduplication;
}

}  // namespace

std::optional<WebhookSpec> read_webhook_spec(DescriptorReader& reader, const json::Value& value,
                                             const std::string& at) {
  Members members(reader, value, at);
  WebhookSpec webhook;
  if (std::string resource = members.text("resource"); !resource.empty())
    webhook.resource = std::move(resource);
  webhook.signature = members.text("signature");
  const std::vector<std::string_view> schemes = signature::scheme_names();
  if (!webhook.signature.empty() &&
      std::find(schemes.begin(), schemes.end(), webhook.signature) == schemes.end()) {
    reader.fail(members.at("signature"), "unknown scheme \"" + webhook.signature + "\"");
  }
  webhook.event = members.texts("event");
  webhook.event_headers = members.texts("event_headers");
  webhook.records = members.texts("records");
  webhook.delivery_headers = members.texts("delivery_headers");
  webhook.delivery = members.texts("delivery");
  webhook.occurred_at = members.texts("occurred_at");
  webhook.deduplicate = read_deduplication(reader, members);
  if (const auto events = members.take_object("events")) {
    events->each_member([&](std::string_view event, const json::Value& member) {
      webhook.events.emplace(
          event, read_event(reader, member, member_path(members.at("events"), event), webhook.resource));
      return !reader.failed();
    });
  }
  members.finish();
  if (webhook.records.empty()) reader.fail(at, "member \"records\" is missing");
  if (webhook.events.empty()) reader.fail(at, "member \"events\" is missing");
  return webhook;
}

}  // namespace cmms::provider
