#include "pg/prelude.hpp"

#include "pg/apply/hold_items.hpp"

#include <string>
#include <vector>

#include "pg/boundary/spi.hpp"
#include "pg/json/jsonb_reader.hpp"

namespace cmms::pg {

void hold_items(const provider::Connection& connection, std::string_view resource,
                std::span<const InboundItem* const> items, std::string_view cause,
                std::int64_t webhook_event_id) {
  if (items.empty()) return;
  static Statement statement(
      "SELECT cmms.hold_records($1, $2, $3, $4, $5, $6, $7)",
      {TEXTOID, TEXTOID, JSONBARRAYOID, JSONBARRAYOID, JSONBARRAYOID, TEXTOID, INT8OID});
  std::vector<std::string> fields;
  std::vector<std::string> documents;
  std::vector<std::string> problems;
  for (const InboundItem* item : items) {
    fields.push_back(json_from_fields(item->inbound.mapped.fields));
    documents.push_back(item->document.text());
    problems.push_back(provider::problems_json(item->inbound.mapped.problems));
  }
  statement.execute({connection.provider_id, resource, Param::array(JSONBARRAYOID, fields),
                     Param::array(JSONBARRAYOID, documents), Param::array(JSONBARRAYOID, problems), cause,
                     webhook_event_id == 0 ? Param::null(INT8OID) : Param(webhook_event_id)});
}

}  // namespace cmms::pg
