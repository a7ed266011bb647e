#include "pg/prelude.hpp"

#include "pg/apply/order_columns.hpp"

#include <algorithm>
#include <chrono>

#include "core/mapping/iso_time.hpp"
#include "pg/json/jsonb_reader.hpp"
#include "pg/json/jsonb_writer.hpp"

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

void FieldPlaces::fit(const std::vector<mapping::MappedField>& fields) {
  const auto has_name = [](const mapping::MappedField& field, const std::string& name) {
    return field.target == name;
  };
  if (std::equal(fields.begin(), fields.end(), names_.begin(), names_.end(), has_name)) return;
  names_.clear();
  columns_.clear();
  for (const mapping::MappedField& field : fields) {
    const auto column =
        std::find_if(std::begin(order_columns), std::end(order_columns),
                     [&](const OrderColumn& each) { return each.name == std::string_view(field.target); });
    const bool is_first = std::find(names_.begin(), names_.end(), field.target) == names_.end();
    columns_.push_back(is_first ? static_cast<std::size_t>(column - std::begin(order_columns)) : no_column);
    names_.push_back(field.target);
  }
  key_order_ = pg::key_order(fields);
}

void set_columns(const mapping::Mapped& mapped, const FieldPlaces& places, std::span<Param> values) {
  for (std::size_t i = 0; i < mapped.fields.size(); ++i) {
    const std::size_t column = places.columns()[i];
    if (column == FieldPlaces::no_column) continue;
    values[column] = column_value(order_columns[column], mapped.fields[i].value);
  }
}

}  // namespace cmms::pg
