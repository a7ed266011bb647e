// A create in three steps, each a job of its own: look the companion up, make it, make the record that names
// it.
#include "core/job/companion.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "core/job/lookup.hpp"

namespace cmms::job {
namespace {

using provider::CompanionMaps;
using provider::Connection;

class CompanionPush : public Job {
 public:
  CompanionPush(std::shared_ptr<const Connection> connection, const CompanionMaps& companion, PushInput input)
      : connection_(std::move(connection)), companion_(companion), input_(std::move(input)) {}

  Step start() override {
    return enter(Stage::find, make_lookup(connection_, companion_.resource, input_.reference));
  }
  Step on_outcome(const Outcome& outcome) override { return advance(job_->on_outcome(outcome)); }
  Step on_recorded() override { return advance(job_->on_recorded()); }

 private:
  enum class Stage : std::uint8_t { find, make, create };

  Step enter(Stage stage, Result<std::unique_ptr<Job>> job) {
    if (!job) return give_up(Verdict::rejected, std::move(job).error());
    stage_ = stage;
    job_ = std::move(job).value();
    return advance(job_->start());
  }

  Step advance(Step step) {
    // Companions of other orders are nothing to record.
    if (stage_ == Stage::find && std::holds_alternative<Page>(step)) return on_recorded();
    auto* conclusion = std::get_if<Conclusion>(&step);
    if (conclusion == nullptr || stage_ == Stage::create) return step;
    return stage_ == Stage::find ? on_found(std::move(*conclusion)) : on_made(std::move(*conclusion));
  }

  Step on_found(Conclusion conclusion) {
    if (conclusion.verdict == Verdict::not_found) {
      PushInput made;
      made.resource = companion_.resource;
      made.record = input_.record;
      made.reference = input_.reference;
      return enter(Stage::make, make_push(connection_, std::move(made)));
    }
    if (conclusion.verdict != Verdict::synchronized) return wait(std::move(conclusion));
    if (conclusion.record) {
      const auto named = companion_.record_id.first(*conclusion.record);
      if (named && !named->text.empty() && !named->is_null()) return adopt(named->text);
    }
    return create(conclusion.source_record_id);
  }

  // What a lost answer has made is found by the next attempt.
  Step on_made(Conclusion conclusion) {
    if (conclusion.verdict == Verdict::synchronized) return create(conclusion.source_record_id);
    if (conclusion.verdict == Verdict::in_doubt) {
      conclusion.retry_after =
          std::max(conclusion.retry_after.value_or(std::chrono::seconds(0)), connection_->lookup_grace());
      return wait(std::move(conclusion));
    }
    return named_after_companion(std::move(conclusion));
  }

  Step create(const std::string& companion_id) {
    PushInput input = std::move(input_);
    input.given.push_back({companion_.target, json::Field::string(companion_id)});
    return enter(Stage::create, make_push(connection_, std::move(input)));
  }

  static Step adopt(std::string id) {
    Conclusion conclusion;
    conclusion.verdict = Verdict::synchronized;
    conclusion.source_record_id = std::move(id);
    return conclusion;
  }

  Step wait(Conclusion conclusion) const {
    conclusion.verdict = Verdict::retry;
    return named_after_companion(std::move(conclusion));
  }

  Step named_after_companion(Conclusion conclusion) const {
    conclusion.source_record_id.clear();
    conclusion.record.reset();
    if (conclusion.error) conclusion.error->message.insert(0, companion_.resource + ": ");
    return conclusion;
  }

  static Step give_up(Verdict verdict, Error error) {
    Conclusion conclusion;
    conclusion.verdict = verdict;
    conclusion.error = std::move(error);
    return conclusion;
  }

  std::shared_ptr<const Connection> connection_;
  const CompanionMaps& companion_;  // lives as long as the connection
  PushInput input_;
  Stage stage_ = Stage::find;
  std::unique_ptr<Job> job_;
};

const CompanionMaps* companion_of(const Connection& connection, const PushInput& input) {
  const provider::ResourceMaps* maps = connection.maps(input.resource);
  if (maps == nullptr || !maps->companion || input.operation != PushOperation::create) return nullptr;
  // One that is named already, or was given, needs none.
  return input.given.empty() && !input.reference.empty() ? &*maps->companion : nullptr;
}

}  // namespace

bool has_companion(const Connection& connection, const PushInput& input) {
  return companion_of(connection, input) != nullptr;
}

Result<std::unique_ptr<Job>> make_companion_push(std::shared_ptr<const Connection> connection,
                                                 PushInput input) {
  const CompanionMaps* companion = companion_of(*connection, input);
  if (companion == nullptr) return make_push(std::move(connection), std::move(input));
  return std::unique_ptr<Job>(
      std::make_unique<CompanionPush>(std::move(connection), *companion, std::move(input)));
}

}  // namespace cmms::job
