// What follows the INSERT of local orders: outbox, status history and events, written by one statement for
// all of them.
#pragma once

#include "pg/prelude.hpp"

#include <optional>
#include <unordered_map>
#include <vector>

#include "pg/boundary/given_rows.hpp"
#include "pg/boundary/inserted_rows.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/store/business_columns.hpp"
#include "pg/worker/wake.hpp"

namespace cmms::pg {

// Inside an Spi scope. Of several orders the statements read a table; one alone, as most transactions have
// it, is handed over in parameters, which costs half as much.
class NewOrders {
 public:
  explicit NewOrders(const InsertedRows& rows);

  void add(const InsertedRows& rows);  // its current row
  void write() const;                  // before the rows' next one; wakes the worker and tells the listeners

 private:
  Datum names_of_set_columns(const InsertedRows& rows);

  store::BusinessColumns business_columns_;
  std::vector<int> columns_;   // where the rows have what the statements read; 0: the changed fields
  std::vector<Param> latest_;  // values of these of the last order
  WakeReasons queues_ = 0;     // that the orders are put into
  std::unordered_map<store::BusinessColumnSet, Datum> names_;  // most orders have the same columns set
  std::optional<GivenRows> many_;
};

}  // namespace cmms::pg
