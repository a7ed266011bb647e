#include "pg/prelude.hpp"

#include "pg/catalog/connection_cache.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "core/sqlstate.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/catalog/configuration_rows.hpp"
#include "pg/catalog/credentials.hpp"
#include "pg/catalog/server.hpp"
#include "pg/mapping/environment.hpp"
#include "pg/module.hpp"

namespace cmms::pg {
namespace {

// Advanced by the callbacks below, which may run in the middle of any catalog access and so touch nothing
// else.
std::uint64_t generation = 1;

constexpr std::array<const char*, 7> configuration_tables = {"provider_type",  "field_map",     "value_map",
                                                             "provider_value", "common_status", "priority",
                                                             "identity_alias"};
std::array<Oid, configuration_tables.size()> configuration_oids{};  // as of the last time something was built

void on_catalog_change(Datum, int, uint32) { ++generation; }

void on_relation_change(Datum, Oid relation) {
  const bool concerns_us =
      relation == InvalidOid ||
      std::find(configuration_oids.begin(), configuration_oids.end(), relation) != configuration_oids.end();
  if (concerns_us) ++generation;
}

// The tables have other OIDs after DROP EXTENSION and CREATE EXTENSION, so they are looked up at each build.
void watch_configuration_tables() {
  pg_call([&] {
    const Oid schema = get_namespace_oid("cmms", true);
    for (std::size_t i = 0; i < configuration_tables.size(); ++i) {
      configuration_oids[i] =
          OidIsValid(schema) ? get_relname_relid(configuration_tables[i], schema) : InvalidOid;
    }
  });
}

struct Entry {
  std::uint64_t generation = 0;
  Server server;
  std::shared_ptr<const provider::Connection> connection;  // made when it is first asked for
  std::map<std::string, Error, std::less<>> credential_errors;
  std::vector<FileStamp> files;

