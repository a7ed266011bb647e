// Values across the boundary: jsonb behind json::Value, parameters, rows, and what happens to misuse.
#include "pg/prelude.hpp"

#include <string>

#include "core/json/field.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/memory.hpp"
#include "pg/boundary/result_set.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/json/jsonb_reader.hpp"

namespace cmms::pg {
namespace {

using json::Field;
using json::Kind;
using json::Value;

std::string_view bytes_of(const void* varlena) {
  return {VARDATA_ANY(varlena), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(varlena))};
}

Datum text_result(const std::string& value) { return Param(value).to_datum(); }

// Builds the text again from what the reader shows, member by member.
std::string walk(const Value& value) {
  std::string text;
  switch (value.kind()) {
    case Kind::object:
      value.each_member([&](std::string_view name, const Value& member) {
        const auto found = value.member(name);
        if (!found || found->text() != member.text())
          raise(ERRCODE_INTERNAL_ERROR, "a member is not found again");
        text += (text.empty() ? "" : ",") + Field::string(std::string(name)).to_json() + ":" + walk(member);
        return true;
      });
      return "{" + text + "}";
    case Kind::array:
      for (std::size_t i = 0; i < value.size(); ++i) text += (i == 0 ? "" : ",") + walk(*value.element(i));
      return "[" + text + "]";
    case Kind::string:
      return Field::string(std::string(value.string())).to_json();
    case Kind::number:
      return value.number();
    case Kind::boolean:
      return value.boolean() ? "true" : "false";
    case Kind::null:
      break;
  }
  return "null";
}

// Counts what its copies leave when the context that keeps one goes.
struct Kept {
  explicit Kept(int* count) : deleted(count) {}
  Kept(Kept&& other) noexcept : deleted(std::exchange(other.deleted, nullptr)) {}
  Kept& operator=(Kept&&) = delete;
  ~Kept() {
    if (deleted != nullptr) ++*deleted;
  }
  int* deleted;
};

void misuse(const std::string& what) {
  static Statement statement("SELECT $1", {TEXTOID});
  if (what == "no scope") {
    statement.execute({"x"});
  } else if (what == "wrong type") {
    const Spi spi;
    statement.execute({7});
  } else if (what == "missing parameter") {
    const Spi spi;
    statement.execute();
  } else if (what == "no such row") {
    const Spi spi;
    statement.execute({"x"}).text(1, 0);
  } else if (what == "no such column") {
    const Spi spi;
    statement.execute({"x"}).text(0, 1);
  } else if (what == "not an integer") {
    const Spi spi;
    statement.execute({"x"}).integer(0, 0);
  } else if (what == "syntax error") {
    const Spi spi;
    static Statement wrong("SELEKT 1", {});
    wrong.execute();
  } else if (what == "object in a context") {
    int deleted = 0;
    {
      const ScratchContext scratch;
      keep_in(scratch.get(), Kept(&deleted));
    }
    raise(ERRCODE_INTERNAL_ERROR, "deleted " + std::to_string(deleted) + " times");
  }
}

}  // namespace

CMMS_FUNCTION(boundary_json_text) { return text_result(jsonb_value(PG_GETARG_JSONB_P(0)).text()); }

CMMS_FUNCTION(boundary_json_walk) { return text_result(walk(jsonb_value(PG_GETARG_JSONB_P(0)))); }

CMMS_FUNCTION(boundary_json_member) {
  const auto member = jsonb_value(PG_GETARG_JSONB_P(0)).member(bytes_of(PG_GETARG_TEXT_PP(1)));
  if (!member) PG_RETURN_NULL();
  return text_result(Field::from(*member).text);
}

CMMS_FUNCTION(boundary_json_wrong_access) {
  const Value value = jsonb_value(PG_GETARG_JSONB_P(0));
  std::string answers;
  auto answer = [&](const std::string& text) { answers += (answers.empty() ? "" : ", ") + text; };
  answer(value.member("absent") ? "member" : "no member");
  answer(value.element(1'000'000) ? "element" : "no element");
  answer("number '" + value.number() + "'");
  answer("string '" + std::string(value.string()) + "'");
  answer(value.boolean() ? "true" : "not true");
  answer("size " + std::to_string(value.size()));
  return text_result(answers);
}

CMMS_FUNCTION(boundary_json_parse) { return jsonb_from_text(bytes_of(PG_GETARG_BYTEA_PP(0))); }

CMMS_FUNCTION(boundary_round_trip) {
  const TextList texts = {"a", std::nullopt, "", "with \"quotes\", {braces} and NULL", "NULL"};
  const TextList documents = {R"({"a": 1})", std::nullopt, "[]"};
  const std::vector<std::string> numbers = {"1", "-9223372036854775808"};
  const std::optional<std::string> absent;
  const std::string large(3'000'000, 'z');
  const Spi spi;
  static Statement statement(
      "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, pg_catalog.length($14), $15",
      {TEXTOID, TEXTOID, INT8OID, INT4OID, BOOLOID, BYTEAOID, JSONBOID, UUIDOID, TIMESTAMPTZOID, TEXTARRAYOID,
       JSONBARRAYOID, INT8ARRAYOID, NUMERICOID, TEXTOID, TEXTARRAYOID});
  const Rows rows = statement.execute(
      {"text", absent, std::int64_t{1} << 40, 7, true, Param::bytes(std::string_view("\0\xff", 2)),
       Param::json(R"({"b": [1, 2.50]})"), Param::uuid("6f1c2f0e-1111-4222-8333-444455556666"),
       Param::timestamp("2024-02-29T12:00:00.5Z"), Param::array(TEXTARRAYOID, texts),
       Param::array(JSONBARRAYOID, documents), Param::array(INT8ARRAYOID, numbers),
       Param::typed(NUMERICOID, "12.3400"), large, Param::array(TEXTARRAYOID, TextList{})});
  ResultSet result(fcinfo);
  constexpr int columns = 15;
  for (int column = 0; column < columns; ++column) {
    const auto index = static_cast<std::size_t>(column);
    result.add({column + 1, rows.is_null(0, index) ? "null" : "value", rows.text(0, index)});
  }
  std::string elements;
  for (const auto& element : rows.list(0, 9)) elements += element ? "<" + *element + ">" : "null";
  result.add({columns + 1, "list", elements});
  result.add({columns + 2, "integer", std::to_string(rows.integer(0, 2) + rows.integer(0, 3))});
  result.add({columns + 3, "boolean", rows.boolean(0, 4) ? "true" : "false"});
  result.add({columns + 4, "bytes", std::to_string(rows.bytes(0, 5)->size())});
  result.add({columns + 5, "json", rows.json(0, 6)->text()});
  return result.done();
}

CMMS_FUNCTION(boundary_text_parameter) {
  const std::string_view bytes = bytes_of(PG_GETARG_BYTEA_PP(0));
  return (PG_GETARG_BOOL(1) ? Param::lossy_text(bytes) : Param(bytes)).to_datum();
}

CMMS_FUNCTION(boundary_misuse) {
  misuse(std::string(bytes_of(PG_GETARG_TEXT_PP(0))));
  PG_RETURN_VOID();
}

CMMS_FUNCTION(boundary_count_rows) {
  if (PG_GETARG_BOOL(0)) Statement::forget_all();
  const Spi spi;
  static Statement statement("SELECT pg_catalog.count(*) FROM boundary_target", {});
  PG_RETURN_INT64(statement.execute().integer(0, 0));
}

}  // namespace cmms::pg
