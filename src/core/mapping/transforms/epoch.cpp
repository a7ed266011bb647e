// epoch and to_epoch seconds|milliseconds: a time as a number since 1970-01-01T00:00:00Z. Both ways what is
// finer than the target is cut.
#include "core/json/text.hpp"
#include "core/mapping/decimal.hpp"
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {
namespace {

struct EpochUnit : Prepared {
  int places = 0;  // of a microsecond behind the point of a number in this unit
  std::chrono::microseconds duration{1};
};

constexpr std::int64_t longest_microseconds = 400'000'000'000'000'000;  // more than 12,000 years

}  // namespace

Failure epoch(json::Field& value, const Transform& transform, const TransformContext& /*context*/) {
  if (is_blank(value)) {
    value = json::Field::null();
    return success;
  }
  const std::string reason = "is not a number of " + transform.argument() + " since 1970";
  if (value.kind != json::Kind::number && value.kind != json::Kind::string) return failure(reason);
  std::optional<Decimal> number = Decimal::parse(trimmed(value.text));
  if (!number) return failure(reason);
  number->shift(transform.prepared_as<EpochUnit>().places);
  const std::optional<std::int64_t> count = number->floor();
  if (!count || *count > longest_microseconds || *count < -longest_microseconds) {
    return failure("is not within the years 0001 to 9999 in UTC");
  }
  return write_time(value, UtcTime(std::chrono::microseconds(*count)));
}

Failure to_epoch(json::Field& value, const Transform& transform, const TransformContext& /*context*/) {
  std::optional<UtcTime> time;
  if (auto refused = read_time(value, time)) return refused;
  if (!time) return success;
  const std::chrono::microseconds unit = transform.prepared_as<EpochUnit>().duration;
  const std::chrono::microseconds since = time->time_since_epoch();
  const bool is_below = since % unit < std::chrono::microseconds(0);
  value = json::Field::number(std::to_string(since / unit - (is_below ? 1 : 0)));
  return success;
}

Status prepare_epoch_unit(Transform& transform) {
  auto unit = std::make_shared<EpochUnit>();
  if (transform.argument() == "seconds") {
    unit->places = 6;
    unit->duration = std::chrono::seconds(1);
  } else if (transform.argument() == "milliseconds") {
    unit->places = 3;
    unit->duration = std::chrono::milliseconds(1);
  } else {
    return refused("unknown unit " + json::quote_clipped(transform.argument()),
                   "Units are seconds and milliseconds.");
  }
  transform.prepared = std::move(unit);
  return Nothing{};
}

}  // namespace cmms::mapping::transforms
