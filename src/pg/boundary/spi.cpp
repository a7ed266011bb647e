#include "pg/prelude.hpp"

#include "pg/boundary/spi.hpp"

#include "pg/boundary/guard.hpp"
#include "pg/boundary/memory.hpp"
#include "pg/json/jsonb_reader.hpp"

namespace cmms::pg {
namespace {

std::uint64_t current_scope = 0;  // of the innermost Spi; 0 outside
std::uint64_t last_scope = 0;
std::uint64_t statement_generation = 1;

[[noreturn]] void raise_spi_error(const char* what, int code) {
  raise(ERRCODE_INTERNAL_ERROR, std::string(what) + " failed: " + SPI_result_code_string(code));
}

class CountScope {
 public:
  explicit CountScope(int& count) : count_(count) { ++count_; }
  ~CountScope() { --count_; }
  CountScope(const CountScope&) = delete;
  CountScope& operator=(const CountScope&) = delete;

 private:
  int& count_;
};

// Bytes that a Datum holds, with what must be freed after copying them.
struct Bytes {
  const char* data = nullptr;
  std::size_t size = 0;
  void* owned = nullptr;
};

Bytes varlena_bytes(Datum datum) {
  auto* packed = reinterpret_cast<varlena*>(DatumGetPointer(datum));
  auto* plain = pg_detoast_datum_packed(packed);
  return {VARDATA_ANY(plain), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(plain)),
          plain == packed ? nullptr : plain};
}

Bytes output_bytes(Datum datum, Oid type) {
  if (type == TEXTOID || type == VARCHAROID) return varlena_bytes(datum);
  Oid function = InvalidOid;
  bool is_varlena = false;
  getTypeOutputInfo(type, &function, &is_varlena);
  char* text = OidOutputFunctionCall(function, datum);
  return {text, strlen(text), text};
}

std::string copy_and_free(const Bytes& bytes) {
  std::string copy(bytes.data, bytes.size);
  if (bytes.owned != nullptr) pfree(bytes.owned);
  return copy;
}

}  // namespace

Spi::Spi()
    : caller_context_(CurrentMemoryContext),
      outer_scope_(current_scope),
      pending_errors_(detail::pending_error_count()) {
  const int code = pg_call([] { return SPI_connect(); });
  if (code != SPI_OK_CONNECT) raise_spi_error("SPI_connect", code);
  current_scope = ++last_scope;
}

Spi::~Spi() {
  current_scope = outer_scope_;
  if (detail::pending_error_count() == pending_errors_) {
    try {
      pg_call([] { SPI_finish(); });
    } catch (...) {
      // Counted as pending by the guard, so the entry that this scope is in will not report success.
    }
  }
  MemoryContextSwitchTo(caller_context_);
}

Rows::Rows(SPITupleTable* table, std::uint64_t count)
    : table_(table), count_(count), scope_(current_scope), pending_errors_(detail::pending_error_count()) {}

Rows::~Rows() {
  if (table_ == nullptr || scope_ != current_scope || detail::pending_error_count() != pending_errors_)
    return;
  SPI_freetuptable(table_);
}

void Rows::swap(Rows& other) noexcept {
  std::swap(table_, other.table_);
  std::swap(count_, other.count_);
  std::swap(scope_, other.scope_);
  std::swap(pending_errors_, other.pending_errors_);
}

Oid Rows::column_type(std::size_t row, std::size_t column) const {
  if (table_ == nullptr || row >= count_ || column >= static_cast<std::size_t>(table_->tupdesc->natts)) {
    raise(ERRCODE_INTERNAL_ERROR,
          "there is no row " + std::to_string(row) + ", column " + std::to_string(column));
  }
  return TupleDescAttr(table_->tupdesc, static_cast<int>(column))->atttypid;
}

Datum Rows::datum(std::size_t row, std::size_t column, bool* is_null) const {
  column_type(row, column);
  return pg_call([&] {
    return SPI_getbinval(table_->vals[row], table_->tupdesc, static_cast<int>(column) + 1, is_null);
  });
}

HeapTuple Rows::tuple(std::size_t row) const {
  column_type(row, 0);
  return table_->vals[row];
}

TupleDesc Rows::descriptor() const { return table_ == nullptr ? nullptr : table_->tupdesc; }

bool Rows::is_null(std::size_t row, std::size_t column) const {
  bool null = true;
  datum(row, column, &null);
  return null;
}

std::optional<std::string> Rows::text(std::size_t row, std::size_t column) const {
  bool null = true;
  const Datum value = datum(row, column, &null);
  if (null) return std::nullopt;
  const Oid type = column_type(row, column);
  return copy_and_free(pg_call([&] { return output_bytes(value, type); }));
}

std::string Rows::text_or(std::size_t row, std::size_t column, std::string_view fallback) const {
  return text(row, column).value_or(std::string(fallback));
}

std::int64_t Rows::integer(std::size_t row, std::size_t column, std::int64_t fallback) const {
  bool null = true;
  const Datum value = datum(row, column, &null);
  if (null) return fallback;
  switch (column_type(row, column)) {
    case INT8OID:
      return DatumGetInt64(value);
    case INT4OID:
      return DatumGetInt32(value);
    case INT2OID:
      return DatumGetInt16(value);
    case OIDOID:
      return DatumGetObjectId(value);
    default:
      raise(ERRCODE_INTERNAL_ERROR, "column " + std::to_string(column) + " is not an integer");
  }
}

