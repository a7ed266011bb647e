// minutes_to_hours and hours_to_minutes: decimal numbers. Hours are rounded to six digits behind the point
// and minutes to four, so that minutes come back as they were.
#include "core/mapping/decimal.hpp"
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {
namespace {

constexpr unsigned minutes_in_hour = 60;

template <class Convert>
Failure convert(json::Field& value, Convert&& change) {
  if (is_blank(value)) {
    value = json::Field::null();
    return success;
  }
  auto number = is_composite(value) ? std::nullopt : Decimal::parse(trimmed(value.text));
  if (!number) return failure("is not a number");
  change(*number);
  value = json::Field::number(number->text());
  return success;
}

}  // namespace

Failure minutes_to_hours(json::Field& value, const Transform& /*transform*/,
                         const TransformContext& /*context*/) {
  return convert(value, [](Decimal& number) { number.divide(minutes_in_hour, 6); });
}

Failure hours_to_minutes(json::Field& value, const Transform& /*transform*/,
                         const TransformContext& /*context*/) {
  return convert(value, [](Decimal& number) {
    number.multiply(minutes_in_hour);
    number.round(4);
  });
}

}  // namespace cmms::mapping::transforms
