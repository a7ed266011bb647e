#include "pg/prelude.hpp"

#include "pg/boundary/given_rows.hpp"

#include "pg/boundary/guard.hpp"

namespace cmms::pg {
namespace {

constexpr int kilobytes_in_memory = 16 * 1024;  // more goes to a temporary file
// What the planner expects: a plan is kept, and must suit a full page whatever the first one's size was.
constexpr double expected_rows = 1000;

TupleDesc descriptor_of(const GivenColumn* columns, int count) {
  TupleDesc descriptor = CreateTemplateTupleDesc(count);
  for (int i = 0; i < count; ++i) {
    TupleDescInitEntry(descriptor, static_cast<AttrNumber>(i + 1), columns[i].name, columns[i].type, -1, 0);
  }
  return descriptor;
}

}  // namespace

GivenRows::GivenRows(const char* name, std::span<const GivenColumn> columns)
    : datums_(columns.size()), nulls_(columns.size()), pending_errors_(detail::pending_error_count()) {
  const int code = pg_call([&] {
    descriptor_ = descriptor_of(columns.data(), static_cast<int>(columns.size()));
    rows_ = tuplestore_begin_heap(true, false, kilobytes_in_memory);
    relation_ = static_cast<EphemeralNamedRelation>(palloc0(sizeof(EphemeralNamedRelationData)));
    relation_->md.name = pstrdup(name);
    relation_->md.reliddesc = InvalidOid;
    relation_->md.tupdesc = descriptor_;
    relation_->md.enrtype = ENR_NAMED_TUPLESTORE;
    relation_->md.enrtuples = expected_rows;
    relation_->reldata = rows_;
    return SPI_register_relation(relation_);
  });
  if (code != SPI_OK_REL_REGISTER) {
    raise(ERRCODE_INTERNAL_ERROR,
          std::string("SPI_register_relation failed: ") + SPI_result_code_string(code));
  }
}

GivenRows::~GivenRows() {
  if (detail::pending_error_count() != pending_errors_) return;  // all of it goes with the transaction
  try {
    pg_call([&] {
      SPI_unregister_relation(relation_->md.name);
      tuplestore_end(rows_);
    });
  } catch (...) {
    // Counted as pending by the guard, so the entry that this scope is in will not report success.
  }
}

void GivenRows::add(std::span<const Param> values) {
  if (values.size() != static_cast<std::size_t>(descriptor_->natts)) {
    raise(ERRCODE_INTERNAL_ERROR, "wrong number of values for " + std::string(relation_->md.name));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].type() != TupleDescAttr(descriptor_, static_cast<int>(i))->atttypid) {
      raise(ERRCODE_INTERNAL_ERROR,
            "a value is of another type than its column of " + std::string(relation_->md.name));
    }
  }
  static_assert(sizeof(bool) == sizeof(std::uint8_t));
  auto* nulls = reinterpret_cast<bool*>(nulls_.data());
  pg_call([&] {
    Param::make_row(values, datums_.data(), nulls);
    tuplestore_putvalues(rows_, descriptor_, datums_.data(), nulls);
  });
}

void GivenRows::clear() {
  pg_call([&] { tuplestore_clear(rows_); });
}

}  // namespace cmms::pg
