#include "pg/launcher/database_list.hpp"

#include "pg/boundary/guard.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/tableam.h"
#include "catalog/pg_database.h"
}

namespace cmms::pg {
namespace {

constexpr int dropped_half_way = -2;  // datconnlimit after a DROP DATABASE that was interrupted

bool may_be_served(const FormData_pg_database& database) {
  return database.datallowconn && !database.datistemplate && database.datconnlimit != dropped_half_way;
}

// Without a database of its own the launcher has no SQL, only the heap of the shared catalog.
void scan_databases(std::vector<Oid>& databases) {
  Relation relation = pg_call([] { return table_open(DatabaseRelationId, AccessShareLock); });
  TableScanDesc scan = pg_call([&] { return table_beginscan_catalog(relation, 0, nullptr); });
  while (true) {
    HeapTuple tuple = pg_call([&] { return heap_getnext(scan, ForwardScanDirection); });
    if (!HeapTupleIsValid(tuple)) break;
    const auto* database = reinterpret_cast<const FormData_pg_database*>(GETSTRUCT(tuple));
    if (may_be_served(*database)) databases.push_back(database->oid);
  }
  pg_call([&] {
    table_endscan(scan);
    table_close(relation, AccessShareLock);
  });
}

}  // namespace

std::vector<Oid> list_databases() {
  std::vector<Oid> databases;
  const auto error = in_transaction([&] { scan_databases(databases); });
  if (error) raise(*error);
  return databases;
}

}  // namespace cmms::pg
