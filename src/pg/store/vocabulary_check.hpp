// Whether the words of inserted orders are in their vocabularies: what the foreign keys to common_status and
// priority would ask for each row, asked once for each word of a statement.
#pragma once

#include "pg/prelude.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "pg/boundary/inserted_rows.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/remembered.hpp"

namespace cmms::pg::store {

// A table of words, and those that this backend has seen in it.
struct Vocabulary {
  Statement look_up;
  Remembered<bool> words;
};

// A column whose values are the names in the table that is called as it is.
class VocabularyCheck {
 public:
  VocabularyCheck(const char* name, Vocabulary& vocabulary, const InsertedRows& rows)
      : name_(name), vocabulary_(vocabulary), column_(rows.column(name, TEXTOID)) {}

  void collect(const InsertedRows& rows);
  void check(Relation relation) const;  // raises 23503 as the foreign key of that table would

 private:
  const char* name_;
  Vocabulary& vocabulary_;
  int column_;
  std::unordered_set<std::string> values_;
  std::optional<std::string_view> latest_;  // rows that follow each other mostly have the same
};

VocabularyCheck check_of_statuses(const InsertedRows& rows);
VocabularyCheck check_of_priorities(const InsertedRows& rows);

}  // namespace cmms::pg::store
