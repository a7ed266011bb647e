// cmms.sync_log: one row for each attempt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cmms::pg::store {

struct SyncLogRow {
  std::string tenant_id;
  std::string provider_id;
  std::string resource;
  std::optional<std::string> record_id;
  std::optional<std::string> source_record_id;
  std::string direction;  // 'push', 'lookup', 'poll'
  std::string operation;
  int attempt = 0;
  std::string outcome;
  int http_status = 0;  // 0: there was no answer
  std::optional<std::string> error_class;
  std::optional<std::string> error;
  std::optional<std::string> request;   // JSON, masked and clipped
  std::optional<std::string> response;  // JSON, masked and clipped
  std::int64_t duration_microseconds = 0;
  int map_version = 0;  // 0: the defaults of the provider's type
};

void add_sync_log(const std::vector<SyncLogRow>& rows);

}  // namespace cmms::pg::store
