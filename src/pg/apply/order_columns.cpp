#include "pg/prelude.hpp"

#include "pg/apply/order_columns.hpp"

#include <chrono>
#include <unordered_map>

#include "core/mapping/iso_time.hpp"
#include "pg/json/jsonb_reader.hpp"

namespace cmms::pg {
namespace {

// A time as the transforms write it needs none of the forms that the type's own input function tries.
Param time_value(const std::string& text) {
  constexpr std::size_t shortest = sizeof "yyyy-mm-ddThh:mm:ssZ" - 1;
  constexpr std::size_t longest = sizeof "yyyy-mm-ddThh:mm:ss.ffffffZ" - 1;
  constexpr std::chrono::sys_days epoch{std::chrono::year(2000) / 1 / 1};
  if (text.size() >= shortest && text.size() <= longest && text.back() == 'Z') {
    if (const auto time = mapping::parse_iso_time(text)) {
      return Param::datum(TIMESTAMPTZOID, TimestampTzGetDatum((time->utc() - epoch).count()));
    }
  }
  return Param::typed(TIMESTAMPTZOID, text);
}

// May point into the field.
Param column_value(const OrderColumn& column, const json::Field& field) {
  if (field.is_null()) return default_value(column);
  const bool is_scalar = field.kind != json::Kind::array && field.kind != json::Kind::object;
  switch (column.type) {
    case TEXTOID:
      return is_scalar ? Param(field.text) : Param::datum(TEXTOID, Param(column_text(field)).to_datum());
    case TEXTARRAYOID:
      return Param::datum(TEXTARRAYOID, text_array_from_field(field));
    case JSONBOID:
      return Param::datum(JSONBOID, jsonb_from_field(field));
    case TIMESTAMPTZOID:
      return time_value(field.text);
    default:
      return Param::typed(column.type, field.text);
  }
}

}  // namespace

Param default_value(const OrderColumn& column) {
  return column.default_value == nullptr ? Param::null(column.type)
                                         : Param::typed(column.type, column.default_value);
}

Param time_value(const std::optional<std::string>& text) {
  return text ? time_value(*text) : Param::null(TIMESTAMPTZOID);
}

void set_columns(const mapping::Mapped& mapped, std::span<Param> values) {
  static const auto places = [] {
    std::unordered_map<std::string_view, std::size_t> by_name;
    for (std::size_t i = 0; i < std::size(order_columns); ++i) by_name.emplace(order_columns[i].name, i);
    return by_name;
  }();
  // The first field of a name counts, as for Mapped::find().
  for (auto field = mapped.fields.rbegin(); field != mapped.fields.rend(); ++field) {
    const auto place = places.find(field->target);
    if (place != places.end())
      values[place->second] = column_value(order_columns[place->second], field->value);
  }
}

}  // namespace cmms::pg
