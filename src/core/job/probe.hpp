// Probe: what cmms.test_connection shows. Reads only.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/job/job.hpp"
#include "core/provider/connection.hpp"
#include "core/rate_limit/rate_limit.hpp"
#include "core/result.hpp"

namespace cmms::job {

struct ProbeResult {
  std::string check;  // "reach the provider", "authenticate", or a permission of the descriptor
  bool ok = false;
  int http_status = 0;
  std::optional<Error> error;  // set unless ok
  std::chrono::microseconds duration{0};
};

class ProbeJob : public Job {
 public:
  virtual const std::vector<ProbeResult>& results() const = 0;
  virtual const rate_limit::Observation& limits() const = 0;  // as of the last answer that told them
};

// Concludes 'complete' whatever was found; the findings are in results().
Result<std::unique_ptr<ProbeJob>> make_probe(std::shared_ptr<const provider::Connection> connection);

}  // namespace cmms::job
