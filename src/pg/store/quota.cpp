#include "pg/prelude.hpp"

#include "pg/store/quota.hpp"

#include "pg/boundary/spi.hpp"

namespace cmms::pg::store {

void count_quotas(const std::vector<QuotaUse>& uses) {
  if (uses.empty()) return;
  std::vector<std::string> tenant_ids;
  std::vector<std::string> provider_ids;
  std::vector<std::string> resources;
  std::vector<std::string> operations;
  for (const QuotaUse& use : uses) {
    tenant_ids.push_back(use.tenant_id);
    provider_ids.push_back(use.provider_id);
    resources.push_back(use.resource);
    operations.push_back(use.operation);
  }
  static Statement statement(
      R"sql(
      INSERT INTO cmms.quota_count AS q (tenant_id, provider_id, resource, operation, period_start, used)
      SELECT u.tenant_id, u.provider_id, u.resource, u.operation, date_trunc('month', now(), 'UTC'), count(*)
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS u(tenant_id, provider_id, resource, operation)
      GROUP BY u.tenant_id, u.provider_id, u.resource, u.operation
      ON CONFLICT (tenant_id, provider_id, resource, operation, period_start)
        DO UPDATE SET used = q.used + excluded.used)sql",
      {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID});
  statement.execute({Param::array(TEXTARRAYOID, tenant_ids), Param::array(TEXTARRAYOID, provider_ids),
                     Param::array(TEXTARRAYOID, resources), Param::array(TEXTARRAYOID, operations)});
}

}  // namespace cmms::pg::store
