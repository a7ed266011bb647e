// cmms.read_back: single records to be read at their providers; and the clock of re-reads.
#pragma once

#include <string>
#include <vector>

namespace cmms::pg::store {

struct ReadBackRow {
  std::string tenant_id;
  std::string provider_id;
  std::string resource;
  std::string source_record_id;
  std::string requested_at;  // as it was when the read began
  int attempts = 0;          // this one included
};

struct ReadBackRequest {
  std::string provider_id;
  int limit = 0;
};

// Takes due rows and counts the attempt.
std::vector<ReadBackRow> claim_read_backs(const std::vector<ReadBackRequest>& requests);
void recover_read_backs();  // what a dead worker was reading is due again

struct ReadBackTime {
  std::string provider_id;
  double seconds_to_next = 0;  // not positive: due now
};
std::vector<ReadBackTime> read_back_times(const std::vector<std::string>& provider_ids);

struct ReadBackEnd {
  ReadBackRow row;
  bool is_done = false;      // read, or given up; what was asked for again meanwhile stays
  double delay_seconds = 0;  // until the next attempt otherwise
  std::string error;
};
void end_read_backs(const std::vector<ReadBackEnd>& ends);

// The interval at which the open orders of a provider are read again.
struct RereadInterval {
  std::string provider_id;
  double seconds = 0;
};
// Queues the re-reads that are due and answers the seconds to the next one of any provider.
double start_rereads(const std::vector<RereadInterval>& intervals);

}  // namespace cmms::pg::store
