#include "http/transport.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/exchange/ascii.hpp"
#include "http/request_check.hpp"
#include "http/signal_guard.hpp"
#include "http/transfer.hpp"

namespace cmms::http {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int events_per_wait = 256;
// drive() goes on with what arrives meanwhile, but hands control back: the owner has other duties.
constexpr int rounds_per_drive = 16;

// libcurl's global state lives as long as the process; its own reference count makes a second call harmless.
bool initialise_libcurl() {
  static const bool initialised = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return initialised;
}

Outcome not_sent(Failure failure, std::string error) {
  Outcome outcome;
  outcome.delivery = Delivery::not_sent;
  outcome.failure = failure;
  outcome.error = std::move(error);
  return outcome;
}

}  // namespace

struct Transport::Implementation {
  explicit Implementation(Limits wanted) : limits(wanted) {}
  ~Implementation();
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;
  Implementation(Implementation&&) = delete;
  Implementation& operator=(Implementation&&) = delete;

  void open();
  void fail(std::string message);

  void start(std::uint64_t id, Request request);
  bool start_queued();
  std::unique_ptr<Transfer> idle_transfer();
  void collect();
  int handle_events();
  bool run_timer();

  // Called by libcurl: they must not throw.
  static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* socket_data);
  static int on_timer(CURLM* multi, long milliseconds, void* self);
  void watch(int socket, std::uint32_t events);

  Limits limits;
  std::optional<Error> failure;
  int epoll = -1;
  CURLM* multi = nullptr;
  std::optional<Clock::time_point> deadline;
  std::uint64_t last_id = 0;
  std::deque<std::pair<std::uint64_t, Request>> queue;
  std::unordered_map<std::uint64_t, std::unique_ptr<Transfer>> active;
  std::vector<std::unique_ptr<Transfer>> idle;
  std::vector<Finished> finished;
};

Transport::Implementation::~Implementation() {
  for (auto& [id, transfer] : active) curl_multi_remove_handle(multi, transfer->handle());
  active.clear();
  idle.clear();
  if (multi != nullptr) curl_multi_cleanup(multi);
  if (epoll >= 0) close(epoll);
}

void Transport::Implementation::fail(std::string message) {
  failure = Error{ErrorClass::provider_unavailable, std::move(message), {}, {}};
}

void Transport::Implementation::open() {
  limits.max_connections = std::max<std::size_t>(limits.max_connections, 1);
  if (!initialise_libcurl()) return fail("could not initialise libcurl");
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return fail(std::string("could not create an epoll descriptor: ") + std::strerror(errno));
  multi = curl_multi_init();
  if (multi == nullptr) return fail("could not create a libcurl multi handle");
  const auto connections = static_cast<long>(limits.max_connections);
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, connections);
  curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
}

void Transport::Implementation::watch(int socket, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = socket;
  // Most calls change a socket that is known; a closed one has left the epoll set by itself.
  if (epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) != 0 && errno == ENOENT) {
    epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
  }
}

int Transport::Implementation::on_socket(CURL* /*easy*/, curl_socket_t socket, int what, void* self,
                                         void* /*socket_data*/) {
  auto* implementation = static_cast<Implementation*>(self);
  switch (what) {
    case CURL_POLL_IN:
      implementation->watch(socket, EPOLLIN);
      break;
    case CURL_POLL_OUT:
      implementation->watch(socket, EPOLLOUT);
      break;
    case CURL_POLL_INOUT:
      implementation->watch(socket, EPOLLIN | EPOLLOUT);
      break;
    default:
      epoll_ctl(implementation->epoll, EPOLL_CTL_DEL, socket, nullptr);
  }
  return 0;
}

int Transport::Implementation::on_timer(CURLM* /*multi*/, long milliseconds, void* self) {
  auto& deadline = static_cast<Implementation*>(self)->deadline;
  if (milliseconds < 0) {
    deadline.reset();
  } else {
    deadline = Clock::now() + std::chrono::milliseconds(milliseconds);
  }
  return 0;
}

std::unique_ptr<Transfer> Transport::Implementation::idle_transfer() {
  if (!idle.empty()) {
    auto transfer = std::move(idle.back());
    idle.pop_back();
    return transfer;
  }
  auto transfer = std::make_unique<Transfer>(limits.max_header_bytes);
  if (transfer->handle() == nullptr) transfer.reset();
  return transfer;
}

