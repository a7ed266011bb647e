// cmms.held_record: documents that came in and that the database refused. What cannot be mapped is held by
// src/pg/apply itself.
#pragma once

#include <string>

namespace cmms::pg::store {

struct HeldDocument {
  std::string tenant_id;
  std::string provider_id;
  std::string resource;
  std::string source_record_id;  // empty: it has none
  std::string reason;
  std::string document;  // JSON
};

void hold_document(const HeldDocument& held);

}  // namespace cmms::pg::store
