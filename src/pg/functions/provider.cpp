// cmms.provider_tenant, provider_setting, credential_status and others: what SQL asks about a provider.
#include "pg/prelude.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/exchange/redact.hpp"
#include "core/path/path.hpp"
#include "core/provider/connection.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/result_set.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/connection_cache.hpp"
#include "pg/catalog/credentials.hpp"
#include "pg/catalog/server.hpp"
#include "pg/functions/arguments.hpp"
#include "pg/json/jsonb_reader.hpp"

namespace cmms::pg {
namespace {

Datum provider_setting(FunctionCallInfo fcinfo) {
  const auto provider = connection(text_argument(fcinfo, 0), Secrets::optional);
  const std::string name(text_argument(fcinfo, 1));
  const auto found = provider->options.find(name);  // credentials are kept apart from these
  if (found == provider->options.end() || found->second.empty()) {
    fcinfo->isnull = true;
    return Datum{0};
  }
  return Param(found->second).to_datum();
}

Datum unmapped_required(FunctionCallInfo fcinfo) {
  const auto provider = connection(text_argument(fcinfo, 0), Secrets::optional);
  ResultSet result(fcinfo);
  for (const auto& [resource, maps] : provider->resources) {
    for (const std::string& target : provider::unmapped_required(*provider, resource)) {
      result.add({resource + "." + target});
    }
  }
  return result.done();
}

Datum pollable_resources(FunctionCallInfo fcinfo) {
  const auto provider = connection(text_argument(fcinfo, 0), Secrets::optional);
  ResultSet result(fcinfo);
  for (const auto& [resource, maps] : provider->resources) {
    if (provider->can_poll(resource)) result.add({resource});
  }
  return result.done();
}

Datum readable_resources(FunctionCallInfo fcinfo) {
  const auto provider = connection(text_argument(fcinfo, 0), Secrets::optional);
  ResultSet result(fcinfo);
  for (const auto& [resource, maps] : provider->resources) {
    if (provider->can_read(resource)) result.add({resource});
  }
  return result.done();
}

Datum quotas(FunctionCallInfo fcinfo) {
  const auto provider = connection(text_argument(fcinfo, 0), Secrets::optional);
  ResultSet result(fcinfo);
  for (const auto& [resource, maps] : provider->resources) {
    for (const provider::Quota& quota : maps.quotas) result.add({resource, quota.operation, quota.limit});
  }
  return result.done();
}

Datum write_support(FunctionCallInfo fcinfo) {
  const auto provider = connection(text_argument(fcinfo, 0), Secrets::optional);
  ResultSet result(fcinfo);
  for (const provider::WriteSupport& support : provider::write_support(*provider, text_argument(fcinfo, 1))) {
    result.add({support.operation, Param::array(TEXTARRAYOID, support.fields)});
  }
  return result.done();
}

std::string text_of(const Error& error) {
  return error.message + (error.detail.empty() ? "" : ": ") + error.detail;
}

// Why a credential cannot be used; nullopt when it can, or when it is not given and need not be.
std::optional<std::string> credential_problem(const provider::Connection& provider,
                                              const provider::OptionSpec& spec, const Credentials& given) {
  if (const auto error = given.errors.find(spec.name); error != given.errors.end()) {
    return text_of(error->second);
  }
  if (spec.name == "webhook_secret") {
    const Status status = provider.check_webhook_secrets();
    return status ? std::nullopt : std::optional(text_of(status.error()));
  }
  if (spec.required && !given.values.contains(spec.name)) return "it is required and not given";
  return std::nullopt;
}

Datum credential_status(FunctionCallInfo fcinfo) {
  const std::string provider_id(text_argument(fcinfo, 0));
  const auto provider = connection(provider_id, Secrets::optional);
  const Credentials given = read_credentials(require_server(provider_id).oid, GetUserId());
  ResultSet result(fcinfo);
  for (const provider::OptionSpec& spec : provider->descriptor->credentials) {
    const bool is_file = given.by_file.contains(spec.name);
    const std::optional<std::string> problem = credential_problem(*provider, spec, given);
    result.add({spec.name, spec.description, spec.required, is_file || given.values.contains(spec.name),
                is_file, problem});
  }
  return result.done();
}

Datum masked_text(FunctionCallInfo fcinfo) {
  const auto provider = connection(text_argument(fcinfo, 0), Secrets::optional);
  return Param(redact(std::string(text_argument(fcinfo, 1)), provider->secrets())).to_datum();
}

std::optional<std::string> path_value(FunctionCallInfo fcinfo) {
  const json::Value document = jsonb_value(jsonb_argument(fcinfo, 0));
  const Result<std::vector<std::string>> sources = provider::parse_sources(text_argument(fcinfo, 1));
  if (!sources) raise(sources.error());
  std::optional<json::Field> found;
  for (const std::string& source : sources.value()) {
    const Result<path::Path> path = path::Path::parse(source);
    if (!path) raise(path.error());
    std::optional<json::Field> field = path.value().field(document);
    if (!field) continue;
    found = std::move(field);
    if (!found->is_null()) break;
  }
  return found ? std::optional(found->to_json()) : std::nullopt;
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_provider_tenant) {
  return cmms::pg::Param(cmms::pg::provider_tenant(cmms::pg::text_argument(fcinfo, 0))).to_datum();
}

CMMS_FUNCTION(cmms_provider_setting) { return cmms::pg::provider_setting(fcinfo); }

CMMS_FUNCTION(cmms_unmapped_required) { return cmms::pg::unmapped_required(fcinfo); }

CMMS_FUNCTION(cmms_pollable_resources) { return cmms::pg::pollable_resources(fcinfo); }

CMMS_FUNCTION(cmms_readable_resources) { return cmms::pg::readable_resources(fcinfo); }

CMMS_FUNCTION(cmms_quotas) { return cmms::pg::quotas(fcinfo); }

CMMS_FUNCTION(cmms_write_support) { return cmms::pg::write_support(fcinfo); }

CMMS_FUNCTION(cmms_credential_status) { return cmms::pg::credential_status(fcinfo); }

CMMS_FUNCTION(cmms_masked_text) { return cmms::pg::masked_text(fcinfo); }

CMMS_FUNCTION(cmms_path_value) {
  const std::optional<std::string> text = cmms::pg::path_value(fcinfo);
  fcinfo->isnull = !text;
  return text ? cmms::pg::jsonb_from_text(*text) : Datum{0};
}
