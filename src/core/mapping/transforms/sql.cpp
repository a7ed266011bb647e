// sql <schema.function>: what a function of the database makes of the value.
#include "core/json/text.hpp"
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure sql(json::Field& value, const Transform& transform, const TransformContext& context) {
  if (value.is_null()) return success;
  if (context.environment == nullptr) return failure("needs a database");
  Result<json::Field> result = context.environment->call_function(transform.argument(), value);
  if (!result) {
    return failure("was refused by function " + transform.argument() + ": " +
                   json::clip(result.error().message, 1000));
  }
  value = std::move(result).value();
  return success;
}

Status prepare_sql(Transform& transform) {
  const std::string& name = transform.argument();
  const std::size_t dot = name.find('.');
  if (dot != std::string::npos && dot > 0 && dot + 1 < name.size()) return Nothing{};
  return refused("the function " + json::quote_clipped(name) + " needs its schema",
                 "Write schema.function; it takes jsonb and returns jsonb.");
}

Status verify_sql(const Transform& transform, const Environment& environment) {
  return environment.check_function(transform.argument());
}

}  // namespace cmms::mapping::transforms
