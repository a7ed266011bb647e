// A loopback provider that answers every write at once in Click Maint's envelope, so that a benchmark
// measures pg_cmms. usage: bench_sink PORT [ARRIVALS_FILE] With a file, the arrival time of each POST is
// appended to it: "<microseconds since 1970> <title>".
#include <microhttpd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

std::atomic<long> next_id{1};
std::FILE* arrivals = nullptr;

long microseconds_now() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

struct Exchange {
  long arrived_at = 0;
  std::string body;
};

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

MHD_Result answer_write(MHD_Connection* connection, const Exchange& exchange) {
  if (arrivals != nullptr) {
    const std::string_view title = title_of(exchange.body);
    std::fprintf(arrivals, "%ld %.*s\n", exchange.arrived_at, static_cast<int>(title.size()), title.data());
    std::fflush(arrivals);
  }
  char body[256];
  const int length =
      std::snprintf(body, sizeof body,
                    R"({"status":"success","data":{"id":%ld,"status":{"id":1,"name":"Open"},)"
                    R"("created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"},"meta":{}})",
                    next_id.fetch_add(1));
  return answer(connection, MHD_HTTP_CREATED, {body, static_cast<std::size_t>(length)});
}

MHD_Result handle(void*, MHD_Connection* connection, const char*, const char* method, const char*,
                  const char* upload, std::size_t* upload_size, void** state) {
  auto* exchange = static_cast<Exchange*>(*state);
  if (exchange == nullptr) {
    *state = new Exchange{microseconds_now(), {}};
    return MHD_YES;
  }
  if (*upload_size > 0) {
    exchange->body.append(upload, *upload_size);
    *upload_size = 0;
    return MHD_YES;
  }
  if (std::strcmp(method, MHD_HTTP_METHOD_GET) == 0)
    return answer(connection, MHD_HTTP_OK, R"({"status":"success","data":[],"meta":{}})");
  return answer_write(connection, *exchange);
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

  MHD_Daemon* daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TCP_FASTOPEN,
                                        static_cast<std::uint16_t>(std::atoi(argv[1])), nullptr, nullptr,
                                        &handle, nullptr, MHD_OPTION_NOTIFY_COMPLETED, &completed, nullptr,
                                        MHD_OPTION_CONNECTION_LIMIT, 2048U, MHD_OPTION_END);
  if (daemon == nullptr) {
    std::fprintf(stderr, "cannot listen on port %s\n", argv[1]);
    return 1;
  }
  int received = 0;
  sigwait(&stop, &received);
  MHD_stop_daemon(daemon);
  return 0;
}
