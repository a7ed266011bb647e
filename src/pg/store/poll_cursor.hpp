// cmms.poll_cursor: how far each resource of each provider has been read, and when it is read next.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cmms::pg::store {

struct PollKey {
  std::string tenant_id;
  std::string provider_id;
  std::string resource;
};

struct DuePoll {
  PollKey key;
  std::string cursor;  // JSON; empty at first
  bool was_requested = false;
};

// Makes the rows that are missing; a new one is due at once.
void ensure_poll_cursors(const std::vector<PollKey>& keys);

struct PollTime {
  std::string provider_id;
  double seconds_to_next = 0;  // not positive: due or requested
};

// When the next poll of each of these providers is due.
std::vector<PollTime> poll_times(const std::vector<std::string>& provider_ids);

// Takes one due or requested poll of each of these providers. next_poll_at stays in the past until the poll
// has ended, so that a poll under way can be told from an idle provider, and one that a crash interrupted is
// repeated.
std::vector<DuePoll> start_polls(const std::vector<std::string>& provider_ids);

// A page was applied. An empty cursor stays where it is. `total`: how many records there are, where the
// provider says.
void advance_poll(const PollKey& key, const std::string& cursor, std::size_t records,
                  std::optional<std::int64_t> total);

struct PollEnd {
  PollKey key;
  double seconds_to_next = 60;
  bool is_complete = false;
  bool stays_requested = false;  // it was requested, has failed and will be tried again
  std::optional<std::string> error;
};
void end_poll(const PollEnd& end);

}  // namespace cmms::pg::store
