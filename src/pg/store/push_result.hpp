// What became of attempts, written to cmms.outbox and the records' tables in sets. The rows must have been
// locked (outbox.hpp) and the change origin must be 'worker'.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pg/store/outbox.hpp"

namespace cmms::pg::store {

// The provider has it.
struct Acknowledgement {
  RecordKey key;
  std::string provider_id;
  std::string source_record_id;             // empty: known already
  const char* sync_state = "synchronized";  // or 'accepted': it will see to it later
  std::string remaining_fields;             // columns that are sent next, as an array literal; empty: none
  std::string sent_fields;  // columns that were sent, as an array literal: an echo of them is expected
  std::optional<std::string> document;  // the provider's record as JSON
  std::optional<std::string> fields;    // the same, mapped, as far as it is no news to us: JSON by column
  std::optional<std::string> source_status;
  std::optional<std::string> source_priority;
  std::optional<std::string> source_updated_at;
  std::optional<std::string> source_revision;
  std::optional<std::string> identifier;  // the provider's; kept only where we have none
};

// A change made since the claim stays queued, as an update.
// The record of an order of ours may have been imported before the answer to its creation was known: then
// that import gives way. To be called before the acknowledgement.
void absorb_import(const RecordKey& key, std::string_view provider_id, std::string_view source_record_id);

void acknowledge(const std::vector<Acknowledgement>& acknowledgements);

// The provider has not got it, or nobody knows.
struct Settlement {
  enum class State { pending, in_doubt, held, removed };

  RecordKey key;
  std::string provider_id;
  State state = State::pending;
  // Until the next attempt or look-up; 0: at once, in its old place in the queue; nullopt: waits for a
  // person.
  std::optional<double> delay_seconds;
  bool attempt_counts = true;  // false: nothing was sent
  bool lookup_counts = false;  // a look-up read everything and found nothing
  bool is_accepted = false;    // the provider has it, and has not said yet what it is called
  std::string sync_state;      // of the record
  std::string error;
  std::string error_class;
  std::string error_detail;  // JSON, the provider's field errors; may be empty
};

// A change made since the claim keeps a refused or held record in the queue: what is sent next is something
// else.
void settle(const std::vector<Settlement>& settlements);

// What could not be mapped on its way out, for cmms.held_record and cmms.unmapped_value.
struct HeldPush {
  RecordKey key;
  std::string provider_id;
  std::string reason;
  std::string problems;  // JSON array
  std::string document;  // our record as JSON
};
void hold(const std::vector<HeldPush>& held);

struct EventRow {
  RecordKey key;
  std::string event_type;
  std::string provider_id;
  std::string detail;  // JSON
};
void add_events(const std::vector<EventRow>& events);

}  // namespace cmms::pg::store
