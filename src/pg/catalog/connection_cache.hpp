// The connections of this database: each configured provider with its descriptor, options, credentials and
// effective maps, built once per backend and rebuilt after any change of the server, its user mapping, the
// maps or a secret's file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/provider/connection.hpp"

namespace cmms::pg {

// Whether a credential that cannot be read (a missing file, say) is an error now or only where it is needed.
enum class Secrets : std::uint8_t { required, optional };

// The functions below need a transaction with an active snapshot and connect to SPI themselves.

// Raises WO001 when there is no foreign server of that name of the foreign data wrapper cmms, WO006 when its
// configuration is wrong. The connection stays valid while it is held, also when the configuration changes
// meanwhile.
std::shared_ptr<const provider::Connection> connection(std::string_view provider_id,
                                                       Secrets secrets = Secrets::required);

// Null instead of WO001.
std::shared_ptr<const provider::Connection> find_connection(std::string_view provider_id,
                                                            Secrets secrets = Secrets::required);

// Why the file of a credential could not be read; none when it could, or when the credential is not given by
// file.
std::optional<Error> credential_error(std::string_view provider_id, std::string_view credential);

// The tenant of a provider, without building its connection; raises WO001.
std::string provider_tenant(std::string_view provider_id);

// Advances with every change of configuration that this backend has heard of: what is derived from a
// connection (compiled row maps, rate limits) is stale when it was made at another generation.
std::uint64_t configuration_generation();

// The same, for what is read from the configuration tables without a connection: changes of them from here on
// are heard of.
std::uint64_t watched_configuration_generation();

}  // namespace cmms::pg
