// What PostgreSQL 14 to 18 name or do differently, under one name each. All of it runs inside pg_call() where
// it may raise.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "utils/regproc.h"
#include "utils/rel.h"
}

// Marks a library as one that fits the server; since 18 it says its name and version too
// (pg_get_loaded_modules()).
#if PG_VERSION_NUM >= 180000
#define CMMS_MODULE_MAGIC(module_name, module_version) \
  PG_MODULE_MAGIC_EXT(.name = (module_name), .version = (module_version))
#else
#define CMMS_MODULE_MAGIC(module_name, module_version) PG_MODULE_MAGIC
#endif

namespace cmms::pg {

inline AclResult function_aclcheck(Oid function, Oid role, AclMode mode) {
#if PG_VERSION_NUM >= 160000
  return object_aclcheck(ProcedureRelationId, function, role, mode);
#else
  return pg_proc_aclcheck(function, role, mode);
#endif
}

inline List* qualified_name_list(const char* name) {
#if PG_VERSION_NUM >= 160000
  return stringToQualifiedNameList(name, nullptr);
#else
  return stringToQualifiedNameList(name);
#endif
}

// A setting that begins so and that nobody has defined is misspelt.
inline void reserve_setting_prefix(const char* prefix) {
#if PG_VERSION_NUM >= 150000
  MarkGUCPrefixReserved(prefix);
#else
  EmitWarningsOnPlaceholders(prefix);
#endif
}

// For as long as the process lives.
inline WaitEventSet* create_wait_event_set(int event_count) {
#if PG_VERSION_NUM >= 170000
  return CreateWaitEventSet(nullptr, event_count);
#else
  return CreateWaitEventSet(TopMemoryContext, event_count);
#endif
}

// True: some of it was too early to report; 14 does not tell.
inline bool report_statistics() {
#if PG_VERSION_NUM >= 150000
  return pgstat_report_stat(false) > 0;
#else
  pgstat_report_stat(false);
  return false;
#endif
}

using RequestHook = void (*)();

// Lets `request` ask for shared memory; gives the hook that it must call first, or nullptr. 14 wants to be
// asked at once.
inline RequestHook hook_shared_memory_request(RequestHook request) {
#if PG_VERSION_NUM >= 150000
  const RequestHook previous = shmem_request_hook;
  shmem_request_hook = request;
  return previous;
#else
  request();
  return nullptr;
#endif
}

// Stored, or since 18 virtual.
inline bool has_generated_columns(Relation relation) {
  const TupleConstr* constraints = RelationGetDescr(relation)->constr;
  if (constraints == nullptr) return false;
#if PG_VERSION_NUM >= 180000
  if (constraints->has_generated_virtual) return true;
#endif
  return constraints->has_generated_stored;
}

inline List* insert_index_tuples(ResultRelInfo* target, TupleTableSlot* slot, EState* state) {
#if PG_VERSION_NUM >= 160000
  return ExecInsertIndexTuples(target, slot, state, false, false, nullptr, NIL, false);
#else
  return ExecInsertIndexTuples(target, slot, state, false, false, nullptr, NIL);
#endif
}

}  // namespace cmms::pg
