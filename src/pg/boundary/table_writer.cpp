#include "pg/prelude.hpp"

#include "pg/boundary/table_writer.hpp"

#include <string>
#include <utility>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/memory.hpp"
#include "pg/boundary/versions.hpp"

extern "C" {
#include "catalog/pg_trigger.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "rewrite/rewriteHandler.h"
#include "utils/rls.h"
}

namespace cmms::pg {
namespace {

constexpr int rows_at_once = 100;

// All of this runs inside pg_call(): plain data only.

bool has_foreign_trigger(Relation relation, bool (*matters)(const Trigger&)) {
  const TriggerDesc* triggers = relation->trigdesc;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; ++i) {
    const Trigger& trigger = triggers->triggers[i];
    if (trigger.tgenabled != TRIGGER_DISABLED && matters(trigger) &&
        get_func_namespace(trigger.tgfoid) != RelationGetNamespace(relation)) {
      return true;
    }
  }
  return false;
}

bool is_on_insert(const Trigger& trigger) { return TRIGGER_FOR_INSERT(trigger.tgtype); }

bool is_before_inserted_row(const Trigger& trigger) {
  return TRIGGER_TYPE_MATCHES(trigger.tgtype, TRIGGER_TYPE_ROW, TRIGGER_TYPE_BEFORE, TRIGGER_TYPE_INSERT);
}

Oid own_table(const char* name) { return get_relname_relid(name, get_namespace_oid("cmms", false)); }

// Nothing that belongs to the table stands between an INSERT and its rows.
bool takes_rows_as_they_are(Oid table) {
  Relation relation = table_open(table, RowExclusiveLock);
  const bool answer = relation->rd_rules == nullptr && !has_foreign_trigger(relation, is_on_insert) &&
                      check_enable_rls(table, InvalidOid, true) != RLS_ENABLED;
  table_close(relation, NoLock);
  return answer;
}

bool is_plain_heap(Oid table) {
  Relation relation = table_open(table, RowExclusiveLock);
  const bool answer = relation->rd_rel->relkind == RELKIND_RELATION &&
                      relation->rd_tableam == GetHeapamTableAmRoutine() && !has_generated_columns(relation);
  table_close(relation, NoLock);
  return answer;
}

// A column's value as the planner would make it for INSERT, but for the constraints of its domain.
Expr* column_expression(Relation relation, int number, TupleDesc given) {
  const auto* column = TupleDescAttr(RelationGetDescr(relation), number - 1);
  if (column->attisdropped) return reinterpret_cast<Expr*>(makeNullConst(INT4OID, -1, InvalidOid));
  Node* value = nullptr;
  for (int i = 0; i < given->natts && value == nullptr; ++i) {
    const auto* source = TupleDescAttr(given, i);
    if (namestrcmp(const_cast<Name>(&column->attname), NameStr(source->attname)) != 0) continue;
    value = reinterpret_cast<Node*>(makeVar(1, static_cast<AttrNumber>(i + 1), source->atttypid,
                                            source->atttypmod, source->attcollation, 0));
  }
  if (value == nullptr) value = build_column_default(relation, number);
  if (value == nullptr) {
    value = reinterpret_cast<Node*>(makeNullConst(getBaseType(column->atttypid), -1, column->attcollation));
  }
  std::int32_t modifier = column->atttypmod;
  const Oid base = getBaseTypeAndTypmod(column->atttypid, &modifier);
  const Oid type = getBaseType(exprType(value));
  value = coerce_to_target_type(nullptr, value, type, base, modifier, COERCION_ASSIGNMENT,
                                COERCE_IMPLICIT_CAST, -1);
  if (value == nullptr)
    elog(ERROR, "column \"%s\" cannot be made of type %u", NameStr(column->attname), type);
  return expression_planner(reinterpret_cast<Expr*>(value));
}

}  // namespace

bool DirectWriter::is_possible(Oid table, Oid target) {
  return pg_call([&] {
    return takes_rows_as_they_are(table) && (target == table || takes_rows_as_they_are(target)) &&
           is_plain_heap(target);
  });
}

DirectWriter::DirectWriter(Oid target, std::span<const GivenColumn> columns)
    : pending_errors_(detail::pending_error_count()), columns_(columns.begin(), columns.end()) {
  pg_call([&] { open(target, columns_); });
}

void DirectWriter::open(Oid target, std::span<const GivenColumn> columns) {
  PreventCommandIfReadOnly("INSERT");
  relation_ = table_open(target, RowExclusiveLock);
  state_ = CreateExecutorState();
  MemoryContext caller = MemoryContextSwitchTo(state_->es_query_cxt);
  target_ = makeNode(ResultRelInfo);
  InitResultRelInfo(target_, relation_, 0, nullptr, 0);
  ExecOpenIndices(target_, false);

  TupleDesc given = CreateTemplateTupleDesc(static_cast<int>(columns.size()));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    TupleDescInitEntry(given, static_cast<AttrNumber>(i + 1), columns[i].name, columns[i].type, -1, 0);
  }
  given_ = MakeSingleTupleTableSlot(given, &TTSOpsVirtual);
  List* targets = NIL;
  for (int number = 1; number <= RelationGetNumberOfAttributes(relation_); ++number) {
    targets = lappend(targets, makeTargetEntry(column_expression(relation_, number, given),
                                               static_cast<AttrNumber>(number), nullptr, false));
  }
  TupleTableSlot* row = MakeSingleTupleTableSlot(RelationGetDescr(relation_), &TTSOpsVirtual);
  row->tts_tableOid = target;
  row_ = ExecBuildProjectionInfo(targets, GetPerTupleExprContext(state_), row, nullptr, given);
  const int width = RelationGetNumberOfAttributes(relation_);
  domains_ = static_cast<DomainColumn*>(palloc0(static_cast<std::size_t>(width) * sizeof(DomainColumn)));
  for (int i = 0; i < width; ++i) {
    const Oid type = TupleDescAttr(RelationGetDescr(relation_), i)->atttypid;
    if (get_typtype(type) == TYPTYPE_DOMAIN) domains_[domain_count_++] = {i, type, false, nullptr};
  }
  slots_ = static_cast<TupleTableSlot**>(palloc0(rows_at_once * sizeof(TupleTableSlot*)));
  MemoryContextSwitchTo(caller);
}

