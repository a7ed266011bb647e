#include "pg/prelude.hpp"

#include "pg/worker/outcome.hpp"

#include <algorithm>

#include "core/job/status_walk.hpp"
#include "core/json/text.hpp"
#include "pg/worker/answer_fields.hpp"
#include "pg/worker/clock.hpp"
#include "pg/worker/exchange_log.hpp"

namespace cmms::pg {
namespace {

using store::Settlement;

constexpr double soonest_lookup_seconds = 0.5;
constexpr double longest_lookup_pause_seconds = 300;

// Of column names, which need no quotes.
std::string array_literal(const std::vector<std::string>& names) {
  std::string literal = "{";
  for (const std::string& name : names) literal += (literal.size() > 1 ? "," : "") + name;
  return literal + "}";
}

// Decides one task. A class for what all its steps need.
class Decision {
 public:
  Decision(const Task& task, Detail detail, const OutcomePolicy& policy, retry::Random& random,
           OutcomeBatch& batch)
      : task_(task),
        conclusion_(*task.conclusion),
        detail_(detail),
        policy_(policy),
        random_(random),
        batch_(batch) {}

  void decide() {
    switch (conclusion_.verdict) {
      case job::Verdict::synchronized:
      case job::Verdict::complete:
        return acknowledge("synchronized");
      case job::Verdict::accepted:
        return is_nameless_order() ? accept() : acknowledge("accepted");
      case job::Verdict::rejected:
        return task_.kind == TaskKind::lookup ? wait_for_person() : reject();
      case job::Verdict::in_doubt:
        return doubt();
      case job::Verdict::not_found:
        return not_found();
      case job::Verdict::held:
        return hold();
      case job::Verdict::overtaken:
        return let_decide();
      case job::Verdict::retry:
        return task_.kind == TaskKind::lookup ? look_up_later() : retry();
    }
  }

 private:
  void acknowledge(const char* sync_state) {
    store::Acknowledgement row;
    row.sync_state = sync_state;
    row.key = task_.row.key;
    row.provider_id = task_.row.provider_id;
    row.source_record_id = conclusion_.source_record_id;
    row.sent_fields = array_literal(task_.row.changed_fields);
    if (status_still_follows()) row.remaining_fields = "{common_status}";
    if (detail_ == Detail::full && conclusion_.record) {
      AnswerFields answer = read_answer_fields(task_, row);
      if (answer.has_news) add_news(std::move(answer.inbound));
    }
    batch_.acknowledgements.push_back(std::move(row));
    count_quota();
    log(sync_state);
  }

  // A new record starts in the provider's first status; what ours has is the next change.
  bool status_still_follows() const {
    return task_.row.operation == "create" && task_.record != nullptr &&
           job::status_follows(*task_.connection, task_.row.key.resource, task_.record->root());
  }

  // The provider has it and has not said yet what it is called: it is never sent again, and looked for where
  // that can be done. A poll or webhook that shows it settles it as well.
  bool is_nameless_order() const {
    return conclusion_.source_record_id.empty() && task_.row.key.resource == "work_order";
  }

  void accept() {
    const bool can_look_up = task_.connection->can_look_up(task_.row.key.resource);
    const double grace = static_cast<double>(task_.connection->lookup_grace().count());
    settle(Settlement::State::in_doubt,
           can_look_up ? std::optional(std::max(grace, soonest_lookup_seconds)) : std::nullopt, "pending");
    batch_.settlements.back().is_accepted = true;
    count_quota();
    log("accepted");
  }

  // Of a quota that the provider counts and does not tell of.
  void count_quota() {
    const provider::ResourceMaps* maps = task_.connection->maps(task_.row.key.resource);
    if (maps == nullptr || task_.kind != TaskKind::push || task_.is_member) return;
    const bool is_limited = std::any_of(maps->quotas.begin(), maps->quotas.end(), [&](const auto& quota) {
      return quota.operation == task_.row.operation;
    });
    if (!is_limited) return;
    batch_.quotas.push_back(
        {task_.row.key.tenant_id, task_.row.provider_id, task_.row.key.resource, task_.row.operation});
  }

