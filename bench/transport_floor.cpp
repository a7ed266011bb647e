// The floor under every push: the extension's own HTTP transport posting a work order without a database.
// usage: bench_transport_floor URL COUNT CONNECTIONS   (prints requests per second)
#include <poll.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "http/transport.hpp"

namespace {

cmms::Request work_order(const char* url) {
  cmms::Request request;
  request.method = "POST";
  request.url = url;
  request.headers = {
      {"Content-Type", "application/json"}, {"Authorization", "Bearer bench"}, {"X-Entity-Id", "1"}};
  request.body =
      R"({"work_order":{"title":"bench 1","type":"reactive","description":"[cmms )"
      R"(00000000-0000-0000-0000-000000000000]","priority":"high","due_date":"2026-01-01T00:00:00Z"}})";
  return request;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s URL COUNT CONNECTIONS\n", argv[0]);
    return 2;
  }
  const long count = std::atol(argv[2]);
  const long connections = std::atol(argv[3]);
  cmms::http::Transport transport({.max_connections = static_cast<std::size_t>(connections)});
  long submitted = 0;
  long finished = 0;
  long failed = 0;
  const auto start = std::chrono::steady_clock::now();
  while (finished < count) {
    while (submitted < count && submitted - finished < connections) {
      transport.submit(work_order(argv[1]));
      ++submitted;
    }
    pollfd waiting{transport.poll_fd(), POLLIN, 0};
    const auto timeout = transport.timeout();
    poll(&waiting, 1, timeout ? static_cast<int>(timeout->count()) : 1000);
    transport.drive();
    for (const auto& exchange : transport.take_finished()) {
      ++finished;
      if (exchange.outcome.delivery != cmms::Delivery::answered) ++failed;
    }
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  std::printf("%.0f %ld\n", static_cast<double>(count) / elapsed.count(), failed);
  return failed == 0 ? 0 : 1;
}
