// Reading one record.
#include "core/job/read.hpp"

#include <string>
#include <utility>

#include "core/job/answer.hpp"
#include "core/provider/request.hpp"

namespace cmms::job {
namespace {

using provider::Connection;
using provider::ResourceMaps;
using provider::ResourceSpec;

class ReadJob : public Job {
 public:
  ReadJob(std::shared_ptr<const Connection> connection, const ResourceMaps& maps, Request request)
      : connection_(std::move(connection)), maps_(maps), request_(std::move(request)) {}

  Step start() override { return std::move(request_); }

  Step on_outcome(const Outcome& outcome) override {
    const Answer answer = read_answer(*connection_, outcome, true);
    http_status_ = answer.classified.http_status;
    if (!answer.ok()) {
      Conclusion conclusion = conclude_failure(answer);
      const bool is_missing = http_status_ == 404 || http_status_ == 410;
      if (is_missing && outcome.delivery == Delivery::answered) conclusion.verdict = Verdict::not_found;
      return conclusion;
    }
    const std::optional<json::Value> record = find_record(maps_, answer);
    if (!record) return without_record();
    Page page;
    page.answer = answer.document;
    page.records = {*record};
    return page;
  }

  Step on_recorded() override {
    Conclusion conclusion;
    conclusion.verdict = Verdict::complete;
    conclusion.http_status = http_status_;
    return conclusion;
  }

 private:
  Conclusion without_record() const {
    Conclusion conclusion;
    conclusion.verdict = Verdict::retry;
    conclusion.http_status = http_status_;
    conclusion.error =
        Error{ErrorClass::identity,
              "provider \"" + connection_->provider_id + "\" answered without a record that has an id",
              {},
              "Check the paths of the record and its id."};
    return conclusion;
  }

  std::shared_ptr<const Connection> connection_;
  const ResourceMaps& maps_;  // lives as long as the connection
  Request request_;
  int http_status_ = 0;
};

}  // namespace

Result<std::unique_ptr<Job>> make_read(std::shared_ptr<const Connection> connection,
                                       std::string_view resource, std::string_view source_record_id) {
  const ResourceSpec* spec = connection->descriptor->resource(resource);
  const ResourceMaps* maps = connection->maps(resource);
  if (spec == nullptr || maps == nullptr || !spec->read) {
    return Error{
        ErrorClass::configuration,
        "provider \"" + connection->provider_id + "\" cannot be asked for a single " + std::string(resource),
        {},
        "Its type has no operation that reads one."};
  }
  provider::Variables variables;
  variables.emplace("source_id", source_record_id);
  Result<Request> request = provider::make_request(*connection, *spec->read, variables);
  if (!request) return std::move(request).error();
  request.value().idempotent = true;
  return std::unique_ptr<Job>(
      std::make_unique<ReadJob>(std::move(connection), *maps, std::move(request).value()));
}

}  // namespace cmms::job
