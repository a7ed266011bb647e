// cmms.check_descriptor: asked by the trigger of provider_type, so that a descriptor that cannot work is
// refused when it is written.
#include "pg/prelude.hpp"

#include <string>

#include "core/sqlstate.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/catalog/configuration_rows.hpp"
#include "pg/functions/arguments.hpp"
#include "pg/json/jsonb_reader.hpp"

namespace cmms::pg {
namespace {

void check_descriptor(const std::string& provider_type, const json::Value& document) {
  const std::string type = parse_descriptor(provider_type, document.text()).type;
  if (type == provider_type) return;
  raise(sqlstate::invalid_configuration, "invalid descriptor at $.type: must be \"" + provider_type + "\"",
        "The row is of provider type \"" + provider_type + "\", its descriptor says \"" + type + "\".",
        "Give both the same name.");
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_check_descriptor) {
  using namespace cmms::pg;
  check_descriptor(std::string(text_argument(fcinfo, 0)), jsonb_value(jsonb_argument(fcinfo, 1)));
  return Datum{0};
}
