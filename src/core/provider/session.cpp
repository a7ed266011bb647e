// Sessions, and the table of their strategies.
#include "core/provider/session.hpp"

#include <algorithm>
#include <array>

#include "core/provider/connection.hpp"
#include "core/provider/session/styles.hpp"

namespace cmms::provider {
namespace {

constexpr std::array<const SessionStyle*, 1> styles{&csrf_session};
constexpr std::size_t most_secrets = 16;

// The source of a path is made when a request first needs it.
Status ensure_path(const Connection& connection, const std::string& path) {
  Session& session = *connection.session;
  if (session.path(path) != nullptr) return Nothing{};
  const SessionSpec& spec = *connection.descriptor->session;
  Result<GrantSource> source = find_session_style(spec.style)->source(spec, connection, path);
  if (!source) return std::move(source).error();
  session.add_path(path, std::move(source).value());
  return Nothing{};
}

const std::string& own_path(const SessionSpec& spec) { return spec.parameters.find("path")->second; }

}  // namespace

const SessionStyle* find_session_style(std::string_view name) {
  for (const SessionStyle* style : styles) {
    if (style->name == name) return style;
  }
  return nullptr;
}

std::vector<std::string_view> session_style_names() {
  std::vector<std::string_view> names;
  names.reserve(styles.size());
  for (const SessionStyle* style : styles) names.push_back(style->name);
  return names;
}

void Session::add_path(std::string path, GrantSource source) {
  paths_.insert_or_assign(std::move(path), Slot{std::move(source), {}, false, {}});
}

Session::Slot* Session::path(std::string_view path) {
  const auto found = paths_.find(path);
  return found == paths_.end() ? nullptr : &found->second;
}

const std::shared_ptr<CookieJar>& Session::cookies(const std::string& path) {
  std::shared_ptr<CookieJar>& jar = cookies_[path];
  if (!jar) jar = std::make_shared<CookieJar>();
  return jar;
}

void Session::add_secrets(const Grant& grant) {
  secrets_.push_back(grant.value);
  for (const std::string& secret : grant.secrets) secrets_.push_back(secret);
  while (secrets_.size() > most_secrets) secrets_.pop_front();
}

std::shared_ptr<Session> make_session(const Connection& connection, std::optional<GrantSource> token) {
  auto session = std::make_shared<Session>();
  if (token) {
    token->request.timeout = connection.timeout();
    token->request.connect_timeout = std::min(token->request.connect_timeout, token->request.timeout);
    token->request.ca_file = std::string(connection.option("ca_file"));
    session->set_token(std::move(*token));
  }
  return session;
}

Status join_session(const Connection& connection, const OperationSpec& operation, Request& request) {
  if (!connection.descriptor->session) return Nothing{};
  const SessionSpec& spec = *connection.descriptor->session;
  const std::string& path = operation.session_path.empty() ? own_path(spec) : operation.session_path;
  request.cookies = connection.session->cookies(path);
  if (!find_session_style(spec.style)->concerns(spec, request.method)) return Nothing{};
  request.session_path = path;
  return ensure_path(connection, request.session_path);
}

Status check_session(const Connection& connection) {
  if (!connection.descriptor->session) return Nothing{};
  return ensure_path(connection, own_path(*connection.descriptor->session));
}

}  // namespace cmms::provider
