// The extension as it is installed in this database: which it is, and whether this library can work with it.
#pragma once

#include "pg/prelude.hpp"

#include <string>
#include <string_view>

namespace cmms::pg {

struct InstalledExtension {
  Oid oid = InvalidOid;  // not installed
  std::string version;
};

InstalledExtension installed_extension();  // in a transaction

// The library works with every schema from the oldest one that it supports to its own.
bool is_supported_version(std::string_view version);
const char* library_version();

}  // namespace cmms::pg
