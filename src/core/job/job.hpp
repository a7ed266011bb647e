// A job is one piece of provider work that may take several requests: a push, a look-up, a poll, a probe.
// The worker sends what it yields and records what it concludes; the job itself knows neither PostgreSQL nor
// sockets.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/error.hpp"
#include "core/exchange/message.hpp"
#include "core/json/jansson.hpp"

namespace cmms::job {

enum class Verdict : std::uint8_t {
  synchronized,  // the provider has it; source_record_id is set
  retry,         // certainly not done; try again after backoff or retry_after
  rejected,      // cannot heal by itself; errors are kept for a person
  in_doubt,      // may have been done; look up before anything is created again
  not_found,     // a look-up read everything and our reference is not there
  complete,      // a poll or probe has finished
  held,          // nothing was sent: a value has no mapping or a required field is missing
  overtaken,     // nothing was sent: `record` has news of fields that were to be written
  accepted,      // the provider took it and will see to it later; source_record_id may be unknown yet
};

std::string_view verdict_name(Verdict verdict);

// What a finished job tells the recorder.
struct Conclusion {
  Verdict verdict = Verdict::retry;
  std::string source_record_id;
  std::shared_ptr<const json::Document> answer;  // the provider's response body, parsed; may be null
  std::optional<json::Value> record;             // the record inside `answer`
  std::optional<Error>
      error;                 // set unless synchronized/complete, and by a look-up that found several records
  std::string error_fields;  // the provider's field errors as JSON text, or empty
  std::optional<std::chrono::seconds> retry_after;
  int http_status = 0;
  bool provider_wide = false;  // concerns every request to this provider (401, 403, 429, 503, unreachable),
                               // not this record only
  bool unreachable = false;    // nothing of the request left: it cannot be what made it fail
};

// Records read by a poll or a look-up that the recorder must apply, together with the cursor, before it goes
// on.
struct Page {
  std::shared_ptr<const json::Document> answer;
  std::vector<json::Value> records;
  std::optional<std::int64_t> total =
      std::nullopt;    // a poll's first page: records that are to be read, where it says
  std::string cursor;  // JSON text to store once the page is applied; empty: the cursor does not move yet
};

using Step = std::variant<Request, Page, Conclusion>;

class Job {
 public:
  Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  Job(Job&&) = delete;
  Job& operator=(Job&&) = delete;
  virtual ~Job() = default;
  virtual Step start() = 0;
  virtual Step on_outcome(const Outcome& outcome) = 0;  // after a Request
  virtual Step on_recorded() = 0;                       // after a Page was applied and committed
};

}  // namespace cmms::job
