#include "pg/prelude.hpp"

#include "pg/apply/learnt_values.hpp"

#include <string>
#include <unordered_set>
#include <vector>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/connection_cache.hpp"

namespace cmms::pg {
namespace {

// What this backend knows to be in the table. Forgotten with any change of configuration, which includes a
// change of the table itself, and with any rollback, which may have taken rows back.
class KnownValues {
 public:
  // True when the value was not known yet.
  bool add(std::string_view tenant_id, std::string_view provider_id, const provider::LearntValue& value) {
    if (generation_ != configuration_generation() || rolled_back_) values_.clear();
    generation_ = configuration_generation();
    rolled_back_ = false;
    std::string key;
    for (const std::string_view part :
         {tenant_id, provider_id, std::string_view(value.vocabulary), std::string_view(value.value_id),
          std::string_view(value.value_name)}) {
      key.append(part).push_back('\x1f');
    }
    return values_.insert(std::move(key)).second;
  }

  static void watch_rollbacks() {
    static bool registered = false;
    if (registered) return;
    pg_call([] {
      RegisterXactCallback(
          [](XactEvent event, void*) {
            if (event == XACT_EVENT_ABORT) rolled_back_ = true;
          },
          nullptr);
      RegisterSubXactCallback(
          [](SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
            if (event == SUBXACT_EVENT_ABORT_SUB) rolled_back_ = true;
          },
          nullptr);
    });
    registered = true;
  }

 private:
  static bool rolled_back_;

  std::unordered_set<std::string> values_;
  std::uint64_t generation_ = 0;
};

bool KnownValues::rolled_back_ = false;

struct Columns {
  std::vector<std::string> vocabularies;
  std::vector<std::string> ids;
  std::vector<std::string> names;

  void add(std::string vocabulary, std::string id, std::string name) {
    vocabularies.push_back(std::move(vocabulary));
    ids.push_back(std::move(id));
    names.push_back(std::move(name));
  }
};

// An INSERT of nothing would already fire the table's trigger and make every backend build its connections
// anew.
Columns not_stored(std::string_view tenant_id, std::string_view provider_id, const Columns& columns) {
  static Statement statement(
      "SELECT DISTINCT ON (v.vocabulary, v.value_id) v.vocabulary, v.value_id, v.value_name"
      " FROM unnest($3, $4, $5) WITH ORDINALITY AS v (vocabulary, value_id, value_name, position)"
      " WHERE NOT EXISTS (SELECT FROM cmms.provider_value p WHERE p.tenant_id = $1 AND p.provider_id = $2"
      " AND p.vocabulary = v.vocabulary AND p.value_id = v.value_id AND p.value_name IS NOT DISTINCT FROM "
      "v.value_name)"
      " ORDER BY v.vocabulary, v.value_id, v.position DESC",
      {TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID});
  const Rows rows =
      statement.execute({tenant_id, provider_id, Param::array(TEXTARRAYOID, columns.vocabularies),
                         Param::array(TEXTARRAYOID, columns.ids), Param::array(TEXTARRAYOID, columns.names)});
  Columns missing;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    missing.add(rows.text_or(i, 0, ""), rows.text_or(i, 1, ""), rows.text_or(i, 2, ""));
  }
  return missing;
}

void store(std::string_view tenant_id, std::string_view provider_id, const Columns& columns) {
  static Statement statement(
      "INSERT INTO cmms.provider_value (tenant_id, provider_id, vocabulary, value_id, value_name, "
      "last_seen_at)"
      " SELECT $1, $2, v.vocabulary, v.value_id, v.value_name, now()"
      " FROM unnest($3, $4, $5) AS v (vocabulary, value_id, value_name)"
      " ON CONFLICT (tenant_id, provider_id, vocabulary, value_id)"
      " DO UPDATE SET value_name = excluded.value_name, last_seen_at = excluded.last_seen_at",
      {TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID});
  statement.execute({tenant_id, provider_id, Param::array(TEXTARRAYOID, columns.vocabularies),
                     Param::array(TEXTARRAYOID, columns.ids), Param::array(TEXTARRAYOID, columns.names)});
}

}  // namespace

void remember_values(std::string_view tenant_id, std::string_view provider_id,
                     std::span<const provider::LearntValue> values) {
  static KnownValues known;
  KnownValues::watch_rollbacks();
  Columns unknown;
  for (const provider::LearntValue& value : values) {
    if (known.add(tenant_id, provider_id, value))
      unknown.add(value.vocabulary, value.value_id, value.value_name);
  }
  if (unknown.ids.empty()) return;
  const Spi spi;
  const Columns missing = not_stored(tenant_id, provider_id, unknown);
  if (!missing.ids.empty()) store(tenant_id, provider_id, missing);
}

}  // namespace cmms::pg
