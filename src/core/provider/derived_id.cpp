#include "core/provider/derived_id.hpp"

#include <openssl/evp.h>

#include <array>

namespace cmms::provider {

std::string derived_id(std::initializer_list<std::string_view> parts) {
  std::string joined;
  for (const std::string_view part : parts) {
    joined.append(std::to_string(part.size())).append(":").append(part);  // so that "a" "bc" is not "ab" "c"
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(joined.data(), joined.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1) return {};
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string id = "derived:";
  for (unsigned i = 0; i < length; ++i) {
    id.push_back(digits[digest[i] >> 4U]);
    id.push_back(digits[digest[i] & 15U]);
  }
  return id;
}

}  // namespace cmms::provider
