// pair <path>: the value and the one at the path as one text "status + sub status", for value maps whose rows
// match pairs. Where the path holds nothing, the value stays alone.
#include "core/mapping/transforms/transforms.hpp"
#include "core/path/path.hpp"

namespace cmms::mapping::transforms {
namespace {

struct PairPath : Prepared {
  path::Path path;
};

}  // namespace

Failure pair(json::Field& value, const Transform& transform, const TransformContext& context) {
  if (value.is_null()) return success;
  if (is_composite(value)) return failure("is not a single value");
  const auto second = transform.prepared_as<PairPath>().path.first(context.document);
  if (second && is_composite(*second)) return failure("has no single value at " + transform.argument());
  value.kind = json::Kind::string;
  if (second && !second->text.empty()) value.text.append(pair_separator).append(second->text);
  return success;
}

Status prepare_pair(Transform& transform) {
  Result<path::Path> path = path::Path::parse(transform.argument());
  if (!path) return refused(path.error().message);
  auto prepared = std::make_shared<PairPath>();
  prepared->path = std::move(path).value();
  transform.prepared = std::move(prepared);
  return Nothing{};
}

}  // namespace cmms::mapping::transforms
