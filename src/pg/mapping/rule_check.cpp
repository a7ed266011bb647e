#include "pg/prelude.hpp"

#include "pg/mapping/rule_check.hpp"

#include <memory>

#include "pg/boundary/guard.hpp"
#include "pg/catalog/work_order_columns.hpp"
#include "pg/mapping/environment.hpp"

namespace cmms::pg {

bool is_switch_off(const mapping::RuleText& rule) { return rule.sources.empty() && !rule.default_value; }

void check_rules(const std::vector<mapping::RuleText>& rules, mapping::Direction direction,
                 unsigned int server_owner) {
  const std::shared_ptr<const mapping::Environment> environment = make_environment(server_owner);
  for (const mapping::RuleText& text : rules) {
    if (is_switch_off(text)) continue;
    const Result<mapping::Rule> rule = mapping::compile_rule(text);
    if (!rule) raise(rule.error());
    check_rule(rule.value(), direction);
    if (Status status = mapping::verify_rule(rule.value(), *environment); !status) raise(status.error());
  }
}

}  // namespace cmms::pg
