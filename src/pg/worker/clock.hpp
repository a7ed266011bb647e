// The time by which the worker plans, and times as SQL wants them.
#pragma once

#include <chrono>
#include <string>

#include "core/exchange/http_date.hpp"

namespace cmms::pg {

// The system's time, but never going back: what is planned for "in ten seconds" happens then, also when
// somebody sets the clock meanwhile.
SystemTime planning_time();
// How far that is ahead of the system's clock by now.
SystemTime::duration planning_lead();

// By the system's clock, of a time that planning_time() gave. "2026-03-01T12:00:00.000000Z"
std::string timestamp_text(SystemTime planned);

inline double seconds_between(SystemTime from, SystemTime to) {
  return std::chrono::duration<double>(to - from).count();
}

inline SystemTime after_seconds(SystemTime now, double seconds) {
  return now + std::chrono::duration_cast<SystemTime::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace cmms::pg
