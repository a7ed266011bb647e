// Rows on their way into a set-based statement: one array per column.
#pragma once

#include "pg/prelude.hpp"

#include <string>
#include <vector>

#include "pg/boundary/spi.hpp"
#include "pg/store/outbox.hpp"

namespace cmms::pg::store {

struct KeyColumns {
  std::vector<std::string> tenant_ids;
  std::vector<std::string> resources;
  std::vector<std::string> record_ids;

  void add(const RecordKey& key) {
    tenant_ids.push_back(key.tenant_id);
    resources.push_back(key.resource);
    record_ids.push_back(key.record_id);
  }
  std::size_t size() const { return tenant_ids.size(); }
  bool empty() const { return tenant_ids.empty(); }

  Param tenants() const { return Param::array(TEXTARRAYOID, tenant_ids); }
  Param resource_names() const { return Param::array(TEXTARRAYOID, resources); }
  Param records() const { return Param::array(UUIDARRAYOID, record_ids); }
};

}  // namespace cmms::pg::store
