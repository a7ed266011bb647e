// The walls between tenants for functions that a gateway or an application may be granted: find out who
// calls, become the function's owner for the work, and refuse a caller who has no access to the provider's
// tenant. SECURITY DEFINER cannot do this: inside it the caller's identity is gone.
#pragma once

#include <string_view>

#include "pg/catalog/server.hpp"

namespace cmms::pg {

// For its own lifetime the backend acts as the owner of the SQL function that is being called, with the
// search path 'pg_catalog, pg_temp'. After an error the (sub)transaction's abort restores both, as it does
// for SECURITY DEFINER.
class OwnerScope {
 public:
  explicit OwnerScope(unsigned int function_oid);
  ~OwnerScope();
  OwnerScope(const OwnerScope&) = delete;
  OwnerScope& operator=(const OwnerScope&) = delete;

  unsigned int owner() const { return owner_; }
  unsigned int caller() const { return caller_; }

  // Raises 42501 unless the caller is the owner, a superuser, or a member of a role that may write the
  // tenant's records.
  void require_access(std::string_view tenant_id) const { require_access_of(caller_, tenant_id); }

  // For triggers, where the caller is whoever changes the table and needs no right of ours. A table's owner
  // who may execute `function_oid`, and so may make such triggers, must have access himself; otherwise an
  // administrator made it.
  void require_table_access(unsigned int function_oid, unsigned int table_owner,
                            std::string_view tenant_id) const;

  // Raises 42501 unless the caller owns the foreign server, directly or through a role.
  void require_server_owner(const Server& server, std::string_view provider_id) const;

 private:
  void require_access_of(unsigned int role, std::string_view tenant_id) const;

  unsigned int caller_ = 0;
  unsigned int owner_ = 0;
  int security_context_ = 0;
  int guc_level_ = 0;
};

bool may_execute(unsigned int function_oid, unsigned int role);

}  // namespace cmms::pg