  void add_news(provider::InboundRecord inbound) {
    const char* cause = task_.kind == TaskKind::lookup ? "lookup" : "push";
    const auto same = std::find_if(batch_.news.begin(), batch_.news.end(), [&](const AnswerNews& news) {
      return news.connection == task_.connection && news.resource == task_.row.key.resource &&
             std::string_view(news.cause) == cause;
    });
    AnswerNews& news =
        same != batch_.news.end()
            ? *same
            : batch_.news.emplace_back(AnswerNews{task_.connection, task_.row.key.resource, cause, {}});
    news.items.push_back({*conclusion_.record, std::move(inbound)});
  }

  void retry() {
    // Failures of the provider as a whole are not the record's fault: it is never given up because of them.
    if (!conclusion_.provider_wide && task_.row.attempts >= policy_.max_attempts) return reject();
    settle(Settlement::State::pending, retry_delay(), "retrying");
    log("retrying");
  }

  void reject() {
    settle(Settlement::State::removed, 0, "rejected");
    event("sync.failed");
    log("rejected");
  }

  void doubt() {
    if (task_.kind == TaskKind::lookup) return wait_for_person();
    if (task_.row.operation != "create") return retry();
    if (!task_.connection->can_look_up(task_.row.key.resource)) return wait_for_person();
    settle(Settlement::State::in_doubt, 0, "in_doubt");
    log("in_doubt");
  }

  void wait_for_person() {
    if (task_.row.is_accepted) return look_up_later();
    settle(Settlement::State::in_doubt, std::nullopt, "in_doubt");
    event("sync.failed");
    log("in_doubt");
  }

  // The provider may still have been working on the create when the first look-up passed: it takes a second
  // one, some time after the attempt.
  void not_found() {
    if (task_.row.is_accepted) return look_up_later();
    const double grace = static_cast<double>(task_.connection->lookup_grace().count());
    const bool is_confirmed = task_.row.lookups >= 1 && task_.row.seconds_in_doubt >= grace;
    if (is_confirmed && task_.row.attempts >= policy_.max_attempts) return give_up_creating();
    if (is_confirmed) {
      // The time spent on looking it up is part of the pause.
      settle(Settlement::State::pending, std::max(retry_delay() - task_.row.seconds_in_doubt, 0.0),
             "retrying");
    } else {
      settle(Settlement::State::in_doubt,
             std::max(grace - task_.row.seconds_in_doubt, soonest_lookup_seconds), "in_doubt");
      batch_.settlements.back().lookup_counts = true;
    }
    log("not_found");
  }

  // Each attempt had no usable answer, and the provider has not got it.
  void give_up_creating() {
    settle(Settlement::State::removed, 0, "rejected");
    batch_.settlements.back().error = "the provider has no such record after " +
                                      std::to_string(task_.row.attempts) +
                                      " attempts to create it, none of which had a usable answer";
    batch_.settlements.back().error_class = error_class_name(ErrorClass::provider_unavailable);
    event("sync.failed");
    log("rejected");
  }

  void look_up_later() {
    // Each pause is half of the time spent in doubt so far: longer and longer, and known after a restart too.
    double delay = std::clamp(task_.row.seconds_in_doubt / 2, 1.0, longest_lookup_pause_seconds);
    if (conclusion_.retry_after)
      delay = std::max(delay, static_cast<double>(conclusion_.retry_after->count()));
    settle(Settlement::State::in_doubt, delay, task_.row.is_accepted ? "pending" : "in_doubt");
    log(conclusion_.verdict == job::Verdict::not_found ? "not_found" : "in_doubt");
  }

  void hold() {
    settle(Settlement::State::held, std::nullopt, "held");
    batch_.settlements.back().attempt_counts = false;
    store::HeldPush row;
    row.key = task_.row.key;
    row.provider_id = task_.row.provider_id;
    row.reason = error_text(task_);
    const bool has_problems = detail_ == Detail::full && !conclusion_.error_fields.empty();
    row.problems = has_problems ? conclusion_.error_fields : "[]";
    row.document = detail_ == Detail::full ? task_.row.record.value_or("{}") : "{}";
    event("mapping.exception",
          ",\"direction\":\"outbound\",\"cause\":\"local\",\"problems\":" + row.problems);
    batch_.held.push_back(std::move(row));
    log("held");
  }