DirectWriter::~DirectWriter() {
  if (detail::pending_error_count() != pending_errors_) return;  // all of it goes with the transaction
  try {
    pg_call([&] {
      for (int i = 0; i < rows_at_once && slots_[i] != nullptr; ++i) ExecDropSingleTupleTableSlot(slots_[i]);
      ExecDropSingleTupleTableSlot(row_->pi_state.resultslot);
      ExecDropSingleTupleTableSlot(given_);
      ExecCloseIndices(target_);
      FreeExecutorState(state_);
      table_close(relation_, NoLock);
    });
  } catch (...) {
    // Counted as pending by the guard, so the entry that this scope is in will not report success.
  }
}

void DirectWriter::add(std::span<const Param> values) {
  if (values.size() != columns_.size()) raise(ERRCODE_INTERNAL_ERROR, "wrong number of values for a row");
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].type() != columns_[i].type) {
      raise(ERRCODE_INTERNAL_ERROR,
            "a value is of another type than its column " + std::string(columns_[i].name));
    }
  }
  pg_call([&] {
    Param::make_row(values, given_->tts_values, given_->tts_isnull);
    ExprContext* context = GetPerTupleExprContext(state_);
    ExecStoreVirtualTuple(given_);
    context->ecxt_scantuple = given_;
    TupleTableSlot* row = ExecProject(row_);
    check_domains(row);
    if (RelationGetDescr(relation_)->constr != nullptr) ExecConstraints(target_, row, state_);
    if (relation_->rd_rel->relispartition) ExecPartitionCheck(target_, row, state_, true);
    ExecCopySlot(next_slot(), row);
    ExecClearTuple(given_);
    ResetPerTupleExprContext(state_);
    if (filled_ == rows_at_once) write();
  });
}

void DirectWriter::check_domains(TupleTableSlot* row) {
  for (DomainColumn& domain : std::span(domains_, static_cast<std::size_t>(domain_count_))) {
    const bool is_null = row->tts_isnull[domain.column];
    if (is_null && domain.accepts_null) continue;
    domain_check(row->tts_values[domain.column], is_null, domain.type, &domain.state, state_->es_query_cxt);
    domain.accepts_null = domain.accepts_null || is_null;
  }
}

TupleTableSlot* DirectWriter::next_slot() {
  TupleTableSlot*& slot = slots_[filled_++];
  if (slot == nullptr) {
    MemoryContext caller = MemoryContextSwitchTo(state_->es_query_cxt);
    slot = table_slot_create(relation_, nullptr);
    MemoryContextSwitchTo(caller);
  }
  return slot;
}

void DirectWriter::flush() {
  pg_call([&] { write(); });
}

void DirectWriter::write() {
  MemoryContext caller = MemoryContextSwitchTo(GetPerTupleMemoryContext(state_));
  const int count = std::exchange(filled_, 0);
  if (count > 0) table_multi_insert(relation_, slots_, count, GetCurrentCommandId(true), 0, nullptr);
  for (int i = 0; i < count; ++i) {
    if (target_->ri_NumIndices > 0) insert_index_tuples(target_, slots_[i], state_);
    ExecClearTuple(slots_[i]);
  }
  // The WAL writer takes this to disk while the next rows are made; the commit waits for the rest only.
  if (count > 0) XLogSetAsyncXactLSN(XactLastRecEnd);
  MemoryContextSwitchTo(caller);
  ResetPerTupleExprContext(state_);
}

bool may_change_rows(const char* table) {
  return pg_call([&] {
    Relation relation = table_open(own_table(table), RowExclusiveLock);
    const bool answer =
        relation->rd_rules != nullptr || has_foreign_trigger(relation, is_before_inserted_row);
    table_close(relation, NoLock);
    return answer;
  });
}

TableWriter::TableWriter(const char* table, std::span<const GivenColumn> columns, Oid partition) {
  const Oid oid = pg_call([&] { return own_table(table); });
  const Oid target = OidIsValid(partition) ? partition : oid;
  if (DirectWriter::is_possible(oid, target)) {
    direct_.emplace(target, columns);
    return;
  }
  const std::string source = std::string("rows_of_") + table;
  std::string names;
  for (const GivenColumn& column : columns) names += std::string(names.empty() ? "" : ", ") + column.name;
  insert_ = "INSERT INTO cmms." + std::string(table) + " (" + names + ") SELECT " + names + " FROM " + source;
  rows_.emplace(source.c_str(), columns);
}

void TableWriter::add(std::span<const Param> values) { direct_ ? direct_->add(values) : rows_->add(values); }

void TableWriter::flush() {
  if (direct_) return direct_->flush();
  execute_once(insert_.c_str());
  rows_->clear();
}

}  // namespace cmms::pg
