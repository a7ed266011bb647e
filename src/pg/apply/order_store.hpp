// What the application of a provider's news reads and writes: the stored order of a record, a new order, a
// changed one. Each is one statement, because a webhook's whole cost is the number of its statements. All of
// it inside an Spi scope, with the change origin 'provider'.
#pragma once

#include "pg/prelude.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mapping/mapping.hpp"
#include "pg/apply/news.hpp"
#include "pg/boundary/given_rows.hpp"

namespace cmms::pg {

// A mapped record on its way in. Text views point into the caller's record. What of it becomes jsonb is made
// where it is needed: a thousand of them at once would go through memory and back.
struct IncomingRecord {
  std::string_view tenant_id;
  std::string_view provider_id;
  const mapping::Mapped& mapped;
  std::optional<std::string> source_id;
  std::optional<std::string> updated_at;
  std::optional<std::string> reference;  // our id, found in the record
  json::Value source;                    // as it arrived
  int map_version = 0;                   // by which it was mapped

  Datum fields() const;    // jsonb of `mapped`
  Datum document() const;  // jsonb of `source`
};

// What is stored of a record. The JSON views live as long as the memory context of the look-up.
struct StoredOrder {
  pg_uuid_t common_work_order_id = {};
  TransactionId version = InvalidTransactionId;  // whoever changes the row changes this
  std::string newer;                             // why the record is stale; empty: it is not
  bool says_the_same = false;                    // the record is the one that was applied last
  bool is_adopted = false;                       // ours, and the provider's id is not known yet
  bool awaits_echo = false;                      // of a push that came just before
  std::string sync_state;
  bool is_of_same_moment = false;  // as the record, by its time stamp
  double synced_at = 0;            // when something about it was last recorded, in seconds since 1970
  json::Value said_last;           // an object; null: the provider has said nothing yet
};

// The order that the record is about. An order of ours whose create had no answer is found by its reference.
std::optional<StoredOrder> find_order(const IncomingRecord& record);

// An event that was written, for the NOTIFY that follows.
struct WrittenEvent {
  std::string event_type;
  std::int64_t event_id = 0;
};

struct OrderWrite {
  std::string outcome;  // created, updated, adopted, unchanged
  std::string detail;
  pg_uuid_t common_work_order_id = {};
  std::optional<WrittenEvent> event;
};

// Null: another session has inserted it meanwhile, or its deletion waits.
std::optional<OrderWrite> insert_order(const IncomingRecord& record);
bool deletion_waits(const IncomingRecord& record);  // we deleted it, and its provider is yet to be told

// The same for the records of a page, all at once. All records are of one provider, and no two of them of one
// order.
class OrderBatch {
 public:
  OrderBatch();  // in the Spi scope's own memory context

  // In the order of `records`.
  std::vector<std::optional<StoredOrder>> find(std::span<const IncomingRecord> records);
  // In the order of `records`, of which those that find() has found are null. What is null of the rest,
  // insert_order() has to refuse.
  std::vector<std::optional<OrderWrite>> insert(std::span<const IncomingRecord* const> records);

 private:
  GivenRows incoming_;  // what find() looked for
};

// Our side of an order that has changes of its own, or fields that a person decides over.
struct LocalSide {
  json::Value order;                       // the row, an object
  std::vector<std::string> unsent_fields;  // changed here, and the provider may not have that yet
  json::Value sent_values;                 // of theirs, by field and attempt; changed here since
  bool awaits_answer = false;              // they are in flight or in doubt
  bool provider_is_newer = false;          // the record's time stamp is later than our last change
};
enum class Lock : std::uint8_t { none, rows };  // rows: the order and what waits of it stay as they are
// Null: another session has changed the order meanwhile.
std::optional<LocalSide> read_local_side(const IncomingRecord& record, const StoredOrder& stored, Lock lock);

// Applies what was decided of the record's fields. Null: another session has changed the order meanwhile.
// `status_follows`: it is an adopted one whose status has still to be walked to.
std::optional<OrderWrite> update_order(const IncomingRecord& record, const StoredOrder& stored,
                                       std::span<const FieldNews> news, bool status_follows);

// The record is the echo of our push and says nothing else.
void use_up_echo(const IncomingRecord& record, const StoredOrder& stored);

}  // namespace cmms::pg