  // The provider's news is applied first; what the owners of the fields leave of the change is sent then.
  void let_decide() {
    settle(Settlement::State::pending, 0, "pending");
    if (detail_ == Detail::full) {
      add_news(provider::to_inbound(*task_.connection, task_.row.key.resource, *conclusion_.record));
    }
    log("overtaken");
  }

  double retry_delay() const {
    const auto delay = retry::backoff(task_.row.attempts, policy_.retry, random_);
    double seconds = std::chrono::duration<double>(delay).count();
    if (conclusion_.retry_after)
      seconds = std::max(seconds, static_cast<double>(conclusion_.retry_after->count()));
    return seconds;
  }

  void settle(Settlement::State state, std::optional<double> delay, const char* sync_state) {
    Settlement row;
    row.key = task_.row.key;
    row.provider_id = task_.row.provider_id;
    row.state = state;
    row.delay_seconds = delay;
    row.sync_state = sync_state;
    if (conclusion_.error) {
      row.error = error_text(task_);
      row.error_class = error_class_name(conclusion_.error->error_class);
    }
    if (detail_ == Detail::full) row.error_detail = masked(task_, conclusion_.error_fields);
    batch_.settlements.push_back(std::move(row));
  }

  void event(const char* type, const std::string& more = {}) {
    std::string detail = "{\"operation\":" + json::quote(task_.row.operation);
    if (conclusion_.error) {
      detail += ",\"error_class\":" + json::quote(error_class_name(conclusion_.error->error_class));
      detail += ",\"error\":" + json::quote(error_text(task_));
    }
    if (conclusion_.http_status != 0) detail += ",\"http_status\":" + std::to_string(conclusion_.http_status);
    batch_.events.push_back({task_.row.key, type, task_.row.provider_id, detail + more + "}"});
  }

  // Of a bulk request one row says how its items did; besides it those are logged that a person may ask
  // about.
  void log(const char* outcome) {
    const bool is_refused =
        conclusion_.verdict == job::Verdict::rejected || conclusion_.verdict == job::Verdict::held;
    if (task_.is_member && !is_refused) return;
    store::SyncLogRow row = log_row(task_, outcome, policy_.log_body_bytes);
    if (detail_ == Detail::bare) {
      row.request.reset();
      row.response.reset();
    }
    batch_.log.push_back(std::move(row));
  }

