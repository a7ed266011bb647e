// Rows that statements read by a name, as if they were a table: how many records reach one statement. An
// array for each column would be taken apart again, column by column.
#pragma once

#include "pg/prelude.hpp"

#include <cstdint>
#include <span>
#include <vector>

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

  // One row; the types are those of the columns. What it takes to make it stays in the current memory
  // context.
  void add(std::span<const Param> values);
  void clear();

 private:
  EphemeralNamedRelation relation_ = nullptr;
  TupleDesc descriptor_ = nullptr;
  Tuplestorestate* rows_ = nullptr;
  std::vector<Datum> datums_;  // of the row that is being added
  std::vector<std::uint8_t> nulls_;
  int pending_errors_;
};

}  // namespace cmms::pg
