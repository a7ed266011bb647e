// No signature at all, for providers that offer none: whoever knows the URL can send. Chosen by name, never a
// fallback.
#include "core/signature/scheme.hpp"

namespace cmms::signature {
namespace {

// No delivery id: one that nobody signed could be used up by a stranger to have the real delivery taken for a
// duplicate.
Result<Verified> verify_nothing(std::span<const std::string_view> /*secrets*/, const Message& /*message*/,
                                const Settings& /*settings*/) {
  return Verified{};
}

Status check_nothing(std::string_view /*secret*/) { return Nothing{}; }

}  // namespace

const Scheme none_scheme{"none", verify_nothing, check_nothing};

}  // namespace cmms::signature
