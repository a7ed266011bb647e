// cmms.import_records: documents of a provider that came another way than by poll or webhook (a file, an
// export), through the same maps and the same place of application.
#include "pg/prelude.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/provider/inbound.hpp"
#include "core/sqlstate.hpp"
#include "pg/apply/apply.hpp"
#include "pg/apply/tally.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/memory.hpp"
#include "pg/boundary/result_set.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/connection_cache.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/functions/arguments.hpp"
#include "pg/json/jsonb_reader.hpp"
#include "pg/store/held_record.hpp"

namespace cmms::pg {
namespace {

constexpr std::size_t batch_size = 1000;

// Whether an error is about what is in the record: the same record would be refused again.
bool is_about_the_record(const CapturedError& error) {
  const std::string sqlstate = error.sqlstate();
  return sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("P0") ||
         sqlstate.starts_with("WO1");
}

class Import {
 public:
  Import(const provider::Connection& connection, std::string_view resource, ResultSet& result)
      : connection_(connection), resource_(resource), maps_(*connection.maps(resource)), result_(result) {}

  // In batches, so that the memory of one call does not grow with the number of records.
  void run(const json::Value& records) {
    for (std::size_t first = 0; first < records.size(); first += batch_size) {
      check_for_interrupts();
      const ScratchContext scratch;
      std::vector<json::Value> batch;
      const std::size_t end = std::min(first + batch_size, records.size());
      for (std::size_t i = first; i < end; ++i) batch.push_back(*records.element(i));
      report(batch, apply(batch));
    }
  }

  const Tally& tally() const { return tally_; }

 private:
  std::vector<Applied> apply(const std::vector<json::Value>& batch) const {
    std::vector<Applied> applied;
    const auto error =
        in_subtransaction([&] { applied = apply_records(connection_, resource_, batch, "import"); });
    if (!error) return applied;
    if (!is_about_the_record(*error)) raise(*error);
    return apply_one_by_one(batch);
  }

  // A record that the database refuses is kept with its reason; the others go on.
  std::vector<Applied> apply_one_by_one(const std::vector<json::Value>& batch) const {
    std::vector<Applied> applied;
    for (const json::Value& record : batch) {
      check_for_interrupts();
      Applied one;
      const auto error = in_subtransaction([&] {
        one = apply_records(connection_, resource_, {&record, 1}, "import").front();
      });
      if (error && !is_about_the_record(*error)) raise(*error);
      applied.push_back(error ? hold(record, error_text(*error)) : std::move(one));
    }
    return applied;
  }

  Applied hold(const json::Value& record, std::string reason) const {
    const Spi spi;
    store::hold_document({.tenant_id = connection_.tenant_id,
                          .provider_id = connection_.provider_id,
                          .resource = resource_,
                          .source_record_id = provider::record_id(maps_, record),
                          .reason = reason,
                          .document = record.text()});
    return {.outcome = "held", .common_work_order_id = std::nullopt, .detail = std::move(reason)};
  }

  void report(const std::vector<json::Value>& batch, const std::vector<Applied>& applied) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Applied& each = applied[i];
      tally_.add(each.outcome);
      const std::string id = provider::record_id(maps_, batch[i]);
      result_.add({++ordinal_, id.empty() ? Param::null(TEXTOID) : Param(id), each.outcome,
                   Param::uuid(each.common_work_order_id),
                   each.detail.empty() ? Param::null(TEXTOID) : Param::lossy_text(each.detail)});
    }
  }

  const provider::Connection& connection_;
  std::string resource_;
  const provider::ResourceMaps& maps_;
  ResultSet& result_;
  Tally tally_;
  std::int64_t ordinal_ = 0;
};

void audit(const provider::Connection& connection, const std::string& counts) {
  static Statement statement(
      "INSERT INTO cmms.audit_log (tenant_id, action, provider_id, detail, actor)"
      " VALUES ($1, 'import', $2, $3, cmms.calling_role())",
      {TEXTOID, TEXTOID, JSONBOID});
  const Spi spi;
  statement.execute({connection.tenant_id, connection.provider_id, Param::json(counts)});
}

Datum import_records(FunctionCallInfo fcinfo) {
  const std::string provider_id(text_argument(fcinfo, 0));
  const std::string resource(text_argument(fcinfo, 2));
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  scope.require_server_owner(require_server(provider_id), provider_id);
  const auto provider = connection(provider_id, Secrets::optional);
  scope.require_access(provider->tenant_id);
  if (provider->maps(resource) == nullptr) {
    raise(sqlstate::invalid_configuration,
          "provider \"" + provider_id + "\" has no resource \"" + resource + "\"");
  }
  const json::Value records = jsonb_value(jsonb_argument(fcinfo, 1));
  if (!records.is_array()) {
    raise(ERRCODE_INVALID_PARAMETER_VALUE, "records is not a JSON array", {},
          "Give an array of the provider's documents, as jsonb_agg makes it.");
  }
  ResultSet result(fcinfo);
  Import import(*provider, resource, result);
  import.run(records);
  audit(*provider, import.tally().json());
  return result.done();
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_import_records) { return cmms::pg::import_records(fcinfo); }
