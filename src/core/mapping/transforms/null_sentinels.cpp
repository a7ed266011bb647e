// null_sentinels: null for the texts that systems of this field write where they have nothing. Only those
// that can hardly mean anything else: "none" is a priority, 0 a number and 9999-12-31 a date.
#include <algorithm>
#include <array>

#include "core/exchange/ascii.hpp"
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {
namespace {

constexpr std::array<std::string_view, 10> sentinels{
    "", "-", "#N/A", "0/1/00", "0000-00-00", "0000-00-00 00:00:00", "N/A", "NA", "NULL", "Removed"};

}  // namespace

Failure null_sentinels(json::Field& value, const Transform& /*transform*/,
                       const TransformContext& /*context*/) {
  if (value.kind != json::Kind::string) return success;
  const std::string_view text = trimmed(value.text);
  const bool is_word = std::any_of(sentinels.begin(), sentinels.end(), [&](std::string_view sentinel) {
    return ascii::equal_ignore_case(text, sentinel);
  });
  const auto time = parse_iso_time(text);
  if (is_word || (time && time->is_null_sentinel())) value = json::Field::null();
  return success;
}

}  // namespace cmms::mapping::transforms
