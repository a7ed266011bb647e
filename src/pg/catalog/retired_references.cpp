#include "pg/prelude.hpp"

#include "pg/catalog/retired_references.hpp"

#include <cstdint>
#include <map>
#include <string>

#include "pg/boundary/spi.hpp"
#include "pg/catalog/connection_cache.hpp"
#include "pg/catalog/owner_scope.hpp"

namespace cmms::pg {
namespace {

struct Known {
  std::uint64_t generation = 0;
  bool has_some = false;
};

bool read(unsigned int function_oid, std::string_view tenant_id) {
  static Statement statement(
      "SELECT EXISTS (SELECT FROM cmms.identity_alias a WHERE a.tenant_id = $1 AND a.state = 'retired')",
      {TEXTOID});
  const OwnerScope scope(function_oid);
  const Spi spi;
  return statement.execute({tenant_id}).boolean(0, 0);
}

}  // namespace

bool has_retired_references(unsigned int function_oid, std::string_view tenant_id) {
  // What an old snapshot shows must not be remembered for the transactions after it.
  if (IsolationUsesXactSnapshot()) return read(function_oid, tenant_id);
  static std::map<std::string, Known, std::less<>> tenants;
  const std::uint64_t current = configuration_generation();
  const auto found = tenants.find(tenant_id);
  if (found != tenants.end() && found->second.generation == current) return found->second.has_some;
  const bool has_some = read(function_oid, tenant_id);
  tenants.insert_or_assign(std::string(tenant_id), Known{current, has_some});
  return has_some;
}

}  // namespace cmms::pg
