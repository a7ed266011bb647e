// What the jobs share: reading a provider's answer and turning a failure into a conclusion.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/exchange/classify.hpp"
#include "core/job/job.hpp"
#include "core/provider/connection.hpp"

namespace cmms::job {

struct Answer {
  Classified classified;
  std::shared_ptr<const json::Document> document;  // null: empty or not JSON

  bool ok() const { return classified.disposition == Disposition::answered_ok; }
};

Answer read_answer(const provider::Connection& connection, const Outcome& outcome, bool idempotent);

// For an answer that is not ok.
Conclusion conclude_failure(const Answer& answer);

// The array of records in a list's answer; nullopt when there is none, which never means "no rows".
std::optional<json::Value> find_records(const std::vector<path::Path>& paths, const Answer& answer);
Error no_records_error(const provider::Connection& connection, const std::vector<path::Path>& paths,
                       const Answer& answer);

// The record in a create's or update's answer.
std::optional<json::Value> find_record(const provider::ResourceMaps& maps, const Answer& answer);

}  // namespace cmms::job
