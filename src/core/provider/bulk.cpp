// Bulk writes: compiled from the descriptor once for each connection.
#include "core/provider/bulk.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "core/exchange/ascii.hpp"
#include "core/provider/connection.hpp"

namespace cmms::provider {
namespace {

constexpr std::int64_t most_items = 100'000;

Result<mapping::FieldMap> compile_rules(const std::vector<mapping::RuleText>& texts,
                                        const ConnectionInput& input) {
  std::vector<mapping::Rule> rules;
  for (const mapping::RuleText& text : texts) {
    Result<mapping::Rule> rule = mapping::compile_rule(text);
    if (!rule) return std::move(rule).error();
    rules.push_back(std::move(rule).value());
  }
  return mapping::FieldMap(std::move(rules), input.environment);
}

Status compile_limits(const Connection& connection, const BulkSpec& spec, BulkWrite& write) {
  Result<std::string> text = expand_options(connection, spec.max_items);
  if (!text) return std::move(text).error();
  const std::optional<std::int64_t> items = ascii::parse_digits(text.value());
  if (!items || *items < 1 || *items > most_items) {
    return Error{ErrorClass::configuration,
                 "provider \"" + connection.provider_id + "\": max_items \"" + text.value() + "\" of " +
                     write.name + " is not a number from 1 to " + std::to_string(most_items),
                 {},
                 {}};
  }
  write.max_items = static_cast<std::size_t>(*items);
  write.max_bytes = spec.max_bytes;
  return Nothing{};
}

Status compile_write(const Connection& connection, const OperationSpec& operation,
                     const ConnectionInput& input, BulkWrite& write) {
  const BulkSpec& spec = *operation.bulk;
  write.operation = &operation;
  write.whole = spec.whole;
  if (Status status = compile_limits(connection, spec, write); !status) return status;
  Result<mapping::FieldMap> key = compile_rules(spec.key, input);
  if (!key) return std::move(key).error();
  write.key = std::move(key).value();
  const std::pair<const std::vector<std::string>&, std::vector<path::Path>&> paths[] = {
      {spec.id_sent, write.id_sent},        {spec.results, write.results}, {spec.status, write.status},
      {spec.message, write.message},        {spec.errors, write.errors},   {spec.id, write.id},
      {spec.error_index, write.error_index}};
  for (const auto& [texts, compiled] : paths) {
    if (Status status = compile_paths(connection, texts, compiled); !status) return status;
  }
  return Nothing{};
}

// The columns that rules read, of `operation`.
void add_sources(const mapping::FieldMap& rules, mapping::OnOperation operation,
                 std::set<std::string, std::less<>>& fields) {
  for (const mapping::Rule& rule : rules.rules()) {
    if (rule.on_operation != mapping::OnOperation::always && rule.on_operation != operation) continue;
    for (const path::Path& source : rule.sources) {
      if (!source.head().empty()) fields.emplace(source.head());
    }
  }
}

}  // namespace

const mapping::FieldMap& BulkWrite::rules(const ResourceMaps& maps) const {
  return own ? *own : maps.outbound;
}

std::size_t BulkWrites::max_items() const {
  if (empty()) return 0;
  std::size_t items = create ? create->max_items : std::numeric_limits<std::size_t>::max();
  for (const BulkWrite& write : updates) items = std::min(items, write.max_items);
  return items;
}

Status compile_bulk(const Connection& connection, const ResourceSpec& spec, const ConnectionInput& input,
                    BulkWrites& bulk) {
  if (spec.create && spec.create->bulk) {
    bulk.create.emplace().name = "create";
    if (Status status = compile_write(connection, *spec.create, input, *bulk.create); !status) return status;
  }
  for (const WriteSpec& each : spec.updates) {
    BulkWrite& write = bulk.updates.emplace_back();
    write.name = each.name;
    write.fields = each.fields;
    if (Status status = compile_write(connection, each.operation, input, write); !status) return status;
    Result<mapping::FieldMap> own = compile_rules(each.outbound, input);
    if (!own) return std::move(own).error();
    write.own = std::move(own).value();
  }
  if (spec.update && spec.update->bulk) {
    BulkWrite& write = bulk.updates.emplace_back();
    write.name = "update";
    return compile_write(connection, *spec.update, input, write);
  }
  return Nothing{};
}

std::vector<WriteSupport> write_support(const Connection& connection, std::string_view resource) {
  std::vector<WriteSupport> support;
  const ResourceSpec* spec = connection.descriptor->resource(resource);
  const ResourceMaps* maps = connection.maps(resource);
  if (spec == nullptr || maps == nullptr) return support;
  const auto add = [&](std::string operation, const std::set<std::string, std::less<>>& fields) {
    support.push_back({std::move(operation), {fields.begin(), fields.end()}});
  };
  if (spec->create) {
    std::set<std::string, std::less<>> fields;
    add_sources(maps->outbound, mapping::OnOperation::create, fields);
    add("create", fields);
  }
  if (spec->update || !spec->updates.empty()) {
    std::set<std::string, std::less<>> fields;
    if (spec->update) add_sources(maps->outbound, mapping::OnOperation::update, fields);
    for (const WriteSpec& write : spec->updates) fields.insert(write.fields.begin(), write.fields.end());
    add("update", fields);
  }
  if (spec->remove) add("delete", {});
  return support;
}

}  // namespace cmms::provider
