// cmms.quota_count: what was used of a provider's monthly quotas.
#pragma once

#include <string>
#include <vector>

namespace cmms::pg::store {

// One write that the provider took.
struct QuotaUse {
  std::string tenant_id;
  std::string provider_id;
  std::string resource;
  std::string operation;
};

void count_quotas(const std::vector<QuotaUse>& uses);

}  // namespace cmms::pg::store
