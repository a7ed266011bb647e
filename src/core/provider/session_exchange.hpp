// One request of a job on its way: what its session must be asked for first, the headers that are added when
// it leaves, and one repetition when the provider refused them. Whoever sends requests drives one of these.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/provider/connection.hpp"
#include "core/provider/session.hpp"

namespace cmms::provider {

class SessionExchange {
 public:
  SessionExchange(std::shared_ptr<const Connection> connection, Request request);
  ~SessionExchange();
  SessionExchange(const SessionExchange&) = delete;
  SessionExchange& operator=(const SessionExchange&) = delete;
  SessionExchange(SessionExchange&&) = delete;
  SessionExchange& operator=(SessionExchange&&) = delete;

  // Since when next() may be called; nothing: not before an exchange of another has ended, which asks for
  // what this one needs too.
  std::optional<SystemTime> ready_at(SystemTime now) const;

  // What must be sent now: the job's request, or one that has to come before it.
  Request next(SystemTime now);
  bool is_preparing() const { return preparing_ != nullptr; }

  // Of what next() gave. Nothing: call next() again; else the outcome of the job's request.
  std::optional<Outcome> on_outcome(Outcome outcome, SystemTime now);

 private:
  struct Used {
    Session::Slot* slot;
    std::string value;
  };

  std::vector<Session::Slot*> needs_of(const Request& request) const;
  bool is_usable(const Session::Slot& slot, SystemTime now) const;
  // The request that can leave now, and what it asks for: null for the job's own.
  std::pair<const Request*, Session::Slot*> pending(SystemTime now) const;
  bool was_refused(const Outcome& outcome);
  std::optional<Outcome> take_grant(Session::Slot& slot, const Outcome& outcome, SystemTime now);

  std::shared_ptr<const Connection> connection_;
  Request request_;
  Session::Slot* preparing_ = nullptr;
  std::vector<Used> used_;                     // by the request under way
  std::vector<const Session::Slot*> asked_;    // for this exchange: good for it, however soon they end
  std::vector<const Session::Slot*> renewed_;  // after a refusal: at most once each
};

}  // namespace cmms::provider
