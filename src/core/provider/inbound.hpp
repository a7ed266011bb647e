// A provider's record as the hub sees it: mapped fields, the identity of the record, and our own reference
// found back in it. Webhooks, polls, look-ups and the answers to pushes all read records through here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/value.hpp"
#include "core/mapping/mapping.hpp"
#include "core/provider/connection.hpp"

namespace cmms::provider {

struct InboundRecord {
  // Fields by column, among them the source_key(), source_updated_at, source_revision and "reference" where
  // the record has them.
  mapping::Mapped mapped;
  std::string source_record_id;  // empty: the record has none
  std::string reference;         // our uuid, lower case; empty: not ours
};

InboundRecord to_inbound(const Connection& connection, std::string_view resource, const json::Value& record);

// The column that holds the provider's id of a record: source_work_order_id, source_part_id.
std::string source_key(std::string_view resource);

// The provider's id, told by something else than the record: it takes the place of what the record says.
void set_source_id(std::string_view resource, std::string_view id, InboundRecord& inbound);
// The time of what the record says, told by something else than the record, which says none. A time in a form
// that nobody can compare is left out.
void set_updated_at(const ResourceMaps& maps, const std::string& time, InboundRecord& inbound);

// The provider's id of a record; empty when it has none.
std::string record_id(const ResourceMaps& maps, const json::Value& record);
// The provider's time stamp of the last change, as sent; empty when the record has none.
std::string record_updated_at(const ResourceMaps& maps, const json::Value& record);

// The provider's version of a record; empty when it has none.
std::string record_revision(const ResourceMaps& maps, const json::Value& record);

// Our reference in 20 characters, for fields that hold no more: the first 100 bits of the uuid in base32 (RFC
// 4648), which no two records of a hub share.
std::string reference_short(std::string_view reference);
// Our mark in the provider's text field: "[cmms <uuid>]".
std::string reference_mark(std::string_view reference);
std::optional<std::string> find_reference(std::string_view text);  // the uuid, lower case
std::string strip_reference(std::string_view text, std::string_view reference);
// The record's reference, found in the field that carries it; empty when there is none.
std::string record_reference(const ResourceMaps& maps, const json::Value& record);

// Mapping problems as a JSON array of objects with kind, target, vocabulary, value and message.
std::string problems_json(const std::vector<mapping::Problem>& problems);

// Ids and names that the record shows, for cmms.provider_value.
std::vector<LearntValue> learn_values(const ResourceMaps& maps, const json::Value& record);

}  // namespace cmms::provider
