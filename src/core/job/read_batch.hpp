// Read batch: several records read by their ids with one request of the list. Concludes complete once the
// page with what was found is recorded; ids that are not among its records are for the caller to read one by
// one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/job/job.hpp"
#include "core/provider/connection.hpp"
#include "core/result.hpp"

namespace cmms::job {

// How many ids one request may name; 0: the provider reads no batches.
int read_batch_size(const provider::Connection& connection, std::string_view resource);

Result<std::unique_ptr<Job>> make_read_batch(std::shared_ptr<const provider::Connection> connection,
                                             std::string_view resource,
                                             const std::vector<std::string>& source_record_ids);

}  // namespace cmms::job
