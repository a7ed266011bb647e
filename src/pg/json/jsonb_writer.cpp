#include "pg/prelude.hpp"

#include "pg/json/jsonb_writer.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/memory.hpp"

namespace cmms::pg {
namespace {

// All of this runs inside pg_call(): plain data only.

JsonbValue string_value(const std::string& text) {
  pg_verifymbstr(text.data(), static_cast<int>(text.size()), false);
  JsonbValue value{};
  value.type = jbvString;
  value.val.string.val = const_cast<char*>(text.data());
  value.val.string.len = static_cast<int>(text.size());
  return value;
}

JsonbValue field_value(const json::Field& field) {
  JsonbValue value{};
  switch (field.kind) {
    case json::Kind::null:
      value.type = jbvNull;
      return value;
    case json::Kind::boolean:
      value.type = jbvBool;
      value.val.boolean = field.text == "true";
      return value;
    case json::Kind::number:
      value.type = jbvNumeric;
      value.val.numeric = DatumGetNumeric(DirectFunctionCall3(
          numeric_in, CStringGetDatum(field.text.c_str()), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
      return value;
    case json::Kind::string:
      return string_value(field.text);
    case json::Kind::array:
    case json::Kind::object:
      break;
  }
  Jsonb* document = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(field.text.c_str())));
  value.type = jbvBinary;
  value.val.binary.data = &document->root;
  value.val.binary.len = static_cast<int>(VARSIZE(document) - VARHDRSZ);
  return value;
}

}  // namespace

std::vector<std::size_t> key_order(const std::vector<mapping::MappedField>& fields) {
  std::vector<std::size_t> order(fields.size());
  std::iota(order.rbegin(), order.rend(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t one, std::size_t other) {
    return compare_keys(fields[one].target, fields[other].target) < 0;
  });
  const auto is_same = [&](std::size_t one, std::size_t other) {
    return fields[one].target == fields[other].target;
  };
  order.erase(std::unique(order.begin(), order.end(), is_same), order.end());
  return order;
}

Datum jsonb_from_field(const json::Field& field) {
  return pg_call([&] {
    JsonbValue value = field_value(field);
    return JsonbPGetDatum(JsonbValueToJsonb(&value));
  });
}

Datum jsonb_from_fields(const std::vector<mapping::MappedField>& fields) {
  // To build it takes several times the memory of the result.
  MemoryContext caller = CurrentMemoryContext;
  const ScratchContext scratch;
  const Datum built = jsonb_from_fields(fields, key_order(fields));
  return pg_call([&] {
    const Jsonb* document = DatumGetJsonbP(built);
    void* copy = MemoryContextAlloc(caller, VARSIZE(document));
    return PointerGetDatum(std::memcpy(copy, document, VARSIZE(document)));
  });
}

Datum jsonb_from_fields(const std::vector<mapping::MappedField>& fields,
                        std::span<const std::size_t> key_order) {
  return pg_call([&] {
    JsonbParseState* state = nullptr;
    pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
    for (const std::size_t place : key_order) {
      JsonbValue key = string_value(fields[place].target);
      pushJsonbValue(&state, WJB_KEY, &key);
      JsonbValue value = field_value(fields[place].value);
      pushJsonbValue(&state, WJB_VALUE, &value);
    }
    return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr)));
  });
}

}  // namespace cmms::pg
