#include "pg/prelude.hpp"

#include "pg/catalog/retired_references.hpp"

#include "pg/boundary/spi.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/catalog/remembered.hpp"

namespace cmms::pg {

bool has_retired_references(unsigned int function_oid, std::string_view tenant_id) {
  static Statement statement(
      "SELECT EXISTS (SELECT FROM cmms.identity_alias a WHERE a.tenant_id = $1 AND a.state = 'retired')",
      {TEXTOID});
  static Remembered<bool> tenants;
  return tenants.get(tenant_id, [&] {
    const OwnerScope scope(function_oid);
    const Spi spi;
    return statement.execute({tenant_id}).boolean(0, 0);
  });
}

}  // namespace cmms::pg
