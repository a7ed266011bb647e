#include "core/exchange/message.hpp"

#include <algorithm>

#include "core/exchange/ascii.hpp"

namespace cmms {

std::optional<std::string_view> Response::header(std::string_view name) const {
  const auto found = std::find_if(headers.rbegin(), headers.rend(), [name](const Header& candidate) {
    return ascii::equal_ignore_case(candidate.name, name);
  });
  if (found == headers.rend()) return std::nullopt;
  return std::string_view(found->value);
}

}  // namespace cmms
