// The session strategies that exist; the table in session.cpp lists them.
#pragma once

#include "core/provider/session.hpp"

namespace cmms::provider {

extern const SessionStyle csrf_session;  // a token against cross-site request forgery, with cookies

}  // namespace cmms::provider
