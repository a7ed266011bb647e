// sap_date and to_sap_date: the time of OData 2 as JSON, /Date(1753747200000+0120)/: milliseconds since 1970
// in UTC. The minutes behind them say where it was written and move nothing; none are written.
#include <charconv>

#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {
namespace {

constexpr std::string_view opening = "/Date(";
constexpr std::string_view closing = ")/";
constexpr std::int64_t longest_milliseconds = 400'000'000'000'000;

std::optional<UtcTime> parse(std::string_view text) {
  if (!text.starts_with(opening) || !text.ends_with(closing)) return std::nullopt;
  text.remove_prefix(opening.size());
  text.remove_suffix(closing.size());
  const std::size_t offset_at = text.find_first_of("+-", 1);
  if (offset_at != std::string_view::npos) {
    const std::string_view minutes = text.substr(offset_at + 1);
    if (minutes.empty() || minutes.size() > 4) return std::nullopt;
    if (minutes.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    text = text.substr(0, offset_at);
  }
  std::int64_t milliseconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), milliseconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (milliseconds > longest_milliseconds || milliseconds < -longest_milliseconds) return std::nullopt;
  return UtcTime(std::chrono::milliseconds(milliseconds));
}

}  // namespace

Failure sap_date(json::Field& value, const Transform& /*transform*/, const TransformContext& /*context*/) {
  if (is_blank(value)) {
    value = json::Field::null();
    return success;
  }
  const auto time = value.kind == json::Kind::string ? parse(trimmed(value.text)) : std::nullopt;
  if (!time) return failure("is not a time of the form /Date(1753747200000)/");
  if (*time == null_sentinel()) {
    value = json::Field::null();
    return success;
  }
  return write_time(value, *time);
}

Failure to_sap_date(json::Field& value, const Transform& /*transform*/, const TransformContext& /*context*/) {
  std::optional<UtcTime> time;
  if (auto refused = read_time(value, time)) return refused;
  if (!time) return success;
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(*time).time_since_epoch().count();
  value.text = std::string(opening) + std::to_string(milliseconds) + std::string(closing);
  return success;
}

}  // namespace cmms::mapping::transforms
