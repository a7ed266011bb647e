#include "pg/worker/sync_worker.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>

#include "pg/boundary/versions.hpp"
#include "pg/guc/guc.hpp"
#include "pg/store/due_time.hpp"
#include "pg/store/outbox.hpp"
#include "pg/store/provider.hpp"
#include "pg/worker/bulk.hpp"
#include "pg/worker/clock.hpp"

extern "C" {
#include "postmaster/interrupt.h"
}

namespace cmms::pg {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto healthy_after = 60s;
constexpr auto make_way_interval = 1s;
constexpr auto least_setback = 1s;  // less is how clocks are kept right
constexpr int spare_descriptors = 8;

// PostgreSQL must know of sockets that it did not open, or it could run out of descriptors for its files.
int reserve_connections(int wanted) {
  int reserved = 0;
  while (reserved < wanted && AcquireExternalFD()) ++reserved;
  if (reserved == wanted) return reserved;
  // PostgreSQL's own wait sets, and the transport's, need a few of them.
  for (int i = 0; i < spare_descriptors && reserved > 1; ++i, --reserved) ReleaseExternalFD();
  if (reserved == 0) ReserveExternalFD();
  log(LOG,
      "pg_cmms uses " + std::to_string(std::max(reserved, 1)) + " connections instead of " +
          std::to_string(wanted),
      {}, "Raise max_files_per_process or lower cmms.max_connections.");
  return std::max(reserved, 1);
}

}  // namespace

SyncWorker::SyncWorker(Session& session)
    : session_(session),
      max_connections_(reserve_connections(guc::max_connections())),
      random_(static_cast<std::uint64_t>(GetCurrentTimestamp()) ^ static_cast<std::uint64_t>(MyProcPid)),
      dispatcher_(static_cast<std::size_t>(max_connections_)),
      recorder_(session_, random_),
      claimer_(session_, providers_, dispatcher_),
      poller_(session_, providers_, dispatcher_),
      reader_(session_, providers_, dispatcher_),
      upkeep_(session_, planning_time()),
      wait_set_(dispatcher_.poll_fd()) {
  if (const auto& failure = dispatcher_.failure()) raise(*failure);
  configure();
}

void SyncWorker::configure() {
  dispatcher_.configure({.longest_timeout = guc::request_timeout(),
                         .max_response_bytes = guc::max_response_bytes(),
                         .trace_bytes = guc::sync_log_body_bytes()});
}

// Before anything is claimed: what a dead worker had under way must not be taken for ours.
void SyncWorker::recover(SystemTime now) {
  store::Recovery recovery;
  std::vector<store::AbandonedRow> abandoned;
  const auto error = session_.transaction("taking over from the last worker", [&] {
    abandoned = abandoned_ ? *abandoned_ : store::abandoned_rows();
    if (!abandoned.empty()) recovery = store::recover(abandoned);
  });
  recover_at_ = now + 1s;
  if (error) {
    if (!session_.leave()) log(WARNING, *error);
    return;
  }
  is_recovered_ = recovery.is_complete;
  abandoned_ = std::move(abandoned);
  if (recovery.in_doubt + recovery.due == 0) return;
  log(LOG,
      "pg_cmms takes over " + std::to_string(recovery.in_doubt + recovery.due) +
          " requests of its last worker",
      std::to_string(recovery.in_doubt) +
          " of them are looked up at their provider before they are sent again.");
  claimer_.look_again();
}

void SyncWorker::collect(SystemTime now) {
  poller_.add_pages(dispatcher_.take_pages());
  poller_.apply_pages(now);
  std::vector<TaskPointer> finished;
  for (TaskPointer& task : dispatcher_.take_finished()) {
    if (task->kind == TaskKind::bulk) {
      BulkParts parts = take_apart(*task);
      std::move(parts.finished.begin(), parts.finished.end(), std::back_inserter(finished));
      for (TaskPointer& ready : parts.ready) dispatcher_.start(std::move(ready));
    }
    finished.push_back(std::move(task));
  }
  recorder_.add(std::move(finished), now);
}

// Claims of tasks that may not leave now.
void SyncWorker::give_back() {
  std::vector<TaskPointer> unsent;
  for (TaskPointer& task : dispatcher_.take_unsent()) {
    std::vector<TaskPointer> members = unsent_members(*task);
    std::move(members.begin(), members.end(), std::back_inserter(unsent));
    unsent.push_back(std::move(task));
  }
  recorder_.add_unsent(std::move(unsent));
}

void SyncWorker::transfer(SystemTime now) {
  dispatcher_.send_waiting(now);
  give_back();
  dispatcher_.drive(now);
}

void SyncWorker::turn(SystemTime now) {
  dispatcher_.drive(now);
  collect(now);
  dispatcher_.send_waiting(now);  // a slot that is free now need not wait for the database
  const auto began = std::chrono::steady_clock::now();
  const bool has_recorded = recorder_.record(now, dispatcher_.is_idle());
  if (has_recorded) claimer_.expect_rows();
  if (recorder_.take_polls_ended()) poller_.check_soon();
  if (session_.leave()) return;
  if (!is_recovered_ && now >= recover_at_) recover(now);
  if (providers_.needs_refresh(now)) {
    providers_.refresh(session_, now);
    poller_.check_soon();
    reader_.reconfigure();
  }

  claimer_.tick(now);
  const bool claims = abandoned_ && !recorder_.is_congested() && claimer_.has_work(now);
  if (claims) claimer_.claim(now);
  if (has_recorded || claims) claimer_.note_busy(std::chrono::steady_clock::now() - began);
  transfer(now);
  if (session_.leave()) return;
  if (poller_.is_due(now)) {
    poller_.start_due(now);
    transfer(now);
  }
  if (session_.leave()) return;
  if (abandoned_ && reader_.is_due(now)) {
    reader_.start_due(now);
    transfer(now);
  }
  housekeeping(now);
}

