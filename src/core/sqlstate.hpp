// The extension's own SQLSTATE class WO. The docs list them in docs/errors.md; SQL code uses the same
// literals.
#pragma once

namespace cmms::sqlstate {

inline constexpr const char* unknown_provider = "WO001";
inline constexpr const char* provider_not_active = "WO002";
inline constexpr const char* required_fields_unmapped = "WO003";
inline constexpr const char* illegal_transition = "WO004";
inline constexpr const char* unmapped_value = "WO005";
inline constexpr const char* invalid_configuration = "WO006";
inline constexpr const char* not_available = "WO007";
inline constexpr const char* unsent_changes = "WO008";

inline constexpr const char* authentication = "WO101";
inline constexpr const char* authorization = "WO102";
inline constexpr const char* validation = "WO103";
inline constexpr const char* identity = "WO104";
inline constexpr const char* conflict = "WO105";
inline constexpr const char* provider_unavailable = "WO106";

}  // namespace cmms::sqlstate
