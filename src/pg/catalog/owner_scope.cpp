#include "pg/prelude.hpp"

#include "pg/catalog/owner_scope.hpp"

#include <exception>
#include <string>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/boundary/versions.hpp"

namespace cmms::pg {
namespace {

Oid function_owner(Oid function_oid) {
  return pg_call([&] {
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function_oid));
    if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for function %u", function_oid);
    const Oid owner = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->proowner;
    ReleaseSysCache(tuple);
    return owner;
  });
}

bool has_tenant_access(Oid role, std::string_view tenant_id) {
  static Statement statement(
      "SELECT EXISTS (SELECT FROM cmms.tenant_access WHERE tenant_id = $1 AND level = 'write'"
      " AND pg_has_role($2, role_name, 'MEMBER'))",
      {TEXTOID, OIDOID});
  Spi spi;
  return statement.execute({Param(tenant_id), Param::oid(role)}).boolean(0, 0);
}

}  // namespace

bool may_execute(unsigned int function_oid, unsigned int role) {
  return pg_call([&] { return function_aclcheck(function_oid, role, ACL_EXECUTE); }) == ACLCHECK_OK;
}

OwnerScope::OwnerScope(unsigned int function_oid) : owner_(function_owner(function_oid)) {
  GetUserIdAndSecContext(&caller_, &security_context_);
  guc_level_ = NewGUCNestLevel();
  pg_call([&] {
    set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
                      0, false);
  });
  SetUserIdAndSecContext(owner_, security_context_ | SECURITY_LOCAL_USERID_CHANGE);
}

OwnerScope::~OwnerScope() {
  if (std::uncaught_exceptions() > 0) return;  // the abort that follows restores both
  AtEOXact_GUC(true, guc_level_);
  SetUserIdAndSecContext(caller_, security_context_);
}

void OwnerScope::require_access_of(unsigned int role, std::string_view tenant_id) const {
  const bool is_owner = pg_call([&] { return superuser_arg(role) || has_privs_of_role(role, owner_); });
  if (is_owner || has_tenant_access(role, tenant_id)) return;
  const char* role_name = pg_call([&] { return GetUserNameFromId(role, true); });
  raise(ERRCODE_INSUFFICIENT_PRIVILEGE, "permission denied for tenant \"" + std::string(tenant_id) + "\"",
        "Role \"" + std::string(role_name == nullptr ? "?" : role_name) +
            "\" may not write records of this tenant.",
        "An administrator can allow it with cmms.grant_access().");
}

void OwnerScope::require_table_access(unsigned int function_oid, unsigned int table_owner,
                                      std::string_view tenant_id) const {
  if (may_execute(function_oid, table_owner)) require_access_of(table_owner, tenant_id);
}

void OwnerScope::require_server_owner(const Server& server, std::string_view provider_id) const {
  const bool is_owner =
      pg_call([&] { return superuser_arg(caller_) || has_privs_of_role(caller_, server.owner); });
  if (is_owner) return;
  raise(ERRCODE_INSUFFICIENT_PRIVILEGE, "must be owner of foreign server " + std::string(provider_id));
}

}  // namespace cmms::pg
