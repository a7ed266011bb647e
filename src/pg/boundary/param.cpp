// Parameters of statements: C++ values as Datums in the current memory context.
#include "pg/prelude.hpp"

#include <cstring>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"

namespace cmms::pg {
namespace {

// The functions below run inside pg_call(): plain data only.

void verify_text(std::string_view value) {
  pg_verifymbstr(value.data(), static_cast<int>(value.size()), false);
}

Datum text_datum(std::string_view value) {
  if (value.size() >= MaxAllocSize) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("text is too long")));
  }
  verify_text(value);
  return PointerGetDatum(cstring_to_text_with_len(value.data(), static_cast<int>(value.size())));
}

Datum lossy_text_datum(std::string_view value) {
  const int length = static_cast<int>(std::min<std::size_t>(value.size(), MaxAllocSize / 2));
  text* result = cstring_to_text_with_len(value.data(), length);
  char* bytes = VARDATA(result);
  const int encoding = GetDatabaseEncoding();
  for (int valid = 0; valid < length; ++valid) {
    valid += pg_encoding_verifymbstr(encoding, bytes + valid, length - valid);
    if (valid < length) bytes[valid] = '?';
  }
  return PointerGetDatum(result);
}

Datum bytea_datum(std::string_view value) {
  auto* result = static_cast<bytea*>(palloc(VARHDRSZ + value.size()));
  SET_VARSIZE(result, VARHDRSZ + value.size());
  std::memcpy(VARDATA(result), value.data(), value.size());
  return PointerGetDatum(result);
}

// Input functions that are needed again and again, so that nobody looks them up in the catalog.
struct KnownInput {
  Oid type;
  PGFunction function;
};
constexpr KnownInput known_inputs[] = {
    {JSONBOID, jsonb_in}, {NUMERICOID, numeric_in}, {TIMESTAMPTZOID, timestamptz_in}, {UUIDOID, uuid_in}};

// A type's input function, ready to be called many times.
struct Input {
  FmgrInfo function;
  Oid parameter;
};

Input input_of(Oid type) {
  Input input{};
  Oid function = InvalidOid;
  getTypeInputInfo(type, &function, &input.parameter);
  fmgr_info(function, &input.function);
  return input;
}

Datum input_datum(Input& input, std::string_view value) {
  verify_text(value);
  char* text = pnstrdup(value.data(), value.size());
  const Datum result = InputFunctionCall(&input.function, text, input.parameter, -1);
  pfree(text);
  return result;
}

Datum input_datum(Oid type, std::string_view value) {
  for (const KnownInput& known : known_inputs) {
    if (known.type != type) continue;
    verify_text(value);
    char* text = pnstrdup(value.data(), value.size());
    const Datum result = DirectFunctionCall3(known.function, CStringGetDatum(text),
                                             ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
    pfree(text);
    return result;
  }
  Input input = input_of(type);
  return input_datum(input, value);
}

// element(i) is null for NULL.
template <class Element>
Datum array_datum(Oid array_type, std::size_t size, Element element) {
  const Oid element_type = get_element_type(array_type);
  if (!OidIsValid(element_type)) elog(ERROR, "type %u is not an array type", array_type);
  if (size == 0) return PointerGetDatum(construct_empty_array(element_type));
  std::int16_t length = 0;
  bool by_value = false;
  char alignment = 0;
  get_typlenbyvalalign(element_type, &length, &by_value, &alignment);
  Input input = input_of(element_type);
  auto* values = static_cast<Datum*>(palloc(size * sizeof(Datum)));
  auto* nulls = static_cast<bool*>(palloc(size * sizeof(bool)));
  for (std::size_t i = 0; i < size; ++i) {
    const std::string* text = element(i);
    nulls[i] = text == nullptr;
    values[i] = text == nullptr ? 0 : element_type == TEXTOID ? text_datum(*text) : input_datum(input, *text);
  }
  int dimension = static_cast<int>(size);
  int lower_bound = 1;
  return PointerGetDatum(construct_md_array(values, nulls, 1, &dimension, &lower_bound, element_type, length,
                                            by_value, alignment));
}

}  // namespace

Datum Param::make() const {
  switch (form_) {
    case Form::null:
      return 0;
    case Form::datum:
      return datum_;
    case Form::text:
      return text_datum(view_);
    case Form::lossy_text:
      return lossy_text_datum(view_);
    case Form::bytes:
      return bytea_datum(view_);
    case Form::input:
      return input_datum(type_, view_);
    case Form::array:
      return array_datum(type_, elements_->size(), [&](std::size_t i) {
        const auto& element = (*elements_)[i];
        return element ? &*element : nullptr;
      });
    case Form::string_array:
      return array_datum(type_, strings_->size(), [&](std::size_t i) { return &(*strings_)[i]; });
  }
  return 0;
}

Datum Param::to_datum() const {
  if (form_ == Form::datum) return datum_;
  return pg_call([&] { return make(); });
}

void Param::make_row(std::span<const Param> params, Datum* values, bool* nulls) {
  for (std::size_t i = 0; i < params.size(); ++i) {
    nulls[i] = params[i].is_null();
    values[i] = params[i].make();
  }
}

}  // namespace cmms::pg
