// Read: one record by its id. Yields it as a page; concludes complete, not_found or retry.
#pragma once

#include <memory>
#include <string_view>

#include "core/job/job.hpp"
#include "core/provider/connection.hpp"
#include "core/result.hpp"

namespace cmms::job {

Result<std::unique_ptr<Job>> make_read(std::shared_ptr<const provider::Connection> connection,
                                       std::string_view resource, std::string_view source_record_id);

}  // namespace cmms::job
