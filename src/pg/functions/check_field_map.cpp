// cmms.check_field_map: asked by the trigger of field_map, so that a rule that cannot work is refused when it
// is written.
#include "pg/prelude.hpp"

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pg/boundary/guard.hpp"
#include "pg/catalog/configuration_rows.hpp"
#include "pg/catalog/connection_cache.hpp"
#include "pg/catalog/record_columns.hpp"
#include "pg/catalog/server.hpp"
#include "pg/functions/arguments.hpp"
#include "pg/mapping/environment.hpp"

namespace cmms::pg {
namespace {

mapping::Direction direction_of(std::string_view name) {
  if (name == "outbound") return mapping::Direction::outbound;
  return name == "row" ? mapping::Direction::row : mapping::Direction::inbound;
}

// More than the syntax: the columns, time zones and functions that a rule names must exist.
void check_rules(const std::vector<mapping::RuleText>& rules, mapping::Direction direction,
                 std::string_view resource, const mapping::Environment& environment) {
  for (const mapping::RuleText& text : rules) {
    const bool is_switch_off = text.sources.empty() && !text.default_value;
    if (is_switch_off) continue;
    const Result<mapping::Rule> rule = mapping::compile_rule(text);
    if (!rule) raise(rule.error());
    check_rule(rule.value(), direction, resource);
    if (Status status = mapping::verify_rule(rule.value(), environment); !status) raise(status.error());
  }
}

void check_field_map(const std::string& provider_id) {
  const std::optional<Server> server = find_server(provider_id);
  if (!server) return;  // a map may be there before its server, as in a restored dump
  const std::shared_ptr<const provider::Connection> provider = connection(provider_id, Secrets::optional);
  const std::vector<provider::FieldRow> rows = read_field_rows(provider_id);
  const std::shared_ptr<const mapping::Environment> environment = make_environment(server->owner);
  std::set<std::pair<std::string, std::string>> maps;
  for (const provider::FieldRow& row : rows) maps.emplace(row.resource, row.direction);
  for (const auto& [resource, direction] : maps) {
    const Result<std::vector<mapping::RuleText>> rules =
        provider::written_rules(*provider, rows, resource, direction, false);
    if (!rules) raise(rules.error());
    check_rules(rules.value(), direction_of(direction), direction == "row" ? "work_order" : resource,
                *environment);
  }
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_check_field_map) {
  cmms::pg::check_field_map(std::string(cmms::pg::text_argument(fcinfo, 0)));
  return Datum{0};
}
