// The third step: what became of tasks is written down, many at once, and one by one where something is wrong
// with one.
#pragma once

#include "pg/prelude.hpp"

#include <optional>
#include <utility>
#include <vector>

#include "core/retry/retry.hpp"
#include "pg/worker/outcome.hpp"
#include "pg/worker/session.hpp"
#include "pg/worker/task.hpp"

namespace cmms::pg {

class Recorder {
 public:
  Recorder(Session& session, retry::Random& random) : session_(session), random_(random) {}

  void add(std::vector<TaskPointer> finished, SystemTime now);
  // Tasks that never sent anything: their claims are given back and the attempt is not counted.
  void add_unsent(std::vector<TaskPointer> unsent);

  // Results are collected for a moment while many come, so that one transaction serves them together; not
  // when nothing else can come (`at_once`). True: rows may be back in the queue, for another attempt, a
  // look-up or later changes.
  bool record(SystemTime now, bool at_once);

  // True once after polls have ended: they may be due again, or were asked for while they ran.
  bool take_polls_ended() { return std::exchange(polls_have_ended_, false); }

  // When something that could not be recorded is tried again; nullopt: nothing waits.
  std::optional<SystemTime> due_at() const;
  // Too much waits to be recorded: nothing more should be claimed.
  bool is_congested() const { return waiting_.size() >= 1000; }

 private:
  void note_health(const Task& task, SystemTime now);
  OutcomePolicy policy() const;
  std::vector<TaskPointer> take_due(SystemTime now, bool at_once);
  // Fills `busy` with the positions of those whose rows somebody else has locked.
  void record_together(const std::vector<TaskPointer>& tasks, SystemTime now, std::vector<bool>& busy);
  void record_one_by_one(std::vector<TaskPointer>& tasks, SystemTime now);
  bool record_alone(const Task& task, SystemTime now);
  void carry_out(const OutcomeBatch& batch);
  static void absorb_imports(const OutcomeBatch& batch);
  void release_unsent();
  void defer(TaskPointer task, SystemTime until);

  Session& session_;
  retry::Random& random_;
  std::vector<TaskPointer> fresh_;
  SystemTime fresh_since_{};
  // As long as the last transaction took, so that what comes meanwhile shares the next one; none where it had
  // but one result, as more will hardly come.
  SystemTime::duration collection_time_{};
  std::vector<TaskPointer> waiting_;  // could not be recorded yet
  std::vector<TaskPointer> unsent_;
  SystemTime release_not_before_{};
  bool polls_have_ended_ = false;
};

}  // namespace cmms::pg
