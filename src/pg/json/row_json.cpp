#include "pg/prelude.hpp"

#include "pg/json/row_json.hpp"

#include <cstring>

#include "pg/boundary/guard.hpp"

extern "C" {
#include "common/jsonapi.h"
#include "utils/datetime.h"
#include "utils/json.h"
}

namespace cmms::pg {

enum class Form : std::uint8_t { boolean, number, json, time, list, text };

struct RowJson::Column {
  const char* label;  // quoted, with its colon
  Form form;
  FmgrInfo output;
};

namespace {

// All of this runs inside pg_call(): plain data only.

Form form_of(Oid type) {
  switch (type) {
    case BOOLOID:
      return Form::boolean;
    case INT2OID:
    case INT4OID:
    case INT8OID:
    case FLOAT4OID:
    case FLOAT8OID:
    case NUMERICOID:
      return Form::number;
    case JSONOID:
    case JSONBOID:
      return Form::json;
    case TIMESTAMPTZOID:
      return Form::time;
    default:
      return OidIsValid(get_element_type(type)) ? Form::list : Form::text;
  }
}

void append_value(StringInfo json, Datum value, Form form, FmgrInfo* output) {
  switch (form) {
    case Form::boolean:
      appendStringInfoString(json, DatumGetBool(value) ? "true" : "false");
      return;
    case Form::time: {
      char text[MAXDATELEN + 1];
      JsonEncodeDateTime(text, value, TIMESTAMPTZOID, nullptr);
      appendStringInfo(json, "\"%s\"", text);
      return;
    }
    case Form::list:
      appendStringInfoString(json, TextDatumGetCString(DirectFunctionCall1(array_to_json, value)));
      return;
    case Form::json:
      appendStringInfoString(json, OutputFunctionCall(output, value));
      return;
    case Form::number: {
      const char* text = OutputFunctionCall(output, value);
      if (IsValidJsonNumber(text, static_cast<int>(std::strlen(text)))) {
        appendStringInfoString(json, text);
      } else {
        escape_json(json, text);  // NaN and the infinities
      }
      return;
    }
    case Form::text:
      escape_json(json, OutputFunctionCall(output, value));
      return;
  }
}

}  // namespace

RowJson::RowJson(TupleDesc descriptor, int first)
    : descriptor_(descriptor), first_(first), columns_(nullptr), values_(nullptr), nulls_(nullptr) {
  pg_call([&] {
    const auto count = static_cast<Size>(descriptor->natts);
    columns_ = static_cast<Column*>(palloc0(count * sizeof(Column)));
    values_ = static_cast<Datum*>(palloc(count * sizeof(Datum)));
    nulls_ = static_cast<bool*>(palloc(count * sizeof(bool)));
    for (int i = first; i < descriptor->natts; ++i) {
      const auto* attribute = TupleDescAttr(descriptor, i);
      const Oid type = getBaseType(attribute->atttypid);
      StringInfoData label;
      initStringInfo(&label);
      escape_json(&label, NameStr(attribute->attname));
      appendStringInfoChar(&label, ':');
      columns_[i].label = label.data;
      columns_[i].form = form_of(type);
      Oid output = InvalidOid;
      bool is_varlena = false;
      getTypeOutputInfo(type, &output, &is_varlena);
      fmgr_info(output, &columns_[i].output);
    }
  });
}

std::string RowJson::text(HeapTuple row, Nulls nulls) const {
  StringInfoData json;
  pg_call([&] {
    initStringInfo(&json);
    heap_deform_tuple(row, descriptor_, values_, nulls_);
    for (int i = first_; i < descriptor_->natts; ++i) {
      if (nulls_[i] && nulls == Nulls::left_out) continue;
      appendStringInfoChar(&json, json.len == 0 ? '{' : ',');
      appendStringInfoString(&json, columns_[i].label);
      if (nulls_[i]) {
        appendStringInfoString(&json, "null");
      } else {
        append_value(&json, values_[i], columns_[i].form, &columns_[i].output);
      }
    }
    appendStringInfoString(&json, json.len == 0 ? "{}" : "}");
  });
  return {json.data, static_cast<std::size_t>(json.len)};
}

}  // namespace cmms::pg
