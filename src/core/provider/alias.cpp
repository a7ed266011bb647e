// Aliases of fields.
#include "core/provider/alias.hpp"

#include "core/path/path.hpp"

namespace cmms::provider {
namespace {

// In the form that was written: bare where it had no `$`.
std::string resolve(const Aliases& aliases, std::string Alias::*direction, const std::string& text) {
  const Result<path::Path> path = path::Path::parse(text);
  if (!path) return text;  // refused when the rule is compiled
  const auto alias = aliases.find(path.value().head());
  if (alias == aliases.end() || (alias->second.*direction).empty()) return text;
  const Result<path::Path> head = path::Path::parse(alias->second.*direction);
  if (!head) return text;  // refused when the descriptor was parsed
  std::string resolved = path.value().with_head(head.value()).text();
  return text.find('$') == 0 ? resolved : resolved.substr(2);
}

}  // namespace

mapping::RuleText resolve_aliases(const Aliases& aliases, std::string_view direction,
                                  mapping::RuleText rule) {
  if (aliases.empty()) return rule;
  if (direction == "outbound") {
    rule.target = resolve(aliases, &Alias::outbound, rule.target);
  } else {
    for (std::string& source : rule.sources) source = resolve(aliases, &Alias::inbound, source);
  }
  return rule;
}

}  // namespace cmms::provider