  bool is_current() const { return generation == pg::generation; }
  bool files_changed() const {
    return std::any_of(files.begin(), files.end(),
                       [](const FileStamp& stamp) { return stamp_of(stamp.path) != stamp; });
  }
};

using EntryKey = std::pair<std::string, Oid>;  // a user mapping is looked up for the current user
std::map<EntryKey, std::shared_ptr<Entry>> entries;

struct ParsedDescriptor {
  std::uint64_t generation = 0;
  std::shared_ptr<const provider::Descriptor> descriptor;
};
std::map<std::string, ParsedDescriptor, std::less<>> descriptors;  // shared by the providers of a type

template <class Value>
Value value_or_raise(Result<Value> result) {
  if (!result) raise(result.error());
  return std::move(result).value();
}

std::shared_ptr<const provider::Descriptor> descriptor_of_type(std::string_view provider_id,
                                                               std::string_view type) {
  ParsedDescriptor& parsed = descriptors[std::string(type)];
  const std::uint64_t current = generation;
  if (parsed.descriptor != nullptr && parsed.generation == current) return parsed.descriptor;
  const std::optional<std::string> text = read_descriptor(type);
  if (!text) {
    raise(sqlstate::invalid_configuration,
          "provider \"" + std::string(provider_id) + "\" has the unknown type \"" + std::string(type) + "\"",
          {}, "The types are the rows of cmms.provider_type.");
  }
  parsed.descriptor = std::make_shared<const provider::Descriptor>(parse_descriptor(type, *text));
  parsed.generation = current;
  return parsed.descriptor;
}

// Null: there is no such provider.
std::shared_ptr<Entry> find_entry(std::string_view provider_id) {
  const EntryKey key(provider_id, GetUserId());
  const auto found = entries.find(key);
  if (found != entries.end() && found->second->is_current()) return found->second;
  watch_configuration_tables();
  const std::uint64_t current = generation;
  std::optional<Server> server = find_server(provider_id);
  if (!server) {
    entries.erase(key);
    return nullptr;
  }
  auto entry = std::make_shared<Entry>();
  entry->generation = current;
  entry->server = std::move(*server);
  entries.insert_or_assign(key, entry);
  return entry;
}

void build_connection(Entry& entry, std::string_view provider_id) {
  Credentials credentials = read_credentials(entry.server.oid, GetUserId());
  provider::ConnectionInput input;
  input.provider_id = provider_id;
  input.tenant_id = entry.server.tenant_id();
  input.descriptor = descriptor_of_type(provider_id, entry.server.type());
  input.options = entry.server.options;
  input.credentials = std::move(credentials.values);
  input.field_rows = read_field_rows(provider_id);
  input.value_rows = read_value_rows(provider_id);
  input.map_version = read_map_version(provider_id);
  input.learnt_values = read_learnt_values(input.tenant_id, provider_id);
  input.environment = make_environment(entry.server.owner);
  entry.connection = value_or_raise(provider::make_connection(std::move(input)));
  entry.files = std::move(credentials.files);
  entry.credential_errors = std::move(credentials.errors);
}

// A rebuild because of a changed file leaves the generation alone: maps and descriptor are the same.
std::shared_ptr<Entry> find_built_entry(std::string_view provider_id) {
  std::shared_ptr<Entry> entry = find_entry(provider_id);
  if (entry == nullptr) return nullptr;
  if (entry->connection == nullptr || entry->files_changed()) build_connection(*entry, provider_id);
  return entry;
}

}  // namespace

void register_cache_callbacks() {
  CacheRegisterSyscacheCallback(FOREIGNDATAWRAPPEROID, on_catalog_change, Datum{0});
  CacheRegisterSyscacheCallback(FOREIGNSERVEROID, on_catalog_change, Datum{0});
  CacheRegisterSyscacheCallback(USERMAPPINGOID, on_catalog_change, Datum{0});
  CacheRegisterRelcacheCallback(on_relation_change, Datum{0});
}

std::shared_ptr<const provider::Connection> find_connection(std::string_view provider_id, Secrets secrets) {
  const std::shared_ptr<Entry> entry = find_built_entry(provider_id);
  if (entry == nullptr) return nullptr;
  if (secrets == Secrets::required && !entry->credential_errors.empty()) {
    raise(entry->credential_errors.begin()->second);
  }
  return entry->connection;
}

std::shared_ptr<const provider::Connection> connection(std::string_view provider_id, Secrets secrets) {
  std::shared_ptr<const provider::Connection> found = find_connection(provider_id, secrets);
  if (found == nullptr) raise_unknown_provider(provider_id);
  return found;
}

std::optional<Error> credential_error(std::string_view provider_id, std::string_view credential) {
  const std::shared_ptr<Entry> entry = find_built_entry(provider_id);
  if (entry == nullptr) return std::nullopt;
  const auto found = entry->credential_errors.find(credential);
  return found == entry->credential_errors.end() ? std::nullopt : std::optional(found->second);
}

std::string provider_tenant(std::string_view provider_id) {
  const std::shared_ptr<Entry> entry = find_entry(provider_id);
  if (entry == nullptr) raise_unknown_provider(provider_id);
  return std::string(entry->server.tenant_id());
}

std::uint64_t configuration_generation() { return generation; }

std::uint64_t watched_configuration_generation() {
  static std::uint64_t watched = 0;
  if (watched != generation) {
    const std::uint64_t current = generation;  // what is heard of while the tables are looked up counts
    watch_configuration_tables();
    watched = current;
  }
  return watched;
}

}  // namespace cmms::pg

// Statement trigger on the configuration tables: tells every backend, this one included, that what was built
// from the table is stale. The message travels with the commit and is taken back by an abort.
CMMS_FUNCTION(cmms_configuration_changed) {
  using namespace cmms::pg;
  if (!CALLED_AS_TRIGGER(fcinfo)) {
    raise(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
          "cmms.configuration_changed() can only be called as a trigger");
  }
  const auto* trigger = reinterpret_cast<const TriggerData*>(fcinfo->context);
  pg_call([&] { CacheInvalidateRelcacheByRelid(RelationGetRelid(trigger->tg_relation)); });
  return PointerGetDatum(nullptr);
}
