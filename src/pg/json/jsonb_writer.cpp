#include "pg/prelude.hpp"

#include "pg/json/jsonb_writer.hpp"

#include <algorithm>
#include <numeric>

#include "pg/boundary/guard.hpp"

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

// Writes a flat object whose keys come in their order: a word for each key and each value, then the data of
// the keys, then that of the values.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::size_t pairs) {
    initStringInfo(&bytes_);
    const auto size = static_cast<int>(sizeof(Jsonb) + 2 * pairs * sizeof(JEntry));
    enlargeStringInfo(&bytes_, size);
    bytes_.len = data_start_ = size;
    document()->root.header = static_cast<uint32>(pairs) | JB_FOBJECT;
  }

  void add_key(const std::string& key) {
    append(key.data(), key.size());
    end_entry(JENTRY_ISSTRING);
  }

  void add_value(const JsonbValue& value) {
    switch (value.type) {
      case jbvNull:
        return end_entry(JENTRY_ISNULL);
      case jbvBool:
        return end_entry(value.val.boolean ? JENTRY_ISBOOL_TRUE : JENTRY_ISBOOL_FALSE);
      case jbvString:
        append(value.val.string.val, static_cast<std::size_t>(value.val.string.len));
        return end_entry(JENTRY_ISSTRING);
      case jbvNumeric:
        align();
        append(value.val.numeric, VARSIZE_ANY(value.val.numeric));
        return end_entry(JENTRY_ISNUMERIC);
      case jbvBinary:
        align();
        append(value.val.binary.data, static_cast<std::size_t>(value.val.binary.len));
        return end_entry(JENTRY_ISCONTAINER);
      default:
        elog(ERROR, "a field cannot be a jsonb value of type %d", value.type);
    }
  }

  Jsonb* finish() {
    SET_VARSIZE(bytes_.data, bytes_.len);
    return document();
  }

 private:
  Jsonb* document() { return reinterpret_cast<Jsonb*>(bytes_.data); }

  void append(const void* data, std::size_t size) {
    appendBinaryStringInfo(&bytes_, static_cast<const char*>(data), static_cast<int>(size));
  }

  // Padding counts as part of the entry that it comes before.
  void align() {
    while (bytes_.len != static_cast<int>(INTALIGN(bytes_.len))) appendStringInfoChar(&bytes_, '\0');
  }

  // An entry says its length, and every so many its end, so that one can be found without adding up all.
  void end_entry(uint32 type) {
    const auto end = static_cast<uint32>(bytes_.len - data_start_);
    if (end > JENTRY_OFFLENMASK) {
      ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                      errmsg("total size of jsonb object elements exceeds the maximum of %d bytes",
                             JENTRY_OFFLENMASK)));
    }
    const bool says_end = entry_ % JB_OFFSET_STRIDE == 0;
    document()->root.children[entry_++] = type | (says_end ? end | JENTRY_HAS_OFF : end - former_end_);
    former_end_ = end;
  }

  StringInfoData bytes_;
  int data_start_ = 0;
  int entry_ = 0;
  uint32 former_end_ = 0;
};

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
  return jsonb_from_fields(fields, key_order(fields));
}

Datum jsonb_from_fields(const std::vector<mapping::MappedField>& fields,
                        std::span<const std::size_t> key_order) {
  return pg_call([&] {
    ObjectWriter writer(key_order.size());
    for (const std::size_t place : key_order) writer.add_key(fields[place].target);
    for (const std::size_t place : key_order) writer.add_value(field_value(fields[place].value));
    return JsonbPGetDatum(writer.finish());
  });
}

}  // namespace cmms::pg
