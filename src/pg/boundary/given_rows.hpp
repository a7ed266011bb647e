// Rows that statements read by a name, as if they were a table: how many records reach one statement. An
// array for each column would be taken apart again, column by column.
#pragma once

#include "pg/prelude.hpp"

#include <span>

#include "pg/boundary/spi.hpp"

extern "C" {
#include "utils/queryenvironment.h"
#include "utils/tuplestore.h"
}

namespace cmms::pg {

struct GivenColumn {
  const char* name;
  Oid type;
};

// Belongs to the Spi scope in whose own memory context it is constructed; its name is known to the statements
// of that scope, also to those that are prepared there for the first time.
class GivenRows {
 public:
  GivenRows(const char* name, std::span<const GivenColumn> columns);
  ~GivenRows();
  GivenRows(const GivenRows&) = delete;
  GivenRows& operator=(const GivenRows&) = delete;

  void add(std::span<const Param> values);  // one row; the types are those of the columns
  void clear();

 private:
  EphemeralNamedRelation relation_ = nullptr;
  TupleDesc descriptor_ = nullptr;
  Tuplestorestate* rows_ = nullptr;
  int pending_errors_;
};

}  // namespace cmms::pg
