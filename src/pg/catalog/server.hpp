// The foreign servers of the foreign data wrapper cmms: a provider's entry in PostgreSQL's own catalogs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/provider/options.hpp"

struct List;

namespace cmms::pg {

struct Server {
  unsigned int oid = 0;
  unsigned int owner = 0;
  provider::Options options;

  std::string_view type() const;       // option 'type'; empty when absent
  std::string_view tenant_id() const;  // option 'tenant', or 'default'
};

// Needs a transaction. nullopt: there is none of that name, or it belongs to another wrapper.
std::optional<Server> find_server(std::string_view name);

Server require_server(std::string_view name);  // raises WO001

[[noreturn]] void raise_unknown_provider(std::string_view provider_id);  // WO001

provider::Options options_from_list(const List* options);  // DefElems

}  // namespace cmms::pg
