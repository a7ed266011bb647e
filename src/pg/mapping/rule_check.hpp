// Whether the rules of a map can work: more than their syntax, what they name must exist.
#pragma once

#include <vector>

#include "core/mapping/mapping.hpp"

namespace cmms::pg {

// A row without source and default switches a rule of the descriptor off.
bool is_switch_off(const mapping::RuleText& rule);

// Raises WO006 for the first rule that cannot work. server_owner: with whose rights SQL functions are called.
void check_rules(const std::vector<mapping::RuleText>& rules, mapping::Direction direction,
                 unsigned int server_owner);

}  // namespace cmms::pg
