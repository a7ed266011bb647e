#include "pg/prelude.hpp"

#include "pg/apply/identity.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>

#include "pg/boundary/spi.hpp"
#include "pg/catalog/connection_cache.hpp"
#include "pg/json/jsonb_writer.hpp"

namespace cmms::pg {
namespace {

using Tenants = std::set<std::string, std::less<>>;

Tenants read_tenants() {
  static Statement statement("SELECT DISTINCT tenant_id FROM cmms.identity_alias", {});
  const Spi spi;
  const Rows rows = statement.execute();
  Tenants tenants;
  for (std::size_t i = 0; i < rows.size(); ++i) tenants.insert(rows.text_or(i, 0, ""));
  return tenants;
}

}  // namespace

bool has_identities(std::string_view tenant_id) {
  static Tenants tenants;
  static std::uint64_t made_at = 0;
  static bool is_read = false;
  if (!is_read || made_at != configuration_generation()) {
    const std::uint64_t generation = configuration_generation();
    tenants = read_tenants();
    made_at = generation;
    is_read = true;
  }
  return tenants.find(tenant_id) != tenants.end();
}

void resolve_references(const provider::Connection& connection, mapping::Mapped& mapped) {
  static Statement statement("SELECT cmms.resolve_references($1, $2, $3)", {TEXTOID, TEXTOID, JSONBOID});
  const Rows rows = statement.execute({connection.tenant_id, connection.provider_id,
                                       Param::datum(JSONBOID, jsonb_from_fields(mapped.fields))});
  const std::optional<json::Value> resolved = rows.json(0, 0);
  if (!resolved) return;
  for (mapping::MappedField& field : mapped.fields) {
    if (const auto value = resolved->member(field.target)) field.value = json::Field::from(*value);
  }
}

void add_retired_problems(const provider::Connection& connection, mapping::Mapped& mapped) {
  static Statement statement("SELECT target, reference, message FROM cmms.retired_references($1, $2)",
                             {TEXTOID, JSONBOID});
  const Rows rows =
      statement.execute({connection.tenant_id, Param::datum(JSONBOID, jsonb_from_fields(mapped.fields))});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    mapped.problems.push_back({.kind = mapping::ProblemKind::bad_value,
                               .target = rows.text_or(i, 0, ""),
                               .vocabulary = "",
                               .value = rows.text_or(i, 1, ""),
                               .message = rows.text_or(i, 2, "")});
  }
}

}  // namespace cmms::pg
