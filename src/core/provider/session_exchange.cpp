// Requests and what has to come before them.
#include "core/provider/session_exchange.hpp"

#include <algorithm>
#include <utility>

namespace cmms::provider {
namespace {

using Slot = Session::Slot;

constexpr std::chrono::seconds pause_after_failure{1};

bool contains(const std::vector<const Slot*>& slots, const Slot* slot) {
  return std::find(slots.begin(), slots.end(), slot) != slots.end();
}

// A refusal that says nothing about the record which was to be sent: the preparation itself is wrong.
Error preparation_error(const GrantSource& source, Error error) {
  const bool is_about_request = error.error_class == ErrorClass::validation ||
                                error.error_class == ErrorClass::identity ||
                                error.error_class == ErrorClass::conflict;
  if (is_about_request) {
    error.error_class = ErrorClass::configuration;
    error.hint = "Check the URL or path at which the " + std::string(source.style->subject) +
                 " of this provider is asked for.";
  }
  error.message = "no " + std::string(source.style->subject) + ": " + error.message;
  return error;
}

Outcome failed_preparation(const Outcome& outcome, Error error) {
  Outcome failed;
  failed.delivery = Delivery::not_sent;
  failed.failure = Failure::preparation;
  failed.response.status = outcome.response.status;
  failed.response.headers = outcome.response.headers;
  failed.duration = outcome.duration;
  failed.error = error.message;
  failed.reason = std::move(error);
  return failed;
}

}  // namespace

SessionExchange::SessionExchange(std::shared_ptr<const Connection> connection, Request request)
    : connection_(std::move(connection)), request_(std::move(request)) {}

SessionExchange::~SessionExchange() {
  if (preparing_ != nullptr) preparing_->is_asked_for = false;  // given up on its way
}

std::vector<Slot*> SessionExchange::needs_of(const Request& request) const {
  std::vector<Slot*> needs;
  Session& session = *connection_->session;
  if (request.wants_token) needs.push_back(session.token());
  if (!request.session_path.empty()) needs.push_back(session.path(request.session_path));
  std::erase(needs, nullptr);
  return needs;
}

bool SessionExchange::is_usable(const Slot& slot, SystemTime now) const {
  if (!slot.grant) return false;
  return !slot.grant->expires_at || now < *slot.grant->expires_at || contains(asked_, &slot);
}

std::pair<const Request*, Slot*> SessionExchange::pending(SystemTime now) const {
  const Request* request = &request_;
  Slot* asked_for = nullptr;
  for (;;) {
    const std::vector<Slot*> needs = needs_of(*request);
    const auto missing =
        std::find_if(needs.begin(), needs.end(), [&](const Slot* slot) { return !is_usable(*slot, now); });
    if (missing == needs.end()) return {request, asked_for};
    asked_for = *missing;
    request = &asked_for->source.request;
  }
}

std::optional<SystemTime> SessionExchange::ready_at(SystemTime now) const {
  const Slot* asked_for = pending(now).second;
  if (asked_for == nullptr) return now;
  if (asked_for->is_asked_for) return std::nullopt;
  return std::max(now, asked_for->not_before);
}

Request SessionExchange::next(SystemTime now) {
  const auto [pending_request, asked_for] = pending(now);
  used_.clear();
  preparing_ = asked_for;
  if (preparing_ != nullptr) preparing_->is_asked_for = true;
  const std::vector<Slot*> needs = needs_of(*pending_request);
  // Only what may be refused for its grants can have to be sent again.
  if (needs.empty() && preparing_ == nullptr) return std::move(request_);
  Request request = *pending_request;
  for (Slot* slot : needs) {
    request.headers.push_back({slot->source.header, slot->grant->value});
    used_.push_back({slot, slot->grant->value});
  }
  return request;
}

bool SessionExchange::was_refused(const Outcome& outcome) {
  if (outcome.delivery != Delivery::answered) return false;
  for (const Used& used : used_) {
    Slot& slot = *used.slot;
    if (!slot.source.style->is_refused(outcome.response, slot.source.header)) continue;
    if (contains(renewed_, &slot)) continue;
    renewed_.push_back(&slot);
    std::erase(asked_, &slot);
    // Another exchange may have been quicker to replace it.
    if (slot.grant && slot.grant->value == used.value) slot.grant.reset();
    return true;
  }
  return false;
}

std::optional<Outcome> SessionExchange::take_grant(Slot& slot, const Outcome& outcome, SystemTime now) {
  const GrantSource& source = slot.source;
  const Classified classified = classify(outcome, true, connection_->descriptor->errors, now);
  const bool is_answer =
      outcome.delivery == Delivery::answered &&
      (!classified.error || classified.error->error_class != ErrorClass::provider_unavailable);
  Result<Grant> grant = is_answer ? source.style->read(outcome.response, classified, source.header, now)
                                  : Result<Grant>(*classified.error);
  if (!grant) {
    slot.not_before = now + pause_after_failure;
    return failed_preparation(outcome, preparation_error(source, std::move(grant).error()));
  }
  slot.grant = std::move(grant).value();
  asked_.push_back(&slot);
  connection_->session->add_secrets(*slot.grant);
  return std::nullopt;
}

std::optional<Outcome> SessionExchange::on_outcome(Outcome outcome, SystemTime now) {
  Slot* asked_for = std::exchange(preparing_, nullptr);
  if (asked_for != nullptr) asked_for->is_asked_for = false;
  if (was_refused(outcome)) return std::nullopt;
  if (asked_for == nullptr) return outcome;
  return take_grant(*asked_for, outcome, now);
}

}  // namespace cmms::provider
