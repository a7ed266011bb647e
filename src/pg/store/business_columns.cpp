#include "pg/prelude.hpp"

#include "pg/store/business_columns.hpp"

#include <cstring>
#include <string>

#include "pg/boundary/guard.hpp"

namespace cmms::pg::store {
namespace {

bool is_named(TupleDesc descriptor, int number, const char* name) {
  const FormData_pg_attribute& column = *TupleDescAttr(descriptor, number - 1);
  return !column.attisdropped && std::strcmp(NameStr(column.attname), name) == 0;
}

}  // namespace

// Each is looked for behind the one before it: one pass over the table's columns for all.
BusinessColumns::BusinessColumns(TupleDesc order) {
  int number = 0;
  for (std::size_t i = 0; i < business_columns.size(); ++i) {
    do {
      ++number;
    } while (number <= order->natts && !is_named(order, number, business_columns[i]));
    if (number > order->natts) {
      raise(ERRCODE_UNDEFINED_COLUMN,
            "work orders have no column \"" + std::string(business_columns[i]) + "\"");
    }
    numbers_[i] = number;
  }
}

Datum names_of(const BusinessColumnSet& columns) {
  return pg_call([&] {
    std::array<Datum, business_columns.size()> names;
    int count = 0;
    for (std::size_t i = 0; i < business_columns.size(); ++i) {
      if (columns[i]) names[static_cast<std::size_t>(count++)] = CStringGetTextDatum(business_columns[i]);
    }
    ArrayType* list = count == 0 ? construct_empty_array(TEXTOID)
                                 : construct_array(names.data(), count, TEXTOID, -1, false, TYPALIGN_INT);
    return PointerGetDatum(list);
  });
}

}  // namespace cmms::pg::store
