// Look-up: whether a create whose outcome is unknown has reached the provider, found by our own reference.
// Concludes synchronized (adopt source_record_id), not_found (everything was read), in_doubt (cannot be
// known) or retry.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/job/job.hpp"
#include "core/job/stamp.hpp"
#include "core/provider/connection.hpp"
#include "core/result.hpp"

namespace cmms::job {

inline constexpr int max_lookup_pages = 200;

// Where the provider has nothing to look up by, the job concludes in_doubt without a request;
// Connection::can_look_up tells beforehand.
// `attempted_at`: when the create was sent; a list that has the newest records first need not be read any
// further back.
Result<std::unique_ptr<Job>> make_lookup(std::shared_ptr<const provider::Connection> connection,
                                         std::string_view resource, std::string_view reference,
                                         std::optional<Micros> attempted_at = std::nullopt);

}  // namespace cmms::job
