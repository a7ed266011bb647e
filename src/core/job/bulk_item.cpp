// Items of bulk requests: a change is divided among the writes that carry its fields.
#include "core/job/bulk_item.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "core/job/outgoing.hpp"
#include "core/json/jansson.hpp"
#include "core/json/text.hpp"

namespace cmms::job {
namespace {

using mapping::Mapped;
using mapping::MappedField;
using provider::BulkWrite;
using provider::Connection;
using provider::ResourceMaps;
using provider::ResourceSpec;

using Names = std::set<std::string, std::less<>>;

mapping::Operation mapping_operation(PushOperation operation) {
  return operation == PushOperation::create ? mapping::Operation::create : mapping::Operation::update;
}

// "unitPrice.amount" -> "unitPrice", where that member is sent whole.
std::string_view whole_member(const BulkWrite& write, std::string_view target) {
  const std::string_view head = target.substr(0, target.find('.'));
  const bool is_whole = head.size() < target.size() &&
                        std::find(write.whole.begin(), write.whole.end(), head) != write.whole.end();
  return is_whole ? head : std::string_view();
}

bool reads_one_of(const mapping::Rule& rule, const Names& fields) {
  return std::any_of(rule.sources.begin(), rule.sources.end(),
                     [&](const path::Path& source) { return fields.contains(source.head()); });
}

// A member that is sent whole takes all its parts along when one of them has changed.
Names with_companions(const BulkWrite& write, const ResourceMaps& maps, Names changed) {
  Names wholes;
  for (const mapping::Rule& rule : write.rules(maps).rules()) {
    const std::string_view whole = whole_member(write, rule.target);
    if (!whole.empty() && reads_one_of(rule, changed)) wholes.emplace(whole);
  }
  for (const mapping::Rule& rule : write.rules(maps).rules()) {
    if (!wholes.contains(whole_member(write, rule.target))) continue;
    for (const path::Path& source : rule.sources) changed.emplace(source.head());
  }
  return changed;
}

// A part that is null, or that a new record has not got, leaves nothing of the member: null in an update, no
// member in a create.
void close_wholes(const BulkWrite& write, const ResourceMaps& maps, PushOperation operation, Mapped& mapped) {
  Names missing;
  for (const mapping::Rule& rule : write.rules(maps).rules()) {
    const std::string_view whole = whole_member(write, rule.target);
    if (whole.empty()) continue;
    const bool is_there =
        std::any_of(mapped.fields.begin(), mapped.fields.end(),
                    [&](const MappedField& field) { return whole_member(write, field.target) == whole; });
    const json::Field* part = mapped.find(rule.target);
    if (is_there && (part == nullptr || part->is_null())) missing.emplace(whole);
  }
  for (const std::string& whole : missing) {
    std::erase_if(mapped.fields,
                  [&](const MappedField& field) { return whole_member(write, field.target) == whole; });
    if (operation == PushOperation::update) mapped.fields.push_back({whole, json::Field::null()});
  }
}

class Preparation {
 public:
  Preparation(const ResourceSpec& spec, const ResourceMaps& maps, const PushInput& input)
      : spec_(spec),
        maps_(maps),
        input_(input),
        changed_(input.changed_fields.begin(), input.changed_fields.end()) {}

  Result<BulkPreparation> prepare() {
    member_.source_record_id = input_.source_record_id;
    const std::vector<const BulkWrite*> writes = bulk_writes(maps_, input_.operation);
    for (std::size_t i = 0; i < writes.size(); ++i) {
      if (Status status = add_item(*writes[i], i); !status) return std::move(status).error();
    }
    if (!problems_.empty()) return BulkPreparation(conclude_held(problems_));
    if (member_.items.empty()) return BulkPreparation(nothing_to_send(input_.source_record_id));
    return BulkPreparation(std::move(member_));
  }

