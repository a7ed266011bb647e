// The session of a connection: the tokens and cookies that its requests share, and the named strategies by
// which modifying requests get theirs. To add one: a file in session/, its declaration in session/styles.hpp
// and a line in session.cpp.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/provider/descriptor.hpp"
#include "core/provider/grant.hpp"
#include "core/result.hpp"

namespace cmms::provider {

struct Connection;

struct SessionStyle {
  std::string_view name;
  std::vector<StyleParameter> (*parameters)();
  // What only the strategy can check of its parameters; empty, or what is wrong with the named one.
  std::string (*problem)(std::string_view parameter, const std::string& value);
  bool (*concerns)(const SessionSpec& spec, std::string_view method);
  // `path` is a template of options.
  Result<GrantSource> (*source)(const SessionSpec& spec, const Connection& connection,
                                const std::string& path);
};

const SessionStyle* find_session_style(std::string_view name);
std::vector<std::string_view> session_style_names();

// Shared by all who send requests of one connection, and gone with it. One thread only.
class Session {
 public:
  struct Slot {
    GrantSource source;
    std::optional<Grant> grant;
    bool is_asked_for = false;  // a request for it is under way
    SystemTime not_before{};    // the last request for it failed
  };

  void set_token(GrantSource source) { token_ = Slot{std::move(source), {}, false, {}}; }
  void add_path(std::string path, GrantSource source);

  Slot* token() { return token_ ? &*token_ : nullptr; }
  Slot* path(std::string_view path);  // null: there is none

  // Of the session at a path: services of one host may name their cookies alike, and would lose each other's
  // sessions in one jar.
  const std::shared_ptr<CookieJar>& cookies(const std::string& path);

  void add_secrets(const Grant& grant);
  // Of the last grants: an older one may still be under way, or stand in an answer.
  const std::deque<std::string>& secrets() const { return secrets_; }

 private:
  std::optional<Slot> token_;
  std::map<std::string, Slot, std::less<>> paths_;
  std::map<std::string, std::shared_ptr<CookieJar>, std::less<>> cookies_;
  std::deque<std::string> secrets_;
};

// The session of a new connection; `token`: where its access token comes from.
std::shared_ptr<Session> make_session(const Connection& connection, std::optional<GrantSource> token);

// Adds to a request of `operation` what the connection's session has for it.
Status join_session(const Connection& connection, const OperationSpec& operation, Request& request);

// Whether the descriptor's own session can be asked for with these options.
Status check_session(const Connection& connection);

}  // namespace cmms::provider