void Transport::Implementation::start(std::uint64_t id, Request request) {
  auto transfer = idle_transfer();
  if (!transfer || !transfer->prepare(id, std::move(request)) ||
      curl_multi_add_handle(multi, transfer->handle()) != CURLM_OK) {
    finished.push_back({id, not_sent(Failure::connect, "could not set up the request: out of memory")});
    return;
  }
  active.emplace(id, std::move(transfer));
}

bool Transport::Implementation::start_queued() {
  bool started = false;
  while (!queue.empty() && active.size() < limits.max_connections) {
    auto [id, request] = std::move(queue.front());
    queue.pop_front();
    start(id, std::move(request));
    started = true;
  }
  return started;
}

void Transport::Implementation::collect() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;  // the message is gone once its handle is removed
    auto* transfer = Transfer::from_handle(message->easy_handle);
    curl_multi_remove_handle(multi, transfer->handle());
    finished.push_back({transfer->id(), transfer->conclude(code)});
    const auto entry = active.find(transfer->id());
    idle.push_back(std::move(entry->second));
    active.erase(entry);
  }
}

int Transport::Implementation::handle_events() {
  std::array<epoll_event, events_per_wait> events;
  const int ready = epoll_wait(epoll, events.data(), events_per_wait, 0);
  for (int index = 0; index < ready; ++index) {
    const auto& event = events[static_cast<std::size_t>(index)];
    int flags = 0;
    if ((event.events & EPOLLIN) != 0) flags |= CURL_CSELECT_IN;
    if ((event.events & EPOLLOUT) != 0) flags |= CURL_CSELECT_OUT;
    if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) flags |= CURL_CSELECT_ERR;
    int running = 0;
    curl_multi_socket_action(multi, event.data.fd, flags, &running);
  }
  return ready;
}

bool Transport::Implementation::run_timer() {
  if (!deadline || *deadline > Clock::now()) return false;
  deadline.reset();  // before the call: libcurl sets the next one from inside
  int running = 0;
  curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
  return true;
}

Transport::Transport(Limits limits) : implementation_(std::make_unique<Implementation>(limits)) {
  implementation_->open();
}

Transport::~Transport() = default;

const std::optional<Error>& Transport::failure() const { return implementation_->failure; }

int Transport::poll_fd() const { return implementation_->epoll; }

std::uint64_t Transport::submit(Request request) {
  auto& self = *implementation_;
  const std::uint64_t id = ++self.last_id;
  if (self.failure) {
    self.finished.push_back({id, not_sent(Failure::connect, self.failure->message)});
  } else if (auto problem = unusable_because(request); !problem.empty()) {
    self.finished.push_back({id, not_sent(Failure::refused, std::move(problem))});
  } else {
    self.queue.emplace_back(id, std::move(request));
    self.start_queued();
  }
  return id;
}

void Transport::cancel(std::uint64_t id) {
  auto& self = *implementation_;
  std::erase_if(self.finished, [id](const Finished& result) { return result.id == id; });
  std::erase_if(self.queue, [id](const auto& waiting) { return waiting.first == id; });
  const auto entry = self.active.find(id);
  if (entry == self.active.end()) return;
  curl_multi_remove_handle(self.multi, entry->second->handle());
  entry->second->abandon();
  self.idle.push_back(std::move(entry->second));
  self.active.erase(entry);
}

std::optional<std::chrono::milliseconds> Transport::timeout() const {
  const auto& self = *implementation_;
  const bool can_start = !self.queue.empty() && self.active.size() < self.limits.max_connections;
  if (can_start || !self.finished.empty()) return std::chrono::milliseconds(0);
  if (!self.deadline) return std::nullopt;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*self.deadline - Clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

void Transport::drive() {
  auto& self = *implementation_;
  if (self.failure) return;
  const SignalGuard guard;
  for (int round = 0; round < rounds_per_drive; ++round) {
    const int ready = self.handle_events();
    const bool timer = self.run_timer();
    self.collect();
    const bool started = self.start_queued();
    if (ready <= 0 && !timer && !started) break;
  }
}

std::vector<Finished> Transport::take_finished() { return std::exchange(implementation_->finished, {}); }

std::size_t Transport::active() const { return implementation_->active.size(); }

std::size_t Transport::queued() const { return implementation_->queue.size(); }

}  // namespace cmms::http
