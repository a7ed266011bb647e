#include "pg/prelude.hpp"

#include "pg/apply/apply.hpp"

#include "pg/apply/learnt_values.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/json/jsonb_reader.hpp"
#include "pg/origin.hpp"

namespace cmms::pg {
namespace {

// Elements of a jsonb[] that need no text form.
class DatumList {
 public:
  void add(std::optional<Datum> value) {
    values_.push_back(value.value_or(Datum{0}));
    nulls_.push_back(value ? 0 : 1);
  }

  Param as_jsonb_array() {
    static_assert(sizeof(bool) == sizeof(char));
    int dimension = static_cast<int>(values_.size());
    int lower_bound = 1;
    return Param::datum(JSONBARRAYOID, pg_call([&] {
                          return PointerGetDatum(construct_md_array(
                              values_.data(), reinterpret_cast<bool*>(nulls_.data()), 1, &dimension,
                              &lower_bound, JSONBOID, -1, false, TYPALIGN_INT));
                        }));
  }

 private:
  std::vector<Datum> values_;
  std::vector<char> nulls_;  // not std::vector<bool>, which has no array inside
};

void learn(const provider::Connection& connection, std::string_view resource,
           std::span<const InboundItem> items) {
  const provider::ResourceMaps* maps = connection.maps(resource);
  if (maps == nullptr || maps->learn.empty()) return;
  std::vector<provider::LearntValue> values;
  for (const InboundItem& item : items) {
    for (provider::LearntValue& value : provider::learn_values(*maps, item.document)) {
      values.push_back(std::move(value));
    }
  }
  remember_values(connection.tenant_id, connection.provider_id, values);
}

}  // namespace

std::string error_text(const CapturedError& error) {
  if (error.detail.empty() || error.detail.starts_with("Failing row contains")) return error.message;
  return error.message + ": " + error.detail;
}

std::string problems_text(std::span<const mapping::Problem> problems) {
  std::string text;
  for (const mapping::Problem& problem : problems) {
    if (!text.empty()) text += "; ";
    text += problem.message;
  }
  return text;
}

std::vector<Applied> apply_inbound(const provider::Connection& connection, std::string_view resource,
                                   std::span<const InboundItem> items, std::string_view cause,
                                   std::int64_t webhook_event_id) {
  if (items.empty()) return {};
  DatumList fields;
  DatumList documents;
  DatumList problems;
  // Its rows come in the order of the records.
  static Statement statement(
      "SELECT outcome, common_work_order_id, detail FROM cmms.apply_records($1, $2, $3, $4, $5, $6, $7)",
      {TEXTOID, TEXTOID, JSONBARRAYOID, JSONBARRAYOID, JSONBARRAYOID, TEXTOID, INT8OID});
  const OriginScope origin(Origin::provider);
  const Spi spi;
  for (const InboundItem& item : items) {
    fields.add(jsonb_from_fields(item.inbound.mapped.fields));
    documents.add(jsonb_from_value(item.document));
    const auto& found = item.inbound.mapped.problems;
    problems.add(found.empty() ? std::nullopt
                               : std::optional(jsonb_from_text(provider::problems_json(found))));
  }
  const Rows rows =
      statement.execute({connection.provider_id, resource, fields.as_jsonb_array(),
                         documents.as_jsonb_array(), problems.as_jsonb_array(), cause,
                         webhook_event_id == 0 ? Param::null(INT8OID) : Param(webhook_event_id)});
  if (rows.size() != items.size()) {
    raise(ERRCODE_INTERNAL_ERROR, "cmms.apply_records returned " + std::to_string(rows.size()) +
                                      " rows for " + std::to_string(items.size()) + " records");
  }
  std::vector<Applied> applied;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    applied.push_back({.outcome = rows.text_or(i, 0, ""),
                       .common_work_order_id = rows.text(i, 1),
                       .detail = rows.text_or(i, 2, "")});
  }
  learn(connection, resource, items);
  return applied;
}

std::vector<Applied> apply_records(const provider::Connection& connection, std::string_view resource,
                                   std::span<const json::Value> records, std::string_view cause) {
  std::vector<InboundItem> items;
  items.reserve(records.size());
  for (const json::Value& record : records) {
    items.push_back({record, provider::to_inbound(connection, resource, record)});
  }
  return apply_inbound(connection, resource, items, cause);
}

}  // namespace cmms::pg
