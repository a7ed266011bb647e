// time and format_time "<format>" [zone]: a local time in a written form, in a named time zone or else in
// UTC.
#include "core/json/text.hpp"
#include "core/mapping/time_format.hpp"
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {
namespace {

struct LocalFormat : Prepared {
  explicit LocalFormat(TimeFormat parsed) : format(std::move(parsed)) {}
  TimeFormat format;
  std::string zone;  // empty: UTC
};

Failure no_such_zone(std::string_view zone) {
  return failure("is in the time zone " + json::quote(zone) + ", which does not exist");
}

std::optional<UtcTime> to_utc(const std::string& zone, LocalTime time, const TransformContext& context) {
  if (zone.empty()) return UtcTime(time.time_since_epoch());
  return context.environment == nullptr ? std::nullopt : context.environment->to_utc(zone, time);
}

std::optional<LocalTime> to_local(const std::string& zone, UtcTime time, const TransformContext& context) {
  if (zone.empty()) return LocalTime(time.time_since_epoch());
  return context.environment == nullptr ? std::nullopt : context.environment->to_local(zone, time);
}

}  // namespace

Failure time(json::Field& value, const Transform& transform, const TransformContext& context) {
  if (is_blank(value)) {
    value = json::Field::null();
    return success;
  }
  const auto& local = transform.prepared_as<LocalFormat>();
  const auto written = is_composite(value) ? std::nullopt : local.format.read(trimmed(value.text));
  if (!written) return failure("is not a time of the form " + json::quote(transform.argument()));
  if (std::chrono::floor<std::chrono::days>(*written).time_since_epoch() ==
      std::chrono::floor<std::chrono::days>(null_sentinel()).time_since_epoch()) {
    value = json::Field::null();
    return success;
  }
  const auto utc = to_utc(local.zone, *written, context);
  return utc ? write_time(value, *utc) : no_such_zone(local.zone);
}

Failure format_time(json::Field& value, const Transform& transform, const TransformContext& context) {
  std::optional<UtcTime> time;
  if (auto refused = read_time(value, time)) return refused;
  if (!time) return success;
  const auto& local = transform.prepared_as<LocalFormat>();
  const auto shown = to_local(local.zone, *time, context);
  if (!shown) return no_such_zone(local.zone);
  value.text = local.format.write(*shown);
  return success;
}

Status prepare_time_format(Transform& transform) {
  Result<TimeFormat> format = TimeFormat::parse(transform.argument());
  if (!format) return std::move(format).error();
  auto prepared = std::make_shared<LocalFormat>(std::move(format).value());
  if (transform.arguments.size() > 1 && transform.arguments[1] != "UTC") {
    prepared->zone = transform.arguments[1];
    if (prepared->zone.empty()) return refused("the time zone is empty");
  }
  transform.prepared = std::move(prepared);
  return Nothing{};
}

Status verify_time_zone(const Transform& transform, const Environment& environment) {
  const std::string& zone = transform.prepared_as<LocalFormat>().zone;
  if (zone.empty() || environment.to_utc(zone, LocalTime())) return Nothing{};
  return refused("there is no time zone " + json::quote_clipped(zone),
                 "The zones are those of pg_timezone_names.");
}

}  // namespace cmms::mapping::transforms
