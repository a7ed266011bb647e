// Poll: the records that changed since a cursor, page by page. The cursor moves only over what was read in
// full and recorded; a failed page is never "no rows".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/job/job.hpp"
#include "core/provider/connection.hpp"
#include "core/result.hpp"

namespace cmms::job {

// `cursor`: as a Page carried it, or empty at first. `import_since`: a time stamp; older records are skipped.
// An error when the resource cannot be polled (Connection::can_poll tells beforehand).
Result<std::unique_ptr<Job>> make_poll(std::shared_ptr<const provider::Connection> connection,
                                       std::string_view resource, std::string_view cursor,
                                       const std::optional<std::string>& import_since);

}  // namespace cmms::job