bool SyncWorker::was_set_back() const { return planning_lead() - setback_ > least_setback; }

// The clock was set back, now or before this worker started: what is due must not wait until it has made up.
void SyncWorker::pull_in_due_times() {
  const SystemTime::duration lead = planning_lead();
  const double setback = was_set_back() ? std::chrono::duration<double>(lead - setback_).count() : 0;
  const double longest_delay =
      std::chrono::duration<double>(std::max<milliseconds>(guc::retry_cap(), retry_after_max)).count();
  std::size_t count = 0;
  const auto error =
      session_.transaction("checking", [&] { count = store::pull_in_due_times(setback, longest_delay); });
  if (error) {
    if (!session_.leave()) log(WARNING, *error);
    return;
  }
  if (setback > 0) setback_ = lead;
  if (count == 0) return;
  log(LOG,
      "the server's clock was set back: pg_cmms takes up " + std::to_string(count) + " things that are due");
  claimer_.look_again();
  poller_.check_soon();
  reader_.check_soon();
}

// What can wait until the requests have left.
void SyncWorker::housekeeping(SystemTime now) {
  setback_ = std::min(setback_, planning_lead());
  if (now >= check_at_ || was_set_back()) {
    pull_in_due_times();
    check_at_ = now + guc::fallback_poll_interval();
  }
  if (std::exchange(was_woken_, false)) session_.check();
  if (session_.leave()) return;
  if (providers_.has_unsaved_state(now)) providers_.save_states(session_, now);
  if (claimer_.wants_schedule() && !claimer_.has_work(now)) claimer_.read_schedule(now);
  if (now >= make_way_check_at_) {
    session_.make_way_if_asked();
    make_way_check_at_ = now + make_way_interval;
  }
  if (healthy_at_ == SystemTime{}) healthy_at_ = now + healthy_after;
  if (now >= healthy_at_) {
    session_.become_healthy();
    healthy_at_ = SystemTime::max();
  }
  const bool is_quiet = this->is_quiet(now);
  if (now >= upkeep_.due_at(is_quiet)) upkeep_.step(now, is_quiet);
}

// No request is under way, and none is due.
bool SyncWorker::is_quiet(SystemTime now) const { return dispatcher_.is_idle() && !claimer_.has_work(now); }

// True: there is something left to report, in a moment.
bool SyncWorker::keep_up_statistics() {
  return pg_call([] { return report_statistics(); });
}

milliseconds SyncWorker::wait_time(SystemTime now) const {
  if (dispatcher_.has_results() || providers_.needs_refresh(now)) return milliseconds(0);
  if (claimer_.has_work(now) && !recorder_.is_congested()) return milliseconds(0);
  if (session_.has_wakes(claimer_.wanted_news(now))) return milliseconds(0);
  SystemTime until = std::min({claimer_.due_at(now), poller_.due_at(), reader_.due_at(), make_way_check_at_,
                               check_at_, healthy_at_, upkeep_.due_at(is_quiet(now))});
  if (const auto due = recorder_.due_at()) until = std::min(until, *due);
  if (const auto due = providers_.save_due_at(now)) until = std::min(until, *due);
  if (!is_recovered_) until = std::min(until, recover_at_);
  auto wait = std::chrono::ceil<milliseconds>(until - now);
  if (const auto timeout = dispatcher_.timeout(now)) wait = std::min(wait, *timeout);
  if (statistics_are_pending_) wait = std::min(wait, milliseconds(1000));
  return std::clamp(wait, milliseconds(0), milliseconds(60'000));
}

void SyncWorker::wait(SystemTime now) {
  const milliseconds time = wait_time(now);
  if (time > milliseconds(0)) {
    statistics_are_pending_ = keep_up_statistics();
    const std::string activity = dispatcher_.in_flight() == 0
                                     ? "waiting"
                                     : "waiting for " + std::to_string(dispatcher_.in_flight()) + " answers";
    pgstat_report_activity(STATE_IDLE, activity.c_str());
  }
  wait_set_.wait(time);
  check_for_interrupts_between_transactions();
  listen();
}

void SyncWorker::listen() {
  if (ConfigReloadPending) {
    ConfigReloadPending = false;
    session_.reload();
    configure();
    upkeep_.start_soon(planning_time());
  }
  const WakeReasons reasons = session_.take_wakes(claimer_.wanted_news(planning_time()));
  if (reasons == 0) return;
  was_woken_ = true;
  const bool is_for_everything = (reasons & wake_for_rest) != 0;
  claimer_.look_again(is_for_everything ? wake_for_everything : reasons);
  if (!is_for_everything) return;
  poller_.check_soon();
  reader_.check_soon();
}

void SyncWorker::run() {
  while (!session_.leave()) {
    turn(planning_time());
    if (!session_.leave()) wait(planning_time());
  }
}

}  // namespace cmms::pg

extern "C" {
PGDLLEXPORT void cmms_sync_worker_main(Datum argument);

void cmms_sync_worker_main(Datum /*argument*/) {
  cmms::pg::enter([] {
    cmms::pg::WorkerTicket ticket;
    std::memcpy(&ticket, MyBgworkerEntry->bgw_extra, sizeof(ticket));
    cmms::pg::Session session(ticket);
    if (!session.begin()) return;
    if (!session.leave() && !session.knows_schema()) session.wait_for_another_schema();
    if (!session.leave()) {
      session.report_older_schema();
      cmms::pg::SyncWorker worker(session);
      worker.run();
    }
    session.end();
  });
  proc_exit(0);
}
}
