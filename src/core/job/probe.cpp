// Probing a provider, one read after the other.
#include "core/job/probe.hpp"

#include "core/job/answer.hpp"
#include "core/provider/request.hpp"

namespace cmms::job {
namespace {

using provider::Connection;

class Probe : public ProbeJob {
 public:
  explicit Probe(std::shared_ptr<const Connection> connection) : connection_(std::move(connection)) {}

  Status prepare() {
    for (const provider::ProbeSpec& spec : connection_->descriptor->probe) {
      Result<Request> request = provider::make_request(*connection_, spec.operation, {});
      if (!request) return std::move(request).error();
      requests_.push_back(std::move(request).value());
    }
    return Nothing{};
  }

  Step start() override { return next(); }

  Step on_outcome(const Outcome& outcome) override {
    const Answer answer = read_answer(*connection_, outcome, true);
    const rate_limit::Observation limits =
        provider::read_limits(*connection_, outcome.response, std::chrono::system_clock::now());
    if (!limits.empty()) limits_ = limits;
    if (position_ == 1) report_reach(outcome, answer);
    report_authentication(outcome, answer);
    report(connection_->descriptor->probe[position_ - 1].permission, answer.ok(), outcome, answer);
    // What cannot be reached need not be asked again.
    if (outcome.delivery != Delivery::answered) return complete();
    return next();
  }

  Step on_recorded() override { return next(); }

  const std::vector<ProbeResult>& results() const override { return results_; }
  const rate_limit::Observation& limits() const override { return limits_; }

 private:
  Step next() {
    if (position_ >= requests_.size()) return complete();
    return requests_[position_++];
  }

  static Conclusion complete() {
    Conclusion conclusion;
    conclusion.verdict = Verdict::complete;
    return conclusion;
  }

  void report(std::string check, bool ok, const Outcome& outcome, const Answer& answer) {
    ProbeResult result;
    result.check = std::move(check);
    result.ok = ok;
    result.http_status = answer.classified.http_status;
    if (!ok) result.error = answer.classified.error;
    result.duration = outcome.duration;
    results_.push_back(std::move(result));
  }

  void report_reach(const Outcome& outcome, const Answer& answer) {
    report("reach the provider", outcome.is_heard(), outcome, answer);
  }

  // Said once: with the first refusal, or with the first answer that got past it.
  void report_authentication(const Outcome& outcome, const Answer& answer) {
    if (authentication_reported_ || !outcome.is_heard()) return;
    const bool refused =
        answer.classified.error && answer.classified.error->error_class == ErrorClass::authentication;
    if (!refused && !answer.ok()) return;
    authentication_reported_ = true;
    report("authenticate", !refused, outcome, answer);
  }

  std::shared_ptr<const Connection> connection_;
  std::vector<Request> requests_;
  std::size_t position_ = 0;
  std::vector<ProbeResult> results_;
  rate_limit::Observation limits_;
  bool authentication_reported_ = false;
};

}  // namespace

Result<std::unique_ptr<ProbeJob>> make_probe(std::shared_ptr<const Connection> connection) {
  if (connection->descriptor->probe.empty()) {
    return Error{ErrorClass::configuration,
                 "provider type " + connection->descriptor->type + " has no probe in its descriptor",
                 {},
                 {}};
  }
  auto job = std::make_unique<Probe>(std::move(connection));
  if (Status status = job->prepare(); !status) return std::move(status).error();
  return std::unique_ptr<ProbeJob>(std::move(job));
}

}  // namespace cmms::job
