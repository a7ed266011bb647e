// The foreign data wrapper's validator: knows the options of each provider type from its descriptor, keeps
// secrets out of server options and lets only roles that may read server files name one.
#include "pg/prelude.hpp"

#include <string>
#include <string_view>

#include "core/provider/descriptor.hpp"
#include "core/signature/signature.hpp"
#include "core/sqlstate.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/configuration_rows.hpp"
#include "pg/catalog/owner_scope.hpp"

extern "C" {
#include "access/reloptions.h"
#include "catalog/pg_foreign_table.h"
}

namespace cmms::pg {
namespace {

using provider::Descriptor;
using provider::Options;

Options read_options(Datum array) {
  Options options;
  const List* list = pg_call([&] { return untransformRelOptions(array); });
  const ListCell* cell = nullptr;
  foreach (cell, list) {
    auto* element = static_cast<DefElem*>(lfirst(cell));
    const char* value = pg_call([&] { return defGetString(element); });
    options.emplace(element->defname, value);
  }
  return options;
}

// pg_restore creates servers before it fills cmms.provider_type, so a type that the DBA added is not known
// yet. Like function bodies, such forward references are not checked then; the connection is checked when it
// is first used.
bool is_restoring() { return !check_function_bodies; }

void require_server_file_access(std::string_view option) {
  const bool allowed =
      pg_call([] { return superuser() || has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES); });
  if (allowed) return;
  raise(ERRCODE_INSUFFICIENT_PRIVILEGE, "permission denied to set option \"" + std::string(option) + "\"",
        "Only superusers and members of the role pg_read_server_files may name a file of the server.");
}

// Its contents stay on the server, but whether a file exists must not be probed by everyone.
void check_file_option(std::string_view name, std::string_view path) {
  require_server_file_access(name);
  if (!path.starts_with('/')) {
    raise(sqlstate::invalid_configuration, "option \"" + std::string(name) + "\" must be an absolute path");
  }
}

void validate_server(const Options& options, Oid function) {
  if (const auto ca_file = options.find("ca_file"); ca_file != options.end()) {
    check_file_option(ca_file->first, ca_file->second);
  }
  const OwnerScope owner(function);
  const auto type = options.find("type");
  if (type == options.end()) {
    raise(sqlstate::invalid_configuration, "option \"type\" is required",
          "It says which provider the server is.", "Valid provider types: " + provider_type_list() + ".");
  }
  const std::optional<std::string> text = read_descriptor(type->second);
  if (!text) {
    if (is_restoring()) return;
    raise(sqlstate::invalid_configuration, "provider type \"" + type->second + "\" does not exist", {},
          "Valid provider types: " + provider_type_list() + ".");
  }
  const Result<Descriptor> descriptor = provider::parse_descriptor(*text);
  if (!descriptor) {
    raise(sqlstate::invalid_configuration, "descriptor of provider type \"" + type->second + "\" is invalid",
          descriptor.error().message, "Correct its row in cmms.provider_type.");
  }
  if (Status status = provider::validate_options(descriptor.value(), options); !status) raise(status.error());
}

// PostgreSQL does not say which server a mapping is for, so it may hold the credentials of any type. Whether
// they are the server's own and complete is checked when the connection is used.
Descriptor credentials_of_all_types() {
  static Statement statement("SELECT descriptor FROM cmms.provider_type ORDER BY provider_type", {});
  const Rows rows = statement.execute();
  Descriptor all;
  all.credentials = provider::common_credentials();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const Result<Descriptor> descriptor = provider::parse_descriptor(rows.text_or(row, 0, ""));
    if (!descriptor) continue;  // an invalid one must not stand in the way of the others
    for (const auto& credential : descriptor.value().credentials) {
      if (provider::find_option(all.credentials, credential.name) == nullptr)
        all.credentials.push_back(credential);
    }
  }
  return all;
}

// The scheme is the server's option: here a secret is refused that no scheme could use.
void check_webhook_secrets(const Options& options) {
  const auto secrets = options.find("webhook_secret");
  if (secrets == options.end()) return;
  for (const std::string_view secret : signature::split_secrets(secrets->second)) {
    if (Status status = signature::check_secret_of_any_scheme(secret); !status) raise(status.error());
  }
}

void validate_user_mapping(const Options& options, Oid function) {
  constexpr std::string_view file_suffix = "_file";
  const Descriptor all = [&] {
    const OwnerScope owner(function);
    const Spi spi;
    return credentials_of_all_types();
  }();
  for (const auto& [name, value] : options) {
    const bool is_file = name.ends_with(file_suffix);
    const std::string credential = is_file ? name.substr(0, name.size() - file_suffix.size()) : name;
    if (provider::find_option(all.credentials, name) == nullptr) {
      if (!is_file || provider::find_option(all.credentials, credential) == nullptr) {
        if (is_restoring()) continue;
        std::string valid;
        for (const auto& spec : all.credentials) {
          valid += (valid.empty() ? "" : ", ") + spec.name + ", " + spec.name + std::string(file_suffix);
        }
        raise(sqlstate::invalid_configuration, "invalid option \"" + name + "\" for a user mapping", {},
              "Valid options: " + valid + ".");
      }
      check_file_option(name, value);
    }
  }
  if (is_restoring()) return;
  if (Status status = provider::validate_credentials(all, options, false); !status) raise(status.error());
  check_webhook_secrets(options);
}

void validate_wrapper(const Options& options) {
  // CREATE EXTENSION comes through here as well.
  if (GetDatabaseEncoding() != PG_UTF8) {
    raise(ERRCODE_FEATURE_NOT_SUPPORTED, "pg_cmms requires a database with encoding UTF8",
          "What CMMS providers send is UTF-8 and may not fit into another encoding.",
          "Create the database with ENCODING 'UTF8' TEMPLATE template0.");
  }
  if (!options.empty()) {
    raise(sqlstate::invalid_configuration,
          "invalid option \"" + options.begin()->first + "\" for foreign-data wrapper \"cmms\"", {},
          "The foreign-data wrapper has no options; foreign servers and user mappings have.");
  }
}

void validate(Datum array, Oid catalog, Oid function) {
  const Options options = read_options(array);
  switch (catalog) {
    case ForeignDataWrapperRelationId:
      return validate_wrapper(options);
    case ForeignServerRelationId:
      return validate_server(options, function);
    case UserMappingRelationId:
      return validate_user_mapping(options, function);
    case ForeignTableRelationId:
      raise(ERRCODE_FEATURE_NOT_SUPPORTED,
            "foreign tables are not supported by foreign-data wrapper \"cmms\"", {},
            "Query cmms.work_order instead.");
    default:
      if (options.empty()) return;
      raise(sqlstate::invalid_configuration, "invalid option \"" + options.begin()->first + "\"", {},
            "Only foreign servers and user mappings of foreign-data wrapper \"cmms\" have options.");
  }
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_fdw_validator) {
  // pg_upgrade makes the servers before the tables: what it brings was checked when it was made.
  if (IsBinaryUpgrade) PG_RETURN_VOID();
  cmms::pg::validate(PG_GETARG_DATUM(0), PG_GETARG_OID(1), fcinfo->flinfo->fn_oid);
  PG_RETURN_VOID();
}