bool Rows::boolean(std::size_t row, std::size_t column, bool fallback) const {
  bool null = true;
  const Datum value = datum(row, column, &null);
  if (null) return fallback;
  if (column_type(row, column) != BOOLOID) {
    raise(ERRCODE_INTERNAL_ERROR, "column " + std::to_string(column) + " is not a boolean");
  }
  return DatumGetBool(value);
}

double Rows::number(std::size_t row, std::size_t column, double fallback) const {
  bool null = true;
  const Datum value = datum(row, column, &null);
  if (null) return fallback;
  if (column_type(row, column) != FLOAT8OID) {
    raise(ERRCODE_INTERNAL_ERROR, "column " + std::to_string(column) + " is not a double precision");
  }
  return DatumGetFloat8(value);
}

std::optional<std::string> Rows::bytes(std::size_t row, std::size_t column) const {
  bool null = true;
  const Datum value = datum(row, column, &null);
  if (null) return std::nullopt;
  if (column_type(row, column) != BYTEAOID) {
    raise(ERRCODE_INTERNAL_ERROR, "column " + std::to_string(column) + " is not a bytea");
  }
  return copy_and_free(pg_call([&] { return varlena_bytes(value); }));
}

std::optional<json::Value> Rows::json(std::size_t row, std::size_t column) const {
  bool null = true;
  const Datum value = datum(row, column, &null);
  if (null) return std::nullopt;
  if (column_type(row, column) != JSONBOID) {
    raise(ERRCODE_INTERNAL_ERROR, "column " + std::to_string(column) + " is not a jsonb");
  }
  return jsonb_value(pg_call([&] { return DatumGetJsonbP(value); }));
}

pg_uuid_t Rows::uuid(std::size_t row, std::size_t column) const {
  bool null = true;
  const Datum value = datum(row, column, &null);
  if (null || column_type(row, column) != UUIDOID) {
    raise(ERRCODE_INTERNAL_ERROR, "column " + std::to_string(column) + " is not a uuid");
  }
  return *DatumGetUUIDP(value);
}

TextList Rows::list(std::size_t row, std::size_t column) const {
  bool null = true;
  const Datum value = datum(row, column, &null);
  TextList list;
  if (null) return list;
  const Oid element_type = pg_call([&] { return get_element_type(column_type(row, column)); });
  if (!OidIsValid(element_type)) {
    raise(ERRCODE_INTERNAL_ERROR, "column " + std::to_string(column) + " is not an array");
  }
  const ScratchContext scratch;
  Datum* elements = nullptr;
  bool* nulls = nullptr;
  int count = 0;
  pg_call([&] {
    std::int16_t length = 0;
    bool by_value = false;
    char alignment = 0;
    get_typlenbyvalalign(element_type, &length, &by_value, &alignment);
    deconstruct_array(DatumGetArrayTypeP(value), element_type, length, by_value, alignment, &elements, &nulls,
                      &count);
  });
  list.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    if (nulls[i]) {
      list.emplace_back();
    } else {
      list.emplace_back(copy_and_free(pg_call([&] { return output_bytes(elements[i], element_type); })));
    }
  }
  return list;
}

Statement::Statement(const char* sql, std::vector<Oid> parameter_types)
    : sql_(sql), parameter_types_(std::move(parameter_types)) {}

void Statement::prepare() {
  SPIPlanPtr plan = pg_call([&] {
    SPIPlanPtr prepared =
        SPI_prepare(sql_, static_cast<int>(parameter_types_.size()), parameter_types_.data());
    if (prepared != nullptr) SPI_keepplan(prepared);
    return prepared;
  });
  if (plan == nullptr) raise_spi_error("SPI_prepare", SPI_result);
  SPIPlanPtr former = std::exchange(plan_, plan);
  generation_ = statement_generation;
  if (former != nullptr) pg_call([&] { SPI_freeplan(former); });
}

Rows Statement::execute(std::span<const Param> parameters, long limit) {
  if (current_scope == 0) raise(ERRCODE_INTERNAL_ERROR, "a statement was executed outside of an Spi scope");
  // A plan in use (a trigger that runs the statement it was fired by) is only replaced later.
  const ContextScope keep_context(CurrentMemoryContext);
  if (plan_ == nullptr || (generation_ != statement_generation && running_ == 0)) prepare();
  if (parameters.size() != parameter_types_.size()) {
    raise(ERRCODE_INTERNAL_ERROR, "wrong number of parameters", "Statement: " + std::string(sql_));
  }
  const ScratchContext scratch;
  std::vector<Datum> values;
  std::string nulls;
  values.reserve(parameters.size());
  for (const Param& parameter : parameters) {
    if (parameter.type() != parameter_types_[values.size()]) {
      raise(ERRCODE_INTERNAL_ERROR, "parameter $" + std::to_string(values.size() + 1) + " is of another type",
            "Statement: " + std::string(sql_));
    }
    values.push_back(parameter.to_datum());
    nulls.push_back(parameter.is_null() ? 'n' : ' ');
  }
  const CountScope running(running_);
  const int code =
      pg_call([&] { return SPI_execute_plan(plan_, values.data(), nulls.c_str(), false, limit); });
  if (code < 0) raise_spi_error("SPI_execute_plan", code);
  return Rows(SPI_tuptable, SPI_processed);
}

void Statement::forget_all() { ++statement_generation; }

Rows execute_once(const char* sql) {
  if (current_scope == 0) raise(ERRCODE_INTERNAL_ERROR, "a statement was executed outside of an Spi scope");
  const ContextScope keep_context(CurrentMemoryContext);
  const int code = pg_call([&] { return SPI_execute(sql, false, 0); });
  if (code < 0) raise_spi_error("SPI_execute", code);
  return Rows(SPI_tuptable, SPI_processed);
}

}  // namespace cmms::pg
