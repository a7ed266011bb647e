// A loopback provider that answers every write in Click Maint's envelope, so that a benchmark measures
// pg_cmms. usage: bench_sink PORT [ARRIVALS_FILE] With a file, the arrival time of each POST is appended to
// it: "<microseconds since 1970> <title>". The path may begin with /delay/MILLISECONDS and then /hang/N:
// answers come that late, and every Nth write (1: each) is never answered.
#include <microhttpd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Longer than any request of a benchmark: then the connection is given back.
constexpr milliseconds never{120'000};

std::atomic<long> next_id{1};
std::atomic<long> writes_that_may_hang{0};
std::FILE* arrivals = nullptr;

long microseconds_now() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

// Suspended connections by the time of their answer.
class Delays {
 public:
  void add(MHD_Connection* connection, milliseconds delay) {
    MHD_suspend_connection(connection);
    const std::lock_guard lock(mutex_);
    waiting_.emplace(Clock::now() + delay, connection);
    changed_.notify_one();
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (!is_stopped_) {
      if (waiting_.empty()) {
        changed_.wait(lock);
      } else if (waiting_.begin()->first > Clock::now()) {
        changed_.wait_until(lock, waiting_.begin()->first);
      } else {
        MHD_resume_connection(waiting_.begin()->second);
        waiting_.erase(waiting_.begin());
      }
    }
    for (const auto& [time, connection] : waiting_) MHD_resume_connection(connection);
  }

  void stop() {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    changed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<Clock::time_point, MHD_Connection*> waiting_;
  bool is_stopped_ = false;
};

Delays delays;

struct Exchange {
  long arrived_at = 0;
  bool was_delayed = false;
  std::string body;
};

long number_after(std::string_view path, std::string_view word) {
  const auto start = path.find(word);
  if (start == std::string_view::npos) return 0;
  path.remove_prefix(start + word.size());
  long number = 0;
  std::from_chars(path.data(), path.data() + path.size(), number);
  return number;
}

milliseconds delay_of(std::string_view path, bool is_write) {
  const long every = number_after(path, "/hang/");
  if (every > 0 && is_write && writes_that_may_hang.fetch_add(1) % every == 0) return never;
  return milliseconds(number_after(path, "/delay/"));
}

std::string_view title_of(std::string_view body) {
  constexpr std::string_view key = "\"title\":\"";
  auto start = body.find(key);
  if (start == std::string_view::npos) return {};
  start += key.size();
  return body.substr(start, body.find('"', start) - start);
}

MHD_Result answer(MHD_Connection* connection, unsigned status, std::string_view body) {
  MHD_Response* response =
      MHD_create_response_from_buffer(body.size(), const_cast<char*>(body.data()), MHD_RESPMEM_MUST_COPY);
  MHD_add_response_header(response, "Content-Type", "application/json");
  const MHD_Result queued = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return queued;
}

void note_arrival(const Exchange& exchange) {
  if (arrivals == nullptr) return;
  const std::string_view title = title_of(exchange.body);
  std::fprintf(arrivals, "%ld %.*s\n", exchange.arrived_at, static_cast<int>(title.size()), title.data());
  std::fflush(arrivals);
}

MHD_Result answer_write(MHD_Connection* connection) {
  char body[256];
  const int length =
      std::snprintf(body, sizeof body,
                    R"({"status":"success","data":{"id":%ld,"status":{"id":1,"name":"Open"},)"
                    R"("created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"},"meta":{}})",
                    next_id.fetch_add(1));
  return answer(connection, MHD_HTTP_CREATED, {body, static_cast<std::size_t>(length)});
}

MHD_Result handle(void*, MHD_Connection* connection, const char* path, const char* method, const char*,
                  const char* upload, std::size_t* upload_size, void** state) {
  auto* exchange = static_cast<Exchange*>(*state);
  if (exchange == nullptr) {
    *state = new Exchange{microseconds_now(), false, {}};
    return MHD_YES;
  }
  if (*upload_size > 0) {
    exchange->body.append(upload, *upload_size);
    *upload_size = 0;
    return MHD_YES;
  }
  const bool is_write = std::strcmp(method, MHD_HTTP_METHOD_GET) != 0;
  if (!exchange->was_delayed) {
    exchange->was_delayed = true;
    if (is_write) note_arrival(*exchange);
    const milliseconds delay = delay_of(path, is_write);
    if (delay > milliseconds(0)) {
      delays.add(connection, delay);
      return MHD_YES;
    }
  }
  return is_write ? answer_write(connection)
                  : answer(connection, MHD_HTTP_OK, R"({"status":"success","data":[],"meta":{}})");
}

void completed(void*, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
  delete static_cast<Exchange*>(*state);
  *state = nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s PORT [ARRIVALS_FILE]\n", argv[0]);
    return 2;
  }
  if (argc > 2) arrivals = std::fopen(argv[2], "w");
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  sigprocmask(SIG_BLOCK, &stop, nullptr);

  MHD_Daemon* daemon = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TCP_FASTOPEN | MHD_ALLOW_SUSPEND_RESUME,
      static_cast<std::uint16_t>(std::atoi(argv[1])), nullptr, nullptr, &handle, nullptr,
      MHD_OPTION_NOTIFY_COMPLETED, &completed, nullptr, MHD_OPTION_CONNECTION_LIMIT, 4096U, MHD_OPTION_END);
  if (daemon == nullptr) {
    std::fprintf(stderr, "cannot listen on port %s\n", argv[1]);
    return 1;
  }
  std::thread timer([] { delays.run(); });
  int received = 0;
  sigwait(&stop, &received);
  delays.stop();
  timer.join();
  MHD_stop_daemon(daemon);
  return 0;
}
