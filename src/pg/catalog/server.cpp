#include "pg/prelude.hpp"

#include "pg/catalog/server.hpp"

#include <cstring>

#include "core/sqlstate.hpp"
#include "pg/boundary/guard.hpp"

namespace cmms::pg {
namespace {

constexpr const char* wrapper_name = "cmms";

std::string_view option_or(const provider::Options& options, std::string_view name,
                           std::string_view fallback) {
  const auto found = options.find(name);
  return found == options.end() || found->second.empty() ? fallback : std::string_view(found->second);
}

}  // namespace

std::string_view Server::type() const { return option_or(options, "type", {}); }

std::string_view Server::tenant_id() const { return option_or(options, "tenant", "default"); }

std::optional<Server> find_server(std::string_view name) {
  if (name.empty() || name.size() >= NAMEDATALEN) return std::nullopt;
  const std::string terminated(name);
  const ForeignServer* found = pg_call([&]() -> const ForeignServer* {
    const ForeignServer* server = GetForeignServerByName(terminated.c_str(), true);
    if (server == nullptr) return nullptr;
    const ForeignDataWrapper* wrapper = GetForeignDataWrapper(server->fdwid);
    return std::strcmp(wrapper->fdwname, wrapper_name) == 0 ? server : nullptr;
  });
  if (found == nullptr) return std::nullopt;
  Server server;
  server.oid = found->serverid;
  server.owner = found->owner;
  server.options = options_from_list(found->options);
  return server;
}

Server require_server(std::string_view name) {
  std::optional<Server> server = find_server(name);
  if (!server) raise_unknown_provider(name);
  return *std::move(server);
}

void raise_unknown_provider(std::string_view provider_id) {
  raise(sqlstate::unknown_provider, "provider \"" + std::string(provider_id) + "\" does not exist",
        "There is no foreign server of that name of the foreign data wrapper cmms.",
        "Create it with CREATE SERVER ... FOREIGN DATA WRAPPER cmms, or list the providers in "
        "cmms.sync_health.");
}

provider::Options options_from_list(const List* options) {
  provider::Options result;
  for (int i = 0; i < list_length(options); ++i) {
    auto* element = static_cast<DefElem*>(list_nth(options, i));
    const char* value = pg_call([&] { return defGetString(element); });
    result.insert_or_assign(element->defname, value);
  }
  return result;
}

}  // namespace cmms::pg