  const Task& task_;
  const job::Conclusion& conclusion_;
  Detail detail_;
  const OutcomePolicy& policy_;
  retry::Random& random_;
  OutcomeBatch& batch_;
};

// How the poll ended; its pages were applied on the way.
void add_poll_outcome(const Task& task, const OutcomePolicy& policy, retry::Random& random, SystemTime now,
                      OutcomeBatch& batch) {
  const job::Conclusion& conclusion = *task.conclusion;
  ProviderChannel& channel = *task.channel;
  store::PollEnd end;
  end.key = {channel.tenant_id, channel.provider_id, task.resource};
  end.is_complete = conclusion.verdict == job::Verdict::complete;
  end.seconds_to_next = channel.poll_seconds;
  if (!end.is_complete) {
    const auto pause = retry::backoff(std::max(channel.poll_failures, 1), policy.retry, random);
    double seconds = std::chrono::duration<double>(pause).count();
    if (conclusion.retry_after)
      seconds = std::max(seconds, static_cast<double>(conclusion.retry_after->count()));
    channel.poll_not_before = after_seconds(now, seconds);
    end.seconds_to_next = seconds;
    end.stays_requested = task.was_requested;
    end.error = error_text(task);
    batch.log.push_back(log_row(task, "retrying", policy.log_body_bytes));
  }
  batch.polls.push_back(std::move(end));
}

// A record may be asked for before its provider has committed it: it is missing for good only after some
// time.
constexpr int most_reads = 6;

// What became of one record of a read.
store::ReadBackEnd read_end(const Task& task, const store::ReadBackRow& row, const OutcomePolicy& policy,
                            retry::Random& random) {
  const job::Conclusion& conclusion = *task.conclusion;
  const bool is_complete = conclusion.verdict == job::Verdict::complete;
  const bool is_answered = is_complete || conclusion.verdict == job::Verdict::not_found ||
                           conclusion.verdict == job::Verdict::rejected;
  const bool is_found =
      std::find(task.found_ids.begin(), task.found_ids.end(), row.source_record_id) != task.found_ids.end();
  store::ReadBackEnd end{row, is_found || (is_answered && row.attempts >= most_reads), 0, error_text(task)};
  if (end.is_done || is_complete) return end;  // what was not in a batch is read alone at once
  const auto pause = retry::backoff(std::max(row.attempts, 1), policy.retry, random);
  end.delay_seconds = std::chrono::duration<double>(pause).count();
  if (conclusion.retry_after) {
    end.delay_seconds = std::max(end.delay_seconds, static_cast<double>(conclusion.retry_after->count()));
  }
  return end;
}

void add_read_outcome(const Task& task, const OutcomePolicy& policy, retry::Random& random,
                      OutcomeBatch& batch) {
  for (const store::ReadBackRow& row : task.reads) batch.reads.push_back(read_end(task, row, policy, random));
  if (task.conclusion->verdict == job::Verdict::complete) return;
  const bool is_missing = task.conclusion->verdict == job::Verdict::not_found;
  batch.log.push_back(log_row(task, is_missing ? "not_found" : "retrying", policy.log_body_bytes));
}

// A bulk request as a whole; its rows are tasks of their own by now.
void add_bulk_outcome(const Task& task, const OutcomePolicy& policy, OutcomeBatch& batch) {
  const job::Verdict verdict = task.conclusion->verdict;
  const std::string outcome(verdict == job::Verdict::retry ? "retrying" : job::verdict_name(verdict));
  batch.log.push_back(log_row(task, outcome, policy.log_body_bytes));
  if (verdict != job::Verdict::accepted && verdict != job::Verdict::synchronized) return;
  const provider::ResourceMaps* maps = task.connection->maps(task.resource);
  const bool is_limited = maps != nullptr && std::any_of(maps->quotas.begin(), maps->quotas.end(),
                                                         [&](const provider::Quota& quota) {
                                                           return quota.operation == task.write_name;
                                                         });
  if (!is_limited) return;
  batch.quotas.push_back(
      {task.channel->tenant_id, task.channel->provider_id, task.resource, std::string(task.write_name)});
}

}  // namespace

void add_unread(const Task& task, double pause_seconds, std::vector<store::ReadBackEnd>& reads) {
  for (const store::ReadBackRow& row : task.reads) reads.push_back({row, false, pause_seconds, {}});
}

void add_outcome(const Task& task, Detail detail, const OutcomePolicy& policy, retry::Random& random,
                 SystemTime now, OutcomeBatch& batch) {
  if (task.kind == TaskKind::poll) {
    add_poll_outcome(task, policy, random, now, batch);
  } else if (task.kind == TaskKind::read) {
    add_read_outcome(task, policy, random, batch);
  } else if (task.kind == TaskKind::bulk) {
    add_bulk_outcome(task, policy, batch);
  } else {
    Decision(task, detail, policy, random, batch).decide();
  }
}

void add_unrecordable(const Task& task, const std::string& error, const OutcomePolicy& policy,
                      retry::Random& random, OutcomeBatch& batch) {
  Settlement row;
  row.key = task.row.key;
  row.provider_id = task.row.provider_id;
  // Whatever a create has done is found again by a look-up; all else may be repeated.
  const bool is_create = task.row.operation == "create";
  const double pause =
      std::chrono::duration<double>(retry::backoff(std::max(task.row.attempts, 5), policy.retry, random))
          .count();
  row.state = is_create ? Settlement::State::in_doubt : Settlement::State::pending;
  const bool is_last = !is_create && task.row.attempts >= policy.max_attempts;
  if (is_last) row.state = Settlement::State::removed;
  row.delay_seconds = pause + task.row.seconds_in_doubt / 2;
  row.sync_state = is_create ? "in_doubt" : is_last ? "rejected" : "retrying";
  // What was accepted is never made again, whatever a look-up finds.
  row.is_accepted = is_create && task.conclusion->verdict == job::Verdict::accepted;
  if (row.is_accepted || task.row.is_accepted) row.sync_state = "pending";
  row.error = "the outcome could not be recorded: " + error;
  row.error_class = "validation";
  batch.settlements.push_back(std::move(row));
}

}  // namespace cmms::pg
