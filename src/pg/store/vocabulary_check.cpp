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

void VocabularyCheck::collect(const InsertedRows& rows) {
  const std::optional<std::string_view> value = rows.text(column_);
  if (!value || *value == latest_) return;
  latest_ = *values_.emplace(*value).first;
}

// Each value's row in the vocabulary is locked as the foreign key would lock it: it stays until the commit.
void VocabularyCheck::check(Relation relation) const {
  for (const std::string& value : values_) {
    if (look_up_.execute({value}).empty()) refuse(relation, name_, value);
  }
}

VocabularyCheck check_of_statuses(const InsertedRows& rows) {
  static Statement look_up(
      "SELECT FROM cmms.common_status v WHERE v.name OPERATOR(pg_catalog.=) $1 FOR KEY SHARE", {TEXTOID});
  return {"common_status", look_up, rows};
}

VocabularyCheck check_of_priorities(const InsertedRows& rows) {
  static Statement look_up("SELECT FROM cmms.priority v WHERE v.name OPERATOR(pg_catalog.=) $1 FOR KEY SHARE",
                           {TEXTOID});
  return {"priority", look_up, rows};
}

}  // namespace cmms::pg::store
