// What several transforms share: times, elements of arrays, counts.
#include "core/exchange/ascii.hpp"
#include "core/json/jansson.hpp"
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure read_time(json::Field& value, std::optional<UtcTime>& time) {
  if (is_blank(value)) {
    value = json::Field::null();
    return success;
  }
  if (value.kind != json::Kind::string) return failure("is not an ISO 8601 timestamp");
  const auto read = parse_iso_time(trimmed(value.text));
  if (!read) return failure("is not an ISO 8601 timestamp");
  if (read->is_null_sentinel()) {
    value = json::Field::null();
    return success;
  }
  time = read->utc();
  return success;
}

Failure write_time(json::Field& value, UtcTime time) {
  auto text = utc_text(time);
  if (!text) return failure("is not within the years 0001 to 9999 in UTC");
  value = json::Field::string(*std::move(text));
  return success;
}

Failure take_element(json::Field& value, std::size_t position, End counted_from) {
  if (value.kind != json::Kind::array) return success;
  const auto document = json::Document::parse(value.text);
  if (!document) return failure("is not a readable array");
  const json::Value array = document.value().root();
  if (counted_from == End::back) position = array.size() - 1 - position;  // beyond the end when there is none
  const auto element = array.element(position);
  value = element ? json::Field::from(*element) : json::Field::null();
  return success;
}

Status prepare_count(Transform& transform) {
  const auto number = ascii::parse_digits(transform.argument());
  if (!number || *number > 1'000'000) return refused("the number must be a whole one up to 1000000");
  auto count = std::make_shared<Count>();
  count->number = static_cast<std::size_t>(*number);
  transform.prepared = std::move(count);
  return Nothing{};
}

}  // namespace cmms::mapping::transforms
