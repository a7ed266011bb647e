#include "pg/worker/upkeep.hpp"

#include <algorithm>
#include <utility>

#include "pg/boundary/spi.hpp"
#include "pg/store/provider.hpp"

namespace cmms::pg {
namespace {

using namespace std::chrono_literals;

constexpr auto round_interval = 24h;
constexpr auto retry_interval = 10min;
constexpr auto quiet_pause = 20ms;  // between two steps
constexpr auto busy_pause = 1s;
constexpr auto longest_wait_for_quiet = 1h;

// The library may be newer than the schema that it finds.
bool knows_retention() {
  static Statement statement("SELECT to_regprocedure('cmms.retention_step(integer, bigint)') IS NOT NULL",
                             {});
  return statement.execute().boolean(0, 0);
}

}  // namespace

SystemTime Upkeep::due_at(bool is_quiet) const {
  const SystemTime due = std::max(begins_at_, next_step_at_);
  return is_quiet ? due : std::max<SystemTime>(due, begins_at_ + longest_wait_for_quiet);
}

// False: not now.
bool Upkeep::make_partitions() {
  bool is_done = false;
  const auto error = session_.transaction("making partitions", [&] {
    // A dump that is being restored brings its own.
    if (!store::is_armed()) return;
    static Statement statement("SELECT cmms.maintain_partitions()", {});
    statement.execute();
    is_done = true;
  });
  if (error && !session_.leave()) log(WARNING, *error);
  return is_done;
}

// One step. False: there is nothing more to do.
bool Upkeep::remove_expired() {
  std::optional<Place> next;
  const auto error = session_.transaction("removing what has expired", [&] {
    if (!store::is_armed() || !knows_retention()) return;
    static Statement statement("SELECT step, block, action FROM cmms.retention_step($1, $2)",
                               {INT4OID, INT8OID});
    const Rows rows = statement.execute({static_cast<std::int32_t>(place_->step), place_->block});
    if (rows.text_or(0, 2, "") == "locked") is_incomplete_ = true;
    if (rows.text(0, 0)) next = Place{rows.integer(0, 0), rows.integer(0, 1)};
  });
  if (error) {
    is_incomplete_ = true;
    if (!session_.leave()) log(WARNING, *error);
  }
  place_ = next;
  return place_.has_value();
}

void Upkeep::start_soon(SystemTime now) {
  is_outdated_ = is_running_;
  begins_at_ = std::min(begins_at_, now);
}

void Upkeep::end_round(SystemTime now) {
  SystemTime::duration pause = is_incomplete_ ? SystemTime::duration(retry_interval) : round_interval;
  if (std::exchange(is_outdated_, false)) pause = {};
  begins_at_ = now + pause;
  is_running_ = is_incomplete_ = false;
}

void Upkeep::step(SystemTime now, bool is_quiet) {
  next_step_at_ = now + (is_quiet ? SystemTime::duration(quiet_pause) : SystemTime::duration(busy_pause));
  if (std::exchange(is_running_, true)) {
    if (!remove_expired()) end_round(now);
  } else if (make_partitions()) {
    place_.emplace();
  } else {
    is_incomplete_ = true;
    end_round(now);
  }
}

}  // namespace cmms::pg
