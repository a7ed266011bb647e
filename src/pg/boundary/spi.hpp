// SQL from C++: a connection scope, statements that are prepared once per backend, typed parameters and rows.
// All text is UTF-8 on both sides (the extension installs only into UTF8 databases).
#pragma once

#include "pg/prelude.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json/value.hpp"

extern "C" {
#include "utils/uuid.h"
}

namespace cmms::pg {

// A NULL-able list as PostgreSQL's arrays are.
using TextList = std::vector<std::optional<std::string>>;

// One parameter. Holds views and references only: build it in the argument list of execute().
class Param {
 public:
  Param(std::string_view value) : Param(Form::text, TEXTOID, value) {}
  Param(const char* value) : Param(std::string_view(value)) {}
  Param(const std::string& value) : Param(std::string_view(value)) {}
  Param(const std::optional<std::string>& value) : Param(text(value)) {}
  Param(std::int64_t value) : form_(Form::datum), type_(INT8OID), datum_(Int64GetDatum(value)) {}
  Param(std::int32_t value) : form_(Form::datum), type_(INT4OID), datum_(Int32GetDatum(value)) {}
  Param(bool value) : form_(Form::datum), type_(BOOLOID), datum_(BoolGetDatum(value)) {}

  static Param null(Oid type) { return Param(Form::null, type, {}); }
  static Param text(const std::optional<std::string>& value) {
    return value ? Param(std::string_view(*value)) : null(TEXTOID);
  }
  // For diagnostics only (bodies, error texts of others): bytes that are not valid text become '?', never an
  // error.
  static Param lossy_text(std::string_view value) { return Param(Form::lossy_text, TEXTOID, value); }
  static Param oid(Oid value) { return datum(OIDOID, ObjectIdGetDatum(value)); }
  static Param bytes(std::string_view value) { return Param(Form::bytes, BYTEAOID, value); }
  static Param json(std::string_view value) { return Param(Form::input, JSONBOID, value); }
  static Param uuid(std::string_view value) { return Param(Form::input, UUIDOID, value); }
  static Param uuid(const pg_uuid_t& value) { return datum(UUIDOID, UUIDPGetDatum(&value)); }
  static Param uuid(const std::optional<pg_uuid_t>& value) { return value ? uuid(*value) : null(UUIDOID); }
  static Param timestamp(std::string_view value) { return Param(Form::input, TIMESTAMPTZOID, value); }
  static Param interval(std::string_view value) { return Param(Form::input, INTERVALOID, value); }
  // Any type by its text form; nullopt is NULL.
  static Param typed(Oid type, std::string_view value) { return Param(Form::input, type, value); }
  static Param typed(Oid type, const char* value) { return typed(type, std::string_view(value)); }
  static Param typed(Oid type, const std::string& value) { return typed(type, std::string_view(value)); }
  static Param typed(Oid type, const std::optional<std::string>& value) {
    return value ? Param(Form::input, type, *value) : null(type);
  }
  static Param datum(Oid type, Datum value) {
    Param param(Form::datum, type, {});
    param.datum_ = value;
    return param;
  }
  // array_type is the array's OID (TEXTARRAYOID, JSONBARRAYOID, UUIDARRAYOID, INT8ARRAYOID...), elements in
  // text form.
  static Param array(Oid array_type, const TextList& elements) {
    Param param(Form::array, array_type, {});
    param.elements_ = &elements;
    return param;
  }
  static Param array(Oid array_type, const std::vector<std::string>& elements) {
    Param param(Form::string_array, array_type, {});
    param.strings_ = &elements;
    return param;
  }

  Oid type() const { return type_; }
  bool is_null() const { return form_ == Form::null; }
  Datum to_datum() const;  // allocates in the current memory context
  // The same for all values of a row; runs inside pg_call().
  static void make_row(std::span<const Param> params, Datum* values, bool* nulls);

 private:
  enum class Form : std::uint8_t { null, text, lossy_text, bytes, input, datum, array, string_array };

  Param(Form form, Oid type, std::string_view value) : form_(form), type_(type), view_(value) {}

  Datum make() const;  // runs inside pg_call()

  Form form_;
  Oid type_;
  std::string_view view_;
  Datum datum_ = 0;
  const TextList* elements_ = nullptr;
  const std::vector<std::string>* strings_ = nullptr;
};

// The connection to SPI for one scope. Statements run only inside one. After an error of the backend the
// (sub)transaction's abort cleans SPI up, not this object.
class Spi {
 public:
  Spi();
  ~Spi();
  Spi(const Spi&) = delete;
  Spi& operator=(const Spi&) = delete;

 private:
  MemoryContext caller_context_;
  std::uint64_t outer_scope_;
  int pending_errors_;
};

// What a statement returned. Valid inside the Spi scope that ran it; row and column numbers start at 0.
class Rows {
 public:
  Rows() = default;
  Rows(SPITupleTable* table, std::uint64_t count);
  Rows(Rows&& other) noexcept { swap(other); }
  Rows& operator=(Rows&& other) noexcept {
    swap(other);
    return *this;
  }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  // Rows returned, or rows affected by a statement without RETURNING.
  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }

  bool is_null(std::size_t row, std::size_t column) const;
  std::optional<std::string> text(std::size_t row,
                                  std::size_t column) const;  // any type, by its output function
  std::string text_or(std::size_t row, std::size_t column, std::string_view fallback) const;
  std::int64_t integer(std::size_t row, std::size_t column,
                       std::int64_t fallback = 0) const;  // int2, int4, int8
  bool boolean(std::size_t row, std::size_t column, bool fallback = false) const;
  double number(std::size_t row, std::size_t column, double fallback = 0) const;  // float8
  std::optional<std::string> bytes(std::size_t row, std::size_t column) const;    // bytea
  std::optional<json::Value> json(std::size_t row,
                                  std::size_t column) const;  // jsonb; a view into this scope
  pg_uuid_t uuid(std::size_t row, std::size_t column) const;  // not of a null
  TextList list(std::size_t row, std::size_t column) const;   // any array; NULL is empty
  Datum datum(std::size_t row, std::size_t column, bool* is_null) const;
  HeapTuple tuple(std::size_t row) const;
  TupleDesc descriptor() const;  // null: the statement returns nothing

 private:
  void swap(Rows& other) noexcept;
  Oid column_type(std::size_t row, std::size_t column) const;  // raises when there is no such place

  SPITupleTable* table_ = nullptr;
  std::uint64_t count_ = 0;
  std::uint64_t scope_ = 0;
  int pending_errors_ = 0;
};

// A statement prepared at its first execution and kept by this backend. Make it a function-local static.
// Names in the SQL must be qualified, operators on other than built-in types too: it may run under any
// search_path.
class Statement {
 public:
  Statement(const char* sql, std::vector<Oid> parameter_types);
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Sees and makes changes (never read-only); limit 0 returns all rows.
  Rows execute(std::initializer_list<Param> parameters = {}, long limit = 0) {
    return execute(std::span(parameters.begin(), parameters.size()), limit);
  }
  Rows execute(std::span<const Param> parameters, long limit = 0);

  // Every statement is prepared anew at its next execution. Called when the extension is dropped or created.
  static void forget_all();

 private:
  void prepare();

  const char* sql_;
  std::vector<Oid> parameter_types_;
  SPIPlanPtr plan_ = nullptr;
  std::uint64_t generation_ = 0;
  int running_ = 0;
};

// Runs SQL text that is not worth keeping: utility commands, probes.
Rows execute_once(const char* sql);

}  // namespace cmms::pg
