// What the outcome of a request means: done, worth another try, refused for good, or possibly done without
// our knowing.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/exchange/http_date.hpp"
#include "core/exchange/message.hpp"
#include "core/json/value.hpp"
#include "core/path/path.hpp"

namespace cmms {

enum class Disposition : std::uint8_t {
  answered_ok,  // a complete 2xx; whether it holds what was asked for is the job's decision
  retry,        // certainly not done, or harmless to repeat
  rejected,     // refused; the same request will be refused again
  in_doubt,     // may have been done and must not simply be repeated: look it up first
};

std::string_view disposition_name(Disposition disposition);

// What an error of the provider's means where its status alone does not tell, or tells something else. What
// is not set here stays as the status says.
struct ErrorRule {
  enum class Match : std::uint8_t { any, equals, contains, starts_with };

  std::vector<int> statuses;      // empty: any
  std::vector<path::Path> paths;  // where the texts are looked for; empty: in the message
  Match match = Match::any;
  std::vector<std::string> texts;  // one of them must be there, in whatever case
  std::optional<ErrorClass> error_class;
  std::optional<Disposition> disposition;
  std::optional<bool> provider_wide;
  std::string hint;
};

// Where the provider's error bodies keep their message and their field errors, and what they mean
// (descriptor: "errors").
struct ErrorPaths {
  std::vector<path::Path> message;  // the first that holds something wins
  std::vector<path::Path> fields;
  std::vector<ErrorRule> rules = {};  // the first that fits counts
};

struct ProviderErrors {
  std::string message;  // one line, capped; empty when the body says nothing
  std::string fields;   // JSON text, capped; empty when there are none
};

struct Classified {
  Disposition disposition = Disposition::retry;
  bool provider_wide = false;  // concerns every request to this provider, not only this record
  bool unreachable = false;    // nothing of the request left: it cannot be what made it fail
  std::optional<Error> error;  // unset only for answered_ok
  std::string error_fields;    // the provider's field errors as JSON text, or empty
  std::optional<std::chrono::seconds> retry_after;
  int http_status = 0;  // 0: no status line was received
};

// `idempotent`: repeating the request does no harm, so that an unknown outcome is simply tried again.
Classified classify(const Outcome& outcome, bool idempotent, const ErrorPaths& paths,
                    SystemTime now = std::chrono::system_clock::now());

std::optional<Disposition> parse_disposition(std::string_view name);  // not 'answered_ok'

// Lets the first rule that fits change what an error means. `body`: null where it is no JSON.
void apply_error_rules(const ErrorPaths& errors, int status, const json::Value& body,
                       std::string_view message, bool idempotent, Classified& classified);

// For providers that answer 200 with an error inside, too.
ProviderErrors extract_errors(const json::Value& body, const ErrorPaths& paths);

std::string_view reason_phrase(int status);  // "Unprocessable Entity"; empty when unknown

}  // namespace cmms
