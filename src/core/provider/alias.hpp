// Other names that a resource's fields are known by in a DBA's maps: SAP's AUFNR for MaintenanceOrder. What
// the DBA wrote stays as it is; it is resolved when a connection's maps are compiled.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/mapping/mapping.hpp"

namespace cmms::provider {

// Paths of members, which take the place of a path's first member; empty: no alias in that direction.
struct Alias {
  std::string inbound;
  std::string outbound;
};
using Aliases = std::map<std::string, Alias, std::less<>>;

// A rule with its provider's side (inbound: the sources; outbound: the target) resolved.
mapping::RuleText resolve_aliases(const Aliases& aliases, std::string_view direction, mapping::RuleText rule);

}  // namespace cmms::provider