 private:
  Status add_item(const BulkWrite& write, std::size_t number) {
    Mapped mapped = map_fields(write);
    drop_answered_problems(spec_, input_.operation, mapped);
    if (!mapped.problems.empty()) {
      problems_.insert(problems_.end(), mapped.problems.begin(), mapped.problems.end());
      return Nothing{};
    }
    close_wholes(write, maps_, input_.operation, mapped);
    if (mapped.fields.empty() && input_.operation == PushOperation::update) return Nothing{};
    if (input_.operation == PushOperation::create && maps_.reference) {
      add_reference(*maps_.reference, input_.operation, input_.reference, mapped);
    }
    if (Status status = add_key(write, mapped); !status) return status;
    Result<std::string> json = fields_json(mapped.fields);
    if (!json) return std::move(json).error();
    BulkItem item{number, std::move(json).value(), {}};
    if (!write.id_sent.empty()) {
      const Result<json::Document> sent = json::Document::parse(item.json);
      if (!sent) return sent.error();
      for (const path::Path& path : write.id_sent) {
        const std::optional<json::Field> id = path.field(sent.value().root());
        if (item.id.empty() && id && !id->is_null()) item.id = id->text;
      }
    }
    member_.items.push_back(std::move(item));
    return Nothing{};
  }

  Mapped map_fields(const BulkWrite& write) const {
    const json::Value record = input_.record->root();
    const mapping::FieldMap& rules = write.rules(maps_);
    const mapping::Operation operation = mapping_operation(input_.operation);
    if (input_.operation == PushOperation::create) {
      return rules.apply(record, maps_.outbound_values, mapping::Direction::outbound, operation);
    }
    if (!write.fields.empty()) {
      const bool is_changed = std::any_of(write.fields.begin(), write.fields.end(),
                                          [&](const std::string& field) { return changed_.contains(field); });
      if (!is_changed) return {};
      return rules.apply(record, maps_.outbound_values, mapping::Direction::outbound, operation);
    }
    const Names touched = with_companions(write, maps_, changed_);
    const std::function<bool(std::string_view)> only = [&](std::string_view field) {
      return touched.contains(field);
    };
    return rules.apply(record, maps_.outbound_values, mapping::Direction::outbound, operation, &only);
  }

  // What names the record comes first in the item.
  Status add_key(const BulkWrite& write, Mapped& mapped) const {
    if (write.key.empty()) return Nothing{};
    const std::string names = "{\"source_id\":" + json::quote(input_.source_record_id) +
                              ",\"reference\":" + json::quote(input_.reference) + "}";
    const Result<json::Document> document = json::Document::parse(names);
    if (!document) return document.error();
    Mapped key = write.key.apply(document.value().root(), maps_.outbound_values, mapping::Direction::outbound,
                                 mapping_operation(input_.operation));
    if (!key.problems.empty()) {
      return Error{ErrorClass::identity, key.problems.front().message, {}, {}};
    }
    mapped.fields.insert(mapped.fields.begin(), key.fields.begin(), key.fields.end());
    return Nothing{};
  }

  const ResourceSpec& spec_;
  const ResourceMaps& maps_;
  const PushInput& input_;
  Names changed_;
  BulkMember member_;
  std::vector<mapping::Problem> problems_;
};

}  // namespace

std::vector<const BulkWrite*> bulk_writes(const ResourceMaps& maps, PushOperation operation) {
  std::vector<const BulkWrite*> writes;
  if (operation == PushOperation::create) {
    if (maps.bulk.create) writes.push_back(&*maps.bulk.create);
  } else if (operation == PushOperation::update) {
    for (const BulkWrite& write : maps.bulk.updates) writes.push_back(&write);
  }
  return writes;
}

Result<BulkPreparation> prepare_bulk(const Connection& connection, const PushInput& input) {
  const ResourceSpec* spec = connection.descriptor->resource(input.resource);
  const ResourceMaps* maps = connection.maps(input.resource);
  if (spec == nullptr || maps == nullptr || bulk_writes(*maps, input.operation).empty()) {
    return no_operation_error(connection, push_operation_name(input.operation), input.resource);
  }
  if (input.operation == PushOperation::update && input.source_record_id.empty()) {
    return BulkPreparation(conclude_without_id(connection));
  }
  if (input.record == nullptr) {
    return Error{ErrorClass::identity, "the record does not exist any more", {}, {}};
  }
  return Preparation(*spec, *maps, input).prepare();
}

}  // namespace cmms::job
