// Many rows into a table at once, as COPY writes them: for what arrives in thousands.
#pragma once

#include "pg/prelude.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pg/boundary/given_rows.hpp"

extern "C" {
#include "access/tableam.h"
#include "executor/executor.h"
}

namespace cmms::pg {

// Straight into the table's pages and indexes. Values become the columns' types and pass their constraints as
// those of an INSERT do, and what is not given has its default. Triggers do not fire.
class DirectWriter {
 public:
  // Whether an INSERT into `table` by the current user would do nothing else to `target`, the table itself or
  // a partition of it. Triggers whose functions are in the table's own schema do not count: they are the
  // extension's, and the caller sees to what they would do.
  static bool is_possible(Oid table, Oid target);

  DirectWriter(Oid target, std::span<const GivenColumn> columns);
  ~DirectWriter();  // what was not flushed is not written
  DirectWriter(const DirectWriter&) = delete;
  DirectWriter& operator=(const DirectWriter&) = delete;

  void add(std::span<const Param> values);
  void flush();

 private:
  // Most columns of most rows are null: that a domain accepts it is asked once.
  struct DomainColumn {
    int column;
    Oid type;
    bool accepts_null;
    void* state;  // domain_check()'s own
  };

  // All of these run inside pg_call().
  void open(Oid target, std::span<const GivenColumn> columns);
  void check_domains(TupleTableSlot* row);
  TupleTableSlot* next_slot();
  void write();

  int pending_errors_;
  std::vector<GivenColumn> columns_;
  Relation relation_ = nullptr;
  EState* state_ = nullptr;  // owns all that follows
  ResultRelInfo* target_ = nullptr;
  TupleTableSlot* given_ = nullptr;
  ProjectionInfo* row_ = nullptr;  // of what is given
  DomainColumn* domains_ = nullptr;
  int domain_count_ = 0;
  TupleTableSlot** slots_ = nullptr;  // each made when it is first used
  int filled_ = 0;
};

// Whether rules and triggers that a DBA has added to a table of the schema cmms may make other rows of those
// that are inserted.
bool may_change_rows(const char* table);

// By a DirectWriter where that is possible; otherwise, where a DBA has added triggers, say, by one INSERT.
// Inside an Spi scope.
class TableWriter {
 public:
  // A table of the schema cmms. `partition`: of it, where it is known that all rows belong there.
  TableWriter(const char* table, std::span<const GivenColumn> columns, Oid partition = InvalidOid);

  // One row; the types are those of the columns. What it takes to make it stays in the current memory
  // context.
  void add(std::span<const Param> values);
  void flush();  // what was not flushed is not written

 private:
  std::string insert_;
  std::optional<DirectWriter> direct_;
  std::optional<GivenRows> rows_;
};

}  // namespace cmms::pg
