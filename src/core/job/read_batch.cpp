// Reading many records with one request.
#include "core/job/read_batch.hpp"

#include <algorithm>
#include <utility>

#include "core/job/answer.hpp"
#include "core/provider/inbound.hpp"
#include "core/provider/request.hpp"

namespace cmms::job {
namespace {

using provider::Connection;
using provider::ResourceMaps;
using provider::ResourceSpec;

class ReadBatchJob : public Job {
 public:
  ReadBatchJob(std::shared_ptr<const Connection> connection, const ResourceMaps& maps,
               const std::vector<std::string>& ids, Request request)
      : connection_(std::move(connection)), maps_(maps), ids_(ids), request_(std::move(request)) {}

  Step start() override { return std::move(request_); }

  Step on_outcome(const Outcome& outcome) override {
    const Answer answer = read_answer(*connection_, outcome, true);
    if (!answer.ok()) {
      Conclusion conclusion = conclude_failure(answer);
      conclusion.verdict = Verdict::retry;
      return conclusion;
    }
    const std::optional<json::Value> records = find_records(maps_.records, answer);
    if (!records) {
      Conclusion conclusion;
      conclusion.verdict = Verdict::retry;
      conclusion.http_status = answer.classified.http_status;
      conclusion.error = no_records_error(*connection_, maps_.records, answer);
      return conclusion;
    }
    Page page;
    page.answer = answer.document;
    page.records = wanted_of(*records);
    if (page.records.empty()) return on_recorded();
    return page;
  }

  Step on_recorded() override {
    Conclusion conclusion;
    conclusion.verdict = Verdict::complete;
    return conclusion;
  }

 private:
  // A server that ignores the filter answers with anything.
  std::vector<json::Value> wanted_of(const json::Value& records) const {
    std::vector<json::Value> wanted;
    for (std::size_t i = 0; i < records.size(); ++i) {
      const json::Value record = *records.element(i);
      const std::string id = provider::record_id(maps_, record);
      if (std::find(ids_.begin(), ids_.end(), id) != ids_.end()) wanted.push_back(record);
    }
    return wanted;
  }

  std::shared_ptr<const Connection> connection_;
  const ResourceMaps& maps_;  // lives as long as the connection
  std::vector<std::string> ids_;
  Request request_;
};

Error configuration_error(const Connection& connection, const std::string& message) {
  return Error{ErrorClass::configuration, "provider \"" + connection.provider_id + "\": " + message, {}, {}};
}

// "Id eq '1' or Id eq '2'"
Result<std::string> name_all(const Connection& connection, const provider::ReadBatchSpec& spec,
                             const std::vector<std::string>& ids) {
  std::string all;
  for (const std::string& id : ids) {
    Result<std::optional<std::string>> one = provider::expand(
        spec.each,
        [&](std::string_view name) -> std::optional<provider::Substitute> {
          return name == "source_id" ? provider::Substitute{id} : connection.placeholder(name);
        },
        provider::Escape::none);
    if (!one) return std::move(one).error();
    if (!one.value()) return configuration_error(connection, "a record to be read has no id");
    if (!all.empty()) all += spec.join;
    all += *one.value();
  }
  return all;
}

}  // namespace

int read_batch_size(const Connection& connection, std::string_view resource) {
  const ResourceSpec* spec = connection.descriptor->resource(resource);
  return spec == nullptr ? 0 : spec->read_batch.max_items;
}

Result<std::unique_ptr<Job>> make_read_batch(std::shared_ptr<const Connection> connection,
                                             std::string_view resource, const std::vector<std::string>& ids) {
  const ResourceSpec* spec = connection->descriptor->resource(resource);
  const ResourceMaps* maps = connection->maps(resource);
  if (spec == nullptr || maps == nullptr || !spec->list || spec->read_batch.max_items == 0) {
    return configuration_error(*connection,
                               "records of \"" + std::string(resource) + "\" are not read in batches");
  }
  Result<std::string> names = name_all(*connection, spec->read_batch, ids);
  if (!names) return std::move(names).error();
  provider::Variables variables;
  variables.emplace("batch", std::move(names).value());
  Result<Request> request =
      provider::make_request(*connection, *spec->list, variables, {{spec->read_batch.parameter, "{batch}"}});
  if (!request) return std::move(request).error();
  return std::unique_ptr<Job>(
      std::make_unique<ReadBatchJob>(std::move(connection), *maps, ids, std::move(request).value()));
}

}  // namespace cmms::job
