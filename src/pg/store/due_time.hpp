// Times at which something is due, after the server's clock was set back or another server has taken over.
#pragma once

#include <cstddef>

namespace cmms::pg::store {

// What is due later than anything is ever planned for, or was due when it was queued, becomes due now; after
// the clock was set back by `setback` seconds all else becomes due that much earlier. Rows that somebody else
// has locked are left for the next call. Returns how many there were.
std::size_t pull_in_due_times(double setback, double longest_delay);

}  // namespace cmms::pg::store
