#include "pg/catalog/installed_extension.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "pg/boundary/guard.hpp"

extern "C" {
#include "access/genam.h"
#include "catalog/pg_extension.h"
#include "utils/fmgroids.h"
}

namespace cmms::pg {
namespace {

constexpr std::string_view oldest_version = "1.0";

struct Found {
  Oid oid;
  std::array<char, NAMEDATALEN> version;
};

Found find_extension() {
  Found found{};
  Relation relation = table_open(ExtensionRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("pg_cmms"));
  SysScanDesc scan = systable_beginscan(relation, ExtensionNameIndexId, true, nullptr, 1, &key);
  const HeapTuple tuple = systable_getnext(scan);
  if (HeapTupleIsValid(tuple)) {
    found.oid = reinterpret_cast<const FormData_pg_extension*>(GETSTRUCT(tuple))->oid;
    bool is_null = true;
    const Datum version =
        heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(relation), &is_null);
    if (!is_null) text_to_cstring_buffer(DatumGetTextPP(version), found.version.data(), found.version.size());
  }
  systable_endscan(scan);
  table_close(relation, AccessShareLock);
  return found;
}

// "1.10" -> {1, 10}
std::optional<std::vector<int>> numbers_of(std::string_view version) {
  std::vector<int> numbers;
  while (true) {
    int number = 0;
    const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), number);
    if (error != std::errc() || number < 0) return std::nullopt;
    numbers.push_back(number);
    version.remove_prefix(static_cast<std::size_t>(end - version.data()));
    if (version.empty()) return numbers;
    if (version.front() != '.') return std::nullopt;
    version.remove_prefix(1);
  }
}

}  // namespace

InstalledExtension installed_extension() {
  const Found found = pg_call([] { return find_extension(); });
  return {found.oid, found.version.data()};
}

bool is_supported_version(std::string_view version) {
  const auto numbers = numbers_of(version);
  return numbers && *numbers >= *numbers_of(oldest_version) && *numbers <= *numbers_of(library_version());
}

const char* library_version() { return CMMS_EXTENSION_VERSION; }

}  // namespace cmms::pg
