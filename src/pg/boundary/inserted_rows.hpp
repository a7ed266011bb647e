// The rows that a statement inserted, as a statement trigger with a transition table sees them.
#pragma once

#include "pg/prelude.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

#include "pg/boundary/spi.hpp"

namespace cmms::pg {

// The number of a table's column, of the type or of a domain over it; raises 42703 when there is none.
int column_number(TupleDesc descriptor, const char* name, Oid type);

// Its memory is that of the context it is made in; a row's values are valid until the next row.
class InsertedRows {
 public:
  explicit InsertedRows(const TriggerData& data);

  std::int64_t count() const { return count_; }
  void next();  // to the first row, then to each other
  TupleDesc descriptor() const { return slot_->tts_tupleDescriptor; }
  int column(const char* name, Oid type) const { return column_number(descriptor(), name, type); }

  bool is_null(int column) const;
  Param value(int column, Oid type) const;  // the type, or the one that the column's domain is over
  std::optional<std::string_view> text(int column) const;

 private:
  Tuplestorestate* rows_;
  std::int64_t count_ = 0;
  TupleTableSlot* slot_ = nullptr;
};

}  // namespace cmms::pg
