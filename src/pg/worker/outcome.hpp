// What a finished task means for its row: the decisions, collected in sets for the statements that carry them
// out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/retry/retry.hpp"
#include "pg/apply/apply.hpp"
#include "pg/store/poll_cursor.hpp"
#include "pg/store/push_result.hpp"
#include "pg/store/quota.hpp"
#include "pg/store/read_back.hpp"
#include "pg/store/sync_log.hpp"
#include "pg/worker/task.hpp"

namespace cmms::pg {

struct OutcomePolicy {
  retry::Policy retry;
  int max_attempts = 25;
  std::size_t log_body_bytes = 4096;
};

// News that came with the answer to a push or look-up.
struct AnswerNews {
  std::shared_ptr<const provider::Connection> connection;
  std::string resource;
  const char* cause = "push";
  std::vector<InboundItem> items;
};

struct OutcomeBatch {
  std::vector<store::Acknowledgement> acknowledgements;
  std::vector<AnswerNews> news;
  std::vector<store::Settlement> settlements;
  std::vector<store::HeldPush> held;
  std::vector<store::EventRow> events;
  std::vector<store::PollEnd> polls;
  std::vector<store::ReadBackEnd> reads;
  std::vector<store::QuotaUse> quotas;
  std::vector<store::SyncLogRow> log;
};

// How much of an outcome is recorded. What the database refuses (a document that is no valid jsonb, say) must
// not lose the fact itself.
enum class Detail { full, bare };

void add_outcome(const Task& task, Detail detail, const OutcomePolicy& policy, retry::Random& random,
                 SystemTime now, OutcomeBatch& batch);

// The records of a read that never left are tried again after `pause_seconds`.
void add_unread(const Task& task, double pause_seconds, std::vector<store::ReadBackEnd>& reads);

// The outcome could not be recorded because of `error`: the row is put where nothing is sent twice.
void add_unrecordable(const Task& task, const std::string& error, const OutcomePolicy& policy,
                      retry::Random& random, OutcomeBatch& batch);

}  // namespace cmms::pg
