#include "pg/prelude.hpp"

#include "pg/store/vocabulary_check.hpp"

#include <optional>

#include "pg/boundary/guard.hpp"

namespace cmms::pg::store {
namespace {

[[noreturn]] void refuse(Relation relation, const char* name, const std::string& value) {
  pg_call([&] {
    const char* table = RelationGetRelationName(relation);
    char* constraint = psprintf("%s_%s_fkey", table, name);
    ereport(ERROR, (errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
                    errmsg("insert or update on table \"%s\" violates foreign key constraint \"%s\"", table,
                           constraint),
                    errdetail("Key (%s)=(%s) is not present in table \"%s\".", name, value.c_str(), name),
                    errtableconstraint(relation, constraint)));
  });
  pg_unreachable();
}

}  // namespace

bool Vocabulary::has(const std::string& word) {
  return words_.get(word, [&] { return !look_up_.execute({word}).empty(); });
}

// Only an old snapshot needs the lock of the row, which tells whether it is still there.
Vocabulary& statuses() {
  static Vocabulary vocabulary("SELECT FROM cmms.common_status v WHERE v.name = $1 FOR KEY SHARE");
  return vocabulary;
}

Vocabulary& priorities() {
  static Vocabulary vocabulary("SELECT FROM cmms.priority v WHERE v.name = $1 FOR KEY SHARE");
  return vocabulary;
}

void VocabularyCheck::collect(const InsertedRows& rows) {
  const std::optional<std::string_view> value = rows.text(column_);
  if (!value || value == latest_) return;
  latest_ = *values_.emplace(*value).first;
}

void VocabularyCheck::check(Relation relation) const {
  for (const std::string& value : values_) {
    if (!vocabulary_.has(value)) refuse(relation, name_, value);
  }
}

}  // namespace cmms::pg::store
