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

// A table of words, of which each backend remembers those that it has asked for. For who holds a writer's
// lock of work_order: a word that was found then stays until the transaction ends, since to take one away
// locks work_order against writers (cmms.vocabulary_shrinks).
class Vocabulary {
 public:
  explicit Vocabulary(const char* look_up) : look_up_(look_up, {TEXTOID}) {}
  bool has(const std::string& word);

 private:
  Statement look_up_;
  Remembered<bool> words_;
};

Vocabulary& statuses();
Vocabulary& priorities();

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

}  // namespace cmms::pg::store
