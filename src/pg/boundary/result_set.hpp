// The rows that a set-returning function hands back, materialized.
#pragma once

#include "pg/prelude.hpp"

#include <initializer_list>

#include "pg/boundary/spi.hpp"

namespace cmms::pg {

// Usage in a CMMS_FUNCTION: ResultSet result(fcinfo); result.add({..}); return result.done();
class ResultSet {
 public:
  explicit ResultSet(FunctionCallInfo fcinfo);

  void add(
      std::initializer_list<Param> columns);  // as many and of the same types as the SQL declaration says
  Datum done() const;                         // the (null) result of the function itself

 private:
  FunctionCallInfo fcinfo_;
  Tuplestorestate* store_ = nullptr;
  TupleDesc descriptor_ = nullptr;
  MemoryContext row_context_ = nullptr;  // what it takes to make a row
};

}  // namespace cmms::pg
