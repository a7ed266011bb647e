#include "pg/worker/circuit.hpp"

#include <algorithm>

namespace cmms::pg {
namespace {

constexpr int failures_to_open = 5;

}  // namespace

const char* Circuit::state_name() const {
  switch (state_) {
    case State::closed:
      return "closed";
    case State::open:
      return "open";
    case State::half_open:
      return "half_open";
  }
  return "closed";
}

int Circuit::allowed(int slots, SystemTime now) const {
  switch (state_) {
    case State::closed:
      return slots;
    case State::open:
      return now >= retry_at_ ? std::min(slots, 1) : 0;
    case State::half_open:
      return 0;
  }
  return 0;
}

std::optional<SystemTime> Circuit::opens_at(SystemTime now) const {
  if (state_ != State::open || now >= retry_at_) return std::nullopt;
  return retry_at_;
}

void Circuit::on_sent(SystemTime now) {
  if (state_ != State::open || now < retry_at_) return;
  state_ = State::half_open;
  opened_at_ = now;  // answers to earlier requests no longer count
}

void Circuit::on_success(SystemTime sent_at) {
  if (state_ != State::closed && sent_at < opened_at_) return;
  state_ = State::closed;
  failures_ = 0;
  failed_records_.clear();
  openings_ = 0;
}

void Circuit::on_failure(SystemTime sent_at, SystemTime now, bool is_certain, std::string_view record,
                         std::optional<std::chrono::seconds> retry_after, const retry::Policy& policy,
                         retry::Random& random) {
  const bool is_news = state_ == State::closed || sent_at >= opened_at_;
  const bool is_repeated =
      state_ == State::closed && !is_certain &&
      std::find(failed_records_.begin(), failed_records_.end(), record) != failed_records_.end();
  if (is_news && !is_repeated) {
    ++failures_;
    if (state_ == State::closed && !is_certain && failures_ < failures_to_open) {
      if (!record.empty()) failed_records_.emplace_back(record);
      return;
    }
    ++openings_;
    state_ = State::open;
    opened_at_ = now;
    retry_at_ = now + retry::backoff(openings_, policy, random);
  }
  if (retry_after) retry_at_ = std::max(retry_at_, now + *retry_after);
}

void Circuit::on_trial_without_answer() {
  if (state_ == State::half_open) state_ = State::open;
}

void Circuit::try_now() {
  if (state_ == State::open) retry_at_ = {};
}

void Circuit::restore(int failures, SystemTime retry_at) {
  state_ = State::open;
  failures_ = failures;
  openings_ = 1;
  retry_at_ = retry_at;
}

}  // namespace cmms::pg
