// Rules of a provider's own errors.
#include <algorithm>
#include <array>

#include "core/exchange/ascii.hpp"
#include "core/exchange/classify.hpp"

namespace cmms {
namespace {

bool is_equal(char one, char other) { return ascii::to_lower(one) == ascii::to_lower(other); }

bool has_text(ErrorRule::Match match, std::string_view said, std::string_view wanted) {
  switch (match) {
    case ErrorRule::Match::any:
      return true;
    case ErrorRule::Match::equals:
      return ascii::equal_ignore_case(ascii::trim(said), wanted);
    case ErrorRule::Match::starts_with:
      return ascii::equal_ignore_case(ascii::trim(said).substr(0, wanted.size()), wanted);
    case ErrorRule::Match::contains:
      return std::search(said.begin(), said.end(), wanted.begin(), wanted.end(), is_equal) != said.end();
  }
  return false;
}

bool says(const ErrorRule& rule, std::string_view said) {
  return std::any_of(rule.texts.begin(), rule.texts.end(),
                     [&](const std::string& text) { return has_text(rule.match, said, text); });
}

bool fits(const ErrorRule& rule, int status, const json::Value& body, std::string_view message) {
  const bool is_status = rule.statuses.empty() ||
                         std::find(rule.statuses.begin(), rule.statuses.end(), status) != rule.statuses.end();
  if (!is_status || rule.match == ErrorRule::Match::any) return is_status;
  if (rule.paths.empty()) return says(rule, message);
  return std::any_of(rule.paths.begin(), rule.paths.end(), [&](const path::Path& path) {
    const std::vector<json::Value> found = path.all(body);
    return std::any_of(found.begin(), found.end(),
                       [&](const json::Value& value) { return says(rule, json::Field::from(value).text); });
  });
}

}  // namespace

std::optional<Disposition> parse_disposition(std::string_view name) {
  using enum Disposition;
  for (const Disposition each : {retry, rejected, in_doubt}) {
    if (disposition_name(each) == name) return each;
  }
  return std::nullopt;
}

void apply_error_rules(const ErrorPaths& errors, int status, const json::Value& body,
                       std::string_view message, bool idempotent, Classified& classified) {
  const auto rule = std::find_if(errors.rules.begin(), errors.rules.end(),
                                 [&](const ErrorRule& each) { return fits(each, status, body, message); });
  if (rule == errors.rules.end() || !classified.error) return;
  if (rule->disposition) {
    classified.disposition = *rule->disposition;
    if (classified.disposition == Disposition::in_doubt && idempotent)
      classified.disposition = Disposition::retry;
    // It spoke of the disposition that the status had.
    classified.error->detail.clear();
  }
  if (rule->error_class) {
    classified.error->error_class = *rule->error_class;
    classified.error->hint.clear();
  }
  if (rule->provider_wide) classified.provider_wide = *rule->provider_wide;
  if (!rule->hint.empty()) classified.error->hint = rule->hint;
}

}  // namespace cmms
