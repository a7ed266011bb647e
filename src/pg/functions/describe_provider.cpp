// cmms.describe_provider: what a provider type takes and can do, for the reader at the prompt.
#include "pg/prelude.hpp"

#include <optional>
#include <string>

#include "core/provider/describe.hpp"
#include "core/sqlstate.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/result_set.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/configuration_rows.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/functions/arguments.hpp"

namespace cmms::pg {
namespace {

provider::Descriptor descriptor_of(const std::string& type) {
  const std::optional<std::string> text = read_descriptor(type);
  if (!text) {
    raise(sqlstate::invalid_configuration, "provider type \"" + type + "\" does not exist", {},
          "Valid provider types: " + provider_type_list() + ".");
  }
  return parse_descriptor(type, *text);
}

std::optional<std::string> text_or_null(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

Datum describe_provider(FunctionCallInfo fcinfo) {
  const std::string type(text_argument(fcinfo, 0));
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  ResultSet result(fcinfo);
  for (const provider::DescriptionRow& row : provider::describe(descriptor_of(type))) {
    const std::optional<std::string> resource = text_or_null(row.resource);
    const std::optional<std::string> allowed = text_or_null(row.allowed);
    const std::optional<std::string> description = text_or_null(row.description);
    result.add({row.kind, resource, row.name, row.required ? Param(*row.required) : Param::null(BOOLOID),
                row.default_value, allowed, description});
  }
  return result.done();
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_describe_provider) { return cmms::pg::describe_provider(fcinfo); }
