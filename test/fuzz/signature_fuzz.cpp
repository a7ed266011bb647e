// Webhook headers, bodies and secrets come from outside: whatever they hold, verification answers and reads
// nothing else.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/signature/signature.hpp"

namespace {

// Cuts the next field off the input; fields are separated by a zero byte.
std::string_view next_field(std::string_view& rest) {
  const auto end = rest.find('\0');
  const auto field = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return field;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cmms;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto id = next_field(rest);
  const auto timestamp = next_field(rest);
  const auto signatures = next_field(rest);
  const auto secret = next_field(rest);
  const auto look_up = [&](std::string_view name) -> std::optional<std::string_view> {
    if (name == "webhook-id") return id;
    if (name == "webhook-timestamp") return timestamp;
    return signatures;
  };
  const SystemTime now{std::chrono::seconds(1'700'000'000)};
  const std::string_view good_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const std::string_view secrets[] = {good_secret, secret};
  const auto one = signature::verify("standard_webhooks", std::span(secrets).first(1), {look_up, rest, now});
  const auto both = signature::verify("standard_webhooks", secrets, {look_up, rest, now});
  // A second secret can only admit more, unless it is unusable.
  if (one.ok() && !both.ok() && signature::check_secret("standard_webhooks", secret).ok()) __builtin_trap();
  return 0;
}
