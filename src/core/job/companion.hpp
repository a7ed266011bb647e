// Companion: a record that is made before another one and carries our reference for it, where the other one
// has no field for that (SAP: the notification of an order). It is looked for by the reference first, so a
// create that is tried again makes no second one; and where it names its record already, that record is ours
// and nothing is made.
#pragma once

#include <memory>

#include "core/job/job.hpp"
#include "core/job/push.hpp"
#include "core/provider/connection.hpp"
#include "core/result.hpp"

namespace cmms::job {

// Whether the push is a create that has a companion, as the server's options say.
bool has_companion(const provider::Connection& connection, const PushInput& input);

Result<std::unique_ptr<Job>> make_companion_push(std::shared_ptr<const provider::Connection> connection,
                                                 PushInput input);

}  // namespace cmms::job
