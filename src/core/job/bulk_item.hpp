// One record's part in bulk requests: the items that tell the provider of it, finished as JSON text, so that
// the record itself need not be kept.
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "core/job/job.hpp"
#include "core/job/push.hpp"
#include "core/provider/connection.hpp"
#include "core/result.hpp"

namespace cmms::job {

struct BulkItem {
  std::size_t write = 0;  // of the resource's writes for this operation, in their order
  std::string json;
  std::string id;  // what the record is called at the provider from then on; empty: as before
};

struct BulkMember {
  std::size_t position = 0;      // the caller's number of the record
  std::string source_record_id;  // empty: the provider has not got it yet
  std::vector<BulkItem> items;   // still to be sent, in the order of their writes; never empty
};

// The writes that an operation may take.
std::vector<const provider::BulkWrite*> bulk_writes(const provider::ResourceMaps& maps,
                                                    PushOperation operation);

// What is to be sent, or the conclusion when nothing is. A wrong configuration is the Result's error.
using BulkPreparation = std::variant<BulkMember, Conclusion>;
Result<BulkPreparation> prepare_bulk(const provider::Connection& connection, const PushInput& input);

}  // namespace cmms::job
