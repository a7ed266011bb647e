// cmms.provider_tenant, provider_setting, unmapped_required and pollable_resources: what SQL asks about a
// provider.
#include "pg/prelude.hpp"

#include <memory>
#include <string>

#include "core/provider/connection.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/result_set.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/connection_cache.hpp"
#include "pg/functions/arguments.hpp"

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

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_provider_tenant) {
  return cmms::pg::Param(cmms::pg::provider_tenant(cmms::pg::text_argument(fcinfo, 0))).to_datum();
}

CMMS_FUNCTION(cmms_provider_setting) { return cmms::pg::provider_setting(fcinfo); }

CMMS_FUNCTION(cmms_unmapped_required) { return cmms::pg::unmapped_required(fcinfo); }

CMMS_FUNCTION(cmms_pollable_resources) { return cmms::pg::pollable_resources(fcinfo); }
