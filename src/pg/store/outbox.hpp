// cmms.outbox: what waits to be pushed, claimed in sets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace cmms::pg::store {

struct RecordKey {
  std::string tenant_id;
  std::string resource;
  std::string record_id;
};

// A place in the queue of a provider's resource.
struct QueuePlace {
  std::string due_at;
  std::int64_t outbox_id = 0;

  bool is_after(const QueuePlace& other) const {
    return std::tie(due_at, outbox_id) > std::tie(other.due_at, other.outbox_id);
  }
};

struct ClaimRequest {
  std::string provider_id;
  std::string resource;
  int limit = 0;
  std::optional<QueuePlace> after;  // rows up to this place are left out
};

struct ClaimedRow {
  RecordKey key;
  std::string provider_id;
  std::string operation;  // 'create', 'update', 'delete'
  std::vector<std::string> changed_fields;
  std::string source_record_id;  // empty: the provider has not got it yet
  QueuePlace place;
  std::optional<std::string> record;       // the row as JSON; none when it is gone or not needed
  std::optional<std::string> sent_values;  // of earlier attempts and replaced since, as JSON
  int attempts = 0;                        // this one included
  bool is_in_doubt = false;                // an earlier attempt's outcome is unknown: to be looked up
  int lookups = 0;                         // that read everything and found nothing
  double seconds_in_doubt = 0;
  std::optional<double> seconds_since_attempt;
  bool is_accepted = false;  // the provider has it, and has not said yet what it is called
};

// Takes due rows and counts the attempt. What is committed here may have left: from now on it is never simply
// sent again.
std::vector<ClaimedRow> claim(const std::vector<ClaimRequest>& requests);

// A row that was under way when its worker ended. Told from a later claim by the time; which of the two is
// earlier says nothing, as the clock may have been set back.
struct AbandonedRow {
  RecordKey key;
  std::string claimed_at;
};

struct Recovery {
  std::size_t in_doubt = 0;  // creates: to be looked up
  std::size_t due = 0;       // what may simply be repeated
  bool is_complete = true;   // nothing is left behind a lock of somebody else's
};

// What earlier workers had under way: before the first claim, all that is.
std::vector<AbandonedRow> abandoned_rows();
// Takes it over, as far as nobody has locked it.
Recovery recover(const std::vector<AbandonedRow>& abandoned);

// One resource of one provider: what is claimed together.
struct QueueLane {
  std::string provider_id;
  std::string resource;
};

// Seconds until the next row of these lanes is due; not positive when one is due now; nullopt when there is
// none.
std::optional<double> seconds_to_next_row(const std::vector<QueueLane>& lanes);

// Takes back claims that never left: the attempt is not counted.
void release(const std::vector<RecordKey>& keys);

// Locks the outbox rows and the records of these keys and answers the positions of those it got. Rows that
// another transaction has locked are left out: the worker waits for nobody.
std::vector<std::size_t> lock(const std::vector<RecordKey>& keys);

}  // namespace cmms::pg::store
