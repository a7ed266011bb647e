// Rows of a table as JSON text, as row_to_json() makes them, for many rows of one shape: how each column is
// written is found out once.
#pragma once

#include "pg/prelude.hpp"

#include <cstdint>
#include <string>

namespace cmms::pg {

enum class Nulls : std::uint8_t { kept, left_out };

// Lives and allocates in the memory context it was made in: for one statement's result.
class RowJson {
 public:
  // Of the columns from `first` on, counted from 0.
  RowJson(TupleDesc descriptor, int first);

  std::string text(HeapTuple row, Nulls nulls) const;

 private:
  struct Column;

  TupleDesc descriptor_;
  int first_;
  Column* columns_;
  Datum* values_;
  bool* nulls_;
};

}  // namespace cmms::pg
