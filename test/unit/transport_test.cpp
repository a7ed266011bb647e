#include "http/transport.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <zlib.h>

#include <csignal>
#include <set>

#include "http_test_server.hpp"
#include "tls_test_identity.hpp"

namespace cmms::http {
namespace {

using testing::Gate;
using testing::HttpTestServer;
using testing::ReceivedRequest;
using testing::ServerConnection;
using testing::TlsTestIdentity;
using namespace std::chrono_literals;

constexpr auto patience = 60s;  // for a condition that should come at once

Request make_request(std::string method, std::string url, std::string body = {}) {
  Request request;
  request.idempotent = method != "POST";
  request.method = std::move(method);
  request.url = std::move(url);
  request.body = std::move(body);
  request.timeout = 30s;
  return request;
}

// Waits for the transport as its owner does, until `done` answers true.
template <class Done>
void drive_until(Transport& transport, Done done) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (!done()) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up);
    pollfd waiting{transport.poll_fd(), POLLIN, 0};
    const auto timeout = std::min<std::chrono::milliseconds>(transport.timeout().value_or(1000ms), 1000ms);
    ASSERT_GE(::poll(&waiting, 1, static_cast<int>(timeout.count())), 0);
    transport.drive();
  }
}

std::vector<Finished> finish_all(Transport& transport, std::size_t count) {
  std::vector<Finished> all;
  drive_until(transport, [&] {
    for (auto& finished : transport.take_finished()) all.push_back(std::move(finished));
    return all.size() >= count;
  });
  return all;
}

Outcome exchange(Transport& transport, Request request) {
  const auto id = transport.submit(std::move(request));
  auto all = finish_all(transport, 1);
  if (all.size() != 1 || all.front().id != id) {
    ADD_FAILURE() << "expected exactly the submitted exchange";
    return {};
  }
  return std::move(all.front().outcome);
}

void answer_ok(ServerConnection& connection, const ReceivedRequest&) {
  connection.respond(200, "{\"ok\":true}");
}

class TransportTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { std::signal(SIGPIPE, SIG_IGN); }
  Transport transport;
};

TEST_F(TransportTest, SendsMethodHeadersAndBodyAsGiven) {
  HttpTestServer server([](ServerConnection& connection, const ReceivedRequest&) {
    connection.respond(201, "{\"id\":7}", "X-Twice: first\r\nx-twice:  second \r\nEmpty:\r\n");
  });
  auto request = make_request("POST", server.url("/api/../v1/orders?a=b%20c"), "{\"title\":\"Pump\"}");
  request.headers = {
      {"Content-Type", "application/json"}, {"Authorization", "Bearer token"}, {"X-Empty", ""}};
  const auto outcome = exchange(transport, std::move(request));

  ASSERT_EQ(outcome.delivery, Delivery::answered);
  EXPECT_EQ(outcome.failure, Failure::none);
  EXPECT_EQ(outcome.error, "");
  EXPECT_GT(outcome.duration.count(), 0);
  EXPECT_EQ(outcome.response.status, 201);
  EXPECT_EQ(outcome.response.body, "{\"id\":7}");
  EXPECT_EQ(outcome.response.header("X-TWICE"), "second");
  EXPECT_EQ(outcome.response.header("empty"), "");
  EXPECT_EQ(outcome.response.header("absent"), std::nullopt);

  const auto received = server.requests();
  ASSERT_EQ(received.size(), 1U);
  auto headers = received[0].headers;
  EXPECT_EQ(received[0].method, "POST");
  EXPECT_EQ(received[0].target, "/api/../v1/orders?a=b%20c");
  EXPECT_EQ(received[0].body, "{\"title\":\"Pump\"}");
  EXPECT_EQ(headers["content-type"], "application/json");
  EXPECT_EQ(headers["authorization"], "Bearer token");
  EXPECT_EQ(headers["user-agent"], "pg_cmms/" CMMS_EXTENSION_VERSION);
  EXPECT_EQ(headers["accept-encoding"], "gzip");
  EXPECT_TRUE(headers.contains("x-empty"));
  EXPECT_FALSE(headers.contains("expect"));
}

TEST_F(TransportTest, UsesOneHandleForEveryMethodInTurn) {
  HttpTestServer server(answer_ok);
  struct Case {
    std::string method, body;
    bool has_length;
  };
  const std::vector<Case> cases{{"POST", "one", true}, {"GET", "", false},    {"PATCH", "two", true},
                                {"HEAD", "", false},   {"DELETE", "", false}, {"PUT", "", true},
                                {"GET", "", false},    {"POST", "", true},    {"DELETE", "three", true}};
  for (const auto& [method, body, has_length] : cases) {
    auto request = make_request(method, server.url("/"), body);
    const auto outcome = exchange(transport, std::move(request));
    ASSERT_EQ(outcome.delivery, Delivery::answered) << method << ": " << outcome.error;
    // The server answers HEAD with a body, which must not be taken for the next answer.
    EXPECT_EQ(outcome.response.body, method == "HEAD" ? "" : "{\"ok\":true}");
  }
  const auto received = server.requests();
  ASSERT_EQ(received.size(), cases.size());
  for (std::size_t index = 0; index < cases.size(); ++index) {
    EXPECT_EQ(received[index].method, cases[index].method);
    EXPECT_EQ(received[index].body, cases[index].body);
    EXPECT_EQ(received[index].headers.contains("content-length"), cases[index].has_length)
        << cases[index].method;
    EXPECT_FALSE(received[index].headers.contains("content-type"));
  }
}

TEST_F(TransportTest, KeepsConnectionsOpen) {
  HttpTestServer server(answer_ok);
  for (int count = 0; count < 20; ++count) {
    EXPECT_EQ(exchange(transport, make_request("POST", server.url("/"), "x")).delivery, Delivery::answered);
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(TransportTest, SendsLargeBodiesWhole) {
  HttpTestServer server(answer_ok);
  const std::string body(8U << 20U, 'x');
  EXPECT_EQ(exchange(transport, make_request("POST", server.url("/"), body)).delivery, Delivery::answered);
  EXPECT_EQ(server.requests().at(0).body, body);
}

TEST_F(TransportTest, RunsAThousandRequestsThroughSixteenConnections) {
  HttpTestServer server([](ServerConnection& connection, const ReceivedRequest& request) {
    connection.respond(200, request.target);
  });
  Transport narrow({.max_connections = 16});
  std::map<std::uint64_t, std::string> expected;
  for (int number = 0; number < 1000; ++number) {
    const auto target = "/" + std::to_string(number);
    expected[narrow.submit(make_request("GET", server.url(target)))] = target;
  }
  EXPECT_EQ(narrow.active(), 16U);
  EXPECT_EQ(narrow.queued(), 984U);
  const auto all = finish_all(narrow, 1000);
  ASSERT_EQ(all.size(), 1000U);
  for (const auto& finished : all) {
    EXPECT_EQ(finished.outcome.delivery, Delivery::answered) << finished.outcome.error;
    EXPECT_EQ(finished.outcome.response.body, expected[finished.id]);
    expected.erase(finished.id);
  }
  EXPECT_TRUE(expected.empty());
  EXPECT_EQ(server.requests().size(), 1000U);
  EXPECT_LE(server.connections(), 16);
  EXPECT_EQ(narrow.active(), 0U);
}

TEST_F(TransportTest, GivesUpAnIdleConnectionWhenAnotherHostNeedsItsPlace) {
  HttpTestServer one(answer_ok);
  HttpTestServer other(answer_ok);
  Transport single({.max_connections = 1});
  for (int count = 0; count < 5; ++count) {
    EXPECT_EQ(exchange(single, make_request("GET", one.url("/"))).delivery, Delivery::answered);
    EXPECT_EQ(exchange(single, make_request("GET", other.url("/"))).delivery, Delivery::answered);
  }
}

TEST_F(TransportTest, SlowAnswersDoNotDelayOthers) {
  Gate gate;
  HttpTestServer server([&gate](ServerConnection& connection, const ReceivedRequest& request) {
    if (request.target == "/slow") {
      connection.write("HTTP/1.1 200 OK\r\nContent-Le");
      gate.wait();
      connection.write("ngth: 4\r\n\r\nslow");
    } else {
      connection.respond(200, "fast");
    }
  });
  const auto slow = transport.submit(make_request("GET", server.url("/slow")));
  drive_until(transport, [&] { return server.requests().size() == 1; });
  EXPECT_EQ(exchange(transport, make_request("GET", server.url("/fast"))).response.body, "fast");
  EXPECT_EQ(transport.active(), 1U);
  gate.open();
  const auto all = finish_all(transport, 1);
  EXPECT_EQ(all.at(0).id, slow);
  EXPECT_EQ(all.at(0).outcome.response.body, "slow");
}

TEST_F(TransportTest, TimesOutWhenTheAnswerNeverComes) {
  HttpTestServer server(
      [](ServerConnection& connection, const ReceivedRequest&) { connection.wait_for_client_to_close(); });
  auto request = make_request("POST", server.url("/"), "x");
  request.timeout = 50ms;
  const auto outcome = exchange(transport, std::move(request));
  EXPECT_EQ(outcome.delivery, Delivery::unknown);
  EXPECT_EQ(outcome.failure, Failure::timed_out);
  EXPECT_EQ(outcome.error,
            "no complete answer from \"127.0.0.1:" + std::to_string(server.port()) + "\" within 50 ms");
  EXPECT_EQ(outcome.response.status, 0);
}

TEST_F(TransportTest, ATimeOutDuringTheTlsHandshakeHasSentNothing) {
  // Speaks no TLS and says nothing, so that the handshake never ends.
  HttpTestServer server(answer_ok,
                        [](ServerConnection& connection) { connection.wait_for_client_to_close(); });
  auto request = make_request("POST", "https://127.0.0.1:" + std::to_string(server.port()) + "/", "x");
  request.connect_timeout = 50ms;
  const auto outcome = exchange(transport, std::move(request));
  EXPECT_EQ(outcome.delivery, Delivery::not_sent);
  EXPECT_EQ(outcome.failure, Failure::timed_out);
  EXPECT_EQ(outcome.error,
            "no connection to \"127.0.0.1:" + std::to_string(server.port()) + "\" within 50 ms");
}

TEST_F(TransportTest, NobodyListeningMeansNotSent) {
  std::string url;
  {
    HttpTestServer server(answer_ok);
    url = server.url("/");
  }
  const auto outcome = exchange(transport, make_request("POST", url, "x"));
  EXPECT_EQ(outcome.delivery, Delivery::not_sent);
  EXPECT_EQ(outcome.failure, Failure::connect);
  EXPECT_EQ(outcome.error.find("could not connect to \"127.0.0.1:"), 0U) << outcome.error;
}

TEST_F(TransportTest, AnUnknownHostMeansNotSent) {
  auto request = make_request("POST", "http://no-such-host.invalid/", "x");
  request.connect_timeout = 5s;
  const auto outcome = exchange(transport, std::move(request));
  EXPECT_EQ(outcome.delivery, Delivery::not_sent);
  if (outcome.failure == Failure::timed_out) GTEST_SKIP() << "the resolver here does not answer";
  EXPECT_EQ(outcome.failure, Failure::resolve);
  EXPECT_EQ(outcome.error, "could not resolve the host name of \"no-such-host.invalid\"");
}

TEST_F(TransportTest, AResetBeforeTheRequestIsReadIsUnknownOnceAByteHasLeft) {
  HttpTestServer server(answer_ok, [](ServerConnection& connection) { connection.reset(); });
  const auto outcome = exchange(transport, make_request("POST", server.url("/"), "x"));
  if (outcome.failure == Failure::connect) {
    EXPECT_EQ(outcome.delivery, Delivery::not_sent);  // the reset came before the first byte had left
    return;
  }
  // The kernel accepted the bytes, so that nothing here can tell that nobody read them.
  EXPECT_EQ(outcome.delivery, Delivery::unknown);
  EXPECT_EQ(outcome.failure, Failure::reset);
}

TEST_F(TransportTest, AResetAfterTheRequestWasReadIsUnknown) {
  HttpTestServer server([](ServerConnection& connection, const ReceivedRequest&) { connection.reset(); });
  const auto outcome = exchange(transport, make_request("POST", server.url("/"), "x"));
  EXPECT_EQ(outcome.delivery, Delivery::unknown);
  EXPECT_EQ(outcome.failure, Failure::reset);
  EXPECT_EQ(server.requests().size(), 1U);
}

// Answers the first request of the first connection and lets the second one break off after reading it.
HttpTestServer::Handler breaks_off_once(bool with_reset) {
  return [with_reset](ServerConnection& connection, const ReceivedRequest& request) {
    if (request.connection == 1 && request.request_on_connection == 2) {
      if (with_reset) {
        connection.reset();
      } else {
        connection.close();
      }
      return;
    }
    connection.respond(200, "ok");
  };
}

TEST_F(TransportTest, NeverSendsACreateTwiceOnAConnectionThatBreaksOff) {
  for (const bool with_reset : {true, false}) {
    for (const std::string body : {"{\"title\":\"Pump\"}", ""}) {
      HttpTestServer server(breaks_off_once(with_reset));
      Transport fresh;
      ASSERT_EQ(exchange(fresh, make_request("GET", server.url("/first"))).delivery, Delivery::answered);
      const auto outcome = exchange(fresh, make_request("POST", server.url("/create"), body));
      EXPECT_EQ(outcome.delivery, Delivery::unknown);
      EXPECT_EQ(outcome.failure, Failure::reset);
      const auto received = server.requests();
      EXPECT_EQ(std::count_if(received.begin(), received.end(),
                              [](const ReceivedRequest& request) { return request.method == "POST"; }),
                1);
      EXPECT_EQ(exchange(fresh, make_request("POST", server.url("/create"), body)).delivery,
                Delivery::answered);
    }
  }
}

TEST_F(TransportTest, RepeatsAnIdempotentRequestOnAConnectionThatBreaksOff) {
  HttpTestServer server(breaks_off_once(true));
  ASSERT_EQ(exchange(transport, make_request("GET", server.url("/first"))).delivery, Delivery::answered);
  const auto outcome = exchange(transport, make_request("PATCH", server.url("/update"), "{}"));
  EXPECT_EQ(outcome.delivery, Delivery::answered) << outcome.error;
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(TransportTest, ATruncatedAnswerIsUnknownButKeepsItsStatus) {
  HttpTestServer server([](ServerConnection& connection, const ReceivedRequest&) {
    connection.write("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\":");
    connection.close();
  });
  const auto outcome = exchange(transport, make_request("POST", server.url("/"), "x"));
  EXPECT_EQ(outcome.delivery, Delivery::unknown);
  EXPECT_EQ(outcome.failure, Failure::reset);
  EXPECT_EQ(outcome.response.status, 201);
}

// libcurl takes such a connection's end for that of the answer.
TEST_F(TransportTest, AnAnswerThatBreaksOffInItsHeadersIsUnknown) {
  for (const char* beginning : {"HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Le",
                                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"}) {
    HttpTestServer server([&](ServerConnection& connection, const ReceivedRequest&) {
      connection.write(beginning);
      connection.close();
    });
    const auto outcome = exchange(transport, make_request("PATCH", server.url("/"), "x"));
    EXPECT_EQ(outcome.delivery, Delivery::unknown) << beginning;
    EXPECT_EQ(outcome.failure, Failure::reset) << beginning;
    EXPECT_NE(outcome.error.find("broke off within the headers of the answer"), std::string::npos);
  }
}

TEST_F(TransportTest, ABadChunkIsUnknown) {
  HttpTestServer server([](ServerConnection& connection, const ReceivedRequest&) {
    connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\nzz\r\n");
    connection.wait_for_client_to_close();
  });
  const auto outcome = exchange(transport, make_request("POST", server.url("/"), "x"));
  EXPECT_EQ(outcome.delivery, Delivery::unknown);
  EXPECT_NE(outcome.failure, Failure::none);
}

TEST_F(TransportTest, AnAnswerThatIsNotHttpIsUnknown) {
  HttpTestServer server([](ServerConnection& connection, const ReceivedRequest&) {
    connection.write("220 smtp.example.com ESMTP\r\n");
    connection.close();
  });
  const auto outcome = exchange(transport, make_request("POST", server.url("/"), "x"));
  EXPECT_EQ(outcome.delivery, Delivery::unknown);
  EXPECT_EQ(outcome.failure, Failure::malformed) << outcome.error;
}

TEST_F(TransportTest, StopsReadingAnEndlessAnswer) {
  std::atomic<std::size_t> written = 0;
  HttpTestServer server([&written](ServerConnection& connection, const ReceivedRequest&) {
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n");
    const std::string block(64U * 1024U, 'x');
    while (written < (1U << 30U) && connection.write(block)) written += block.size();
  });
  auto request = make_request("GET", server.url("/"));
  request.max_response_bytes = 1U << 20U;
  const auto outcome = exchange(transport, std::move(request));
  EXPECT_EQ(outcome.delivery, Delivery::unknown);
  EXPECT_EQ(outcome.failure, Failure::too_large);
  EXPECT_EQ(outcome.error, "response is larger than 1048576 bytes");
  EXPECT_EQ(outcome.response.status, 200);
  EXPECT_TRUE(outcome.response.body.empty());
  EXPECT_LT(written, 64U << 20U);
}

TEST_F(TransportTest, AcceptsAnAnswerOfExactlyTheLimit) {
  HttpTestServer server([](ServerConnection& connection, const ReceivedRequest&) {
    connection.respond(200, std::string(100'000, 'x'));
  });
  auto request = make_request("GET", server.url("/"));
  request.max_response_bytes = 100'000;
  EXPECT_EQ(exchange(transport, request).response.body.size(), 100'000U);
  request.max_response_bytes = 99'999;
  EXPECT_EQ(exchange(transport, request).failure, Failure::too_large);
}

TEST_F(TransportTest, StopsReadingEndlessHeaders) {
  HttpTestServer server([](ServerConnection& connection, const ReceivedRequest&) {
    connection.write("HTTP/1.1 200 OK\r\n");
    while (connection.write("X-Filler: " + std::string(1000, 'x') + "\r\n")) {
    }
  });
  Transport strict({.max_connections = 4, .max_header_bytes = 10'000});
  const auto outcome = exchange(strict, make_request("POST", server.url("/"), "x"));
  EXPECT_EQ(outcome.delivery, Delivery::unknown);
  EXPECT_EQ(outcome.failure, Failure::too_large);
  EXPECT_EQ(outcome.error, "response headers are larger than 10000 bytes");
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  constexpr int gzip_window = 15 + 16;
  EXPECT_EQ(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

TEST_F(TransportTest, CountsDecodedBytesOfACompressedAnswer) {
  const std::string text(20U << 20U, 'x');
  HttpTestServer server([packed = gzip(text)](ServerConnection& connection, const ReceivedRequest&) {
    connection.respond(200, packed, "Content-Encoding: gzip\r\n");
  });
  auto request = make_request("GET", server.url("/"));
  request.max_response_bytes = text.size();
  EXPECT_EQ(exchange(transport, request).response.body, text);
  request.max_response_bytes = 1U << 20U;
  EXPECT_EQ(exchange(transport, request).failure, Failure::too_large);
}

TEST_F(TransportTest, DoesNotFollowRedirects) {
  HttpTestServer target(answer_ok);
  HttpTestServer server([&target](ServerConnection& connection, const ReceivedRequest&) {
    connection.respond(302, "", "Location: " + target.url("/login") + "\r\n");
  });
  const auto outcome = exchange(transport, make_request("GET", server.url("/")));
  EXPECT_EQ(outcome.delivery, Delivery::answered);
  EXPECT_EQ(outcome.response.status, 302);
  EXPECT_EQ(outcome.response.header("location"), target.url("/login"));
  EXPECT_EQ(target.connections(), 0);
}

TEST_F(TransportTest, InterimAnswersAreNotTheAnswer) {
  HttpTestServer server([](ServerConnection& connection, const ReceivedRequest&) {
    connection.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    connection.respond(200, "ok", "X-Real: yes\r\n");
  });
  const auto outcome = exchange(transport, make_request("GET", server.url("/")));
  EXPECT_EQ(outcome.response.status, 200);
  EXPECT_EQ(outcome.response.header("link"), std::nullopt);
  EXPECT_EQ(outcome.response.header("x-real"), "yes");
}

TEST_F(TransportTest, RefusesRequestsThatMustNotReachTheWire) {
  HttpTestServer server(answer_ok);
  const auto refusal = [&](const Request& request) {
    const auto outcome = exchange(transport, request);
    EXPECT_EQ(outcome.delivery, Delivery::not_sent);
    EXPECT_EQ(outcome.failure, Failure::refused);
    return outcome.error;
  };
  EXPECT_EQ(refusal(make_request("GET", "file:///etc/passwd")),
            "the URL does not start with https:// or http://");
  EXPECT_EQ(refusal(make_request("GET", "http://user:secret@host/")), "the URL holds credentials");
  EXPECT_EQ(refusal(make_request("GET", "http:///path")), "the URL names no host");
  EXPECT_EQ(refusal(make_request("GET", "http://host/a b")),
            "the URL holds blanks, control or non-ASCII characters that are not percent-encoded");
  EXPECT_EQ(refusal(make_request("GET /x HTTP/1.1\r\nA:", server.url("/"))),
            "the request's method is malformed");
  auto request = make_request("GET", server.url("/"));
  request.headers = {{"X-Title", "one\r\nX-Injected: yes"}};
  EXPECT_EQ(refusal(request), "header \"X-Title\" holds a line break or a null byte");
  request.headers = {{"X Title", "one"}};
  EXPECT_EQ(refusal(request), "a header of the request has a malformed name");
  request.headers = {{"content-length", "0"}};
  EXPECT_EQ(refusal(request), "header \"content-length\" cannot be set for a request");
  EXPECT_EQ(refusal(make_request("GET", "http://127.0.0.1:99999/")).find("the request cannot be sent: "), 0U);
  EXPECT_EQ(server.connections(), 0);
}

std::string temporary_pem() {
  return ::testing::TempDir() + "/pg_cmms_" + std::to_string(::getpid()) + ".pem";
}

TEST_F(TransportTest, VerifiesTheServersCertificate) {
  TlsTestIdentity identity("IP:127.0.0.1", temporary_pem());
  HttpTestServer server(answer_ok, {}, identity.context());
  auto request = make_request("POST", server.url("/"), "x");

  auto outcome = exchange(transport, request);
  EXPECT_EQ(outcome.delivery, Delivery::not_sent);
  EXPECT_EQ(outcome.failure, Failure::tls);
  EXPECT_NE(outcome.error.find("could not establish a trusted TLS connection to \"127.0.0.1:"),
            std::string::npos);

  request.ca_file = identity.pem_path();
  outcome = exchange(transport, request);
  EXPECT_EQ(outcome.delivery, Delivery::answered) << outcome.error;

  // The same handle without the file must not trust it any more, and must not use the trusted connection.
  request.ca_file.clear();
  EXPECT_EQ(exchange(transport, request).failure, Failure::tls);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(TransportTest, VerifiesTheServersName) {
  TlsTestIdentity identity("DNS:other.example", temporary_pem());
  HttpTestServer server(answer_ok, {}, identity.context());
  auto request = make_request("POST", server.url("/"), "x");
  request.ca_file = identity.pem_path();
  const auto outcome = exchange(transport, std::move(request));
  EXPECT_EQ(outcome.delivery, Delivery::not_sent);
  EXPECT_EQ(outcome.failure, Failure::tls);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(TransportTest, CancelledExchangesAreNotReported) {
  HttpTestServer server([](ServerConnection& connection, const ReceivedRequest& request) {
    if (request.target == "/hang") {
      connection.wait_for_client_to_close();
    } else {
      connection.respond(200, "ok");
    }
  });
  Transport single({.max_connections = 1});
  const auto running = single.submit(make_request("GET", server.url("/hang")));
  const auto waiting = single.submit(make_request("GET", server.url("/hang")));
  const auto wanted = single.submit(make_request("GET", server.url("/ok")));
  const auto refused = single.submit(make_request("GET", "ftp://host/"));
  drive_until(single, [&] { return server.requests().size() == 1; });
  single.cancel(running);
  single.cancel(waiting);
  single.cancel(refused);
  single.cancel(12345);
  const auto all = finish_all(single, 1);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].id, wanted);
  EXPECT_EQ(all[0].outcome.delivery, Delivery::answered);
}

TEST_F(TransportTest, CanBeDestroyedWithTransfersUnderWay) {
  HttpTestServer server(
      [](ServerConnection& connection, const ReceivedRequest&) { connection.wait_for_client_to_close(); });
  {
    Transport doomed({.max_connections = 8});
    for (int count = 0; count < 20; ++count) doomed.submit(make_request("POST", server.url("/"), "x"));
    doomed.submit(make_request("GET", "http://no-such-host.invalid/"));
    drive_until(doomed, [&] { return server.requests().size() == 8; });
  }
  SUCCEED();
}

TEST_F(TransportTest, RunningOutOfDescriptorsFailsTheRequestOnly) {
  HttpTestServer server(answer_ok);
  ASSERT_EQ(exchange(transport, make_request("GET", server.url("/"))).delivery, Delivery::answered);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  Transport other;
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto outcome = exchange(other, make_request("POST", server.url("/"), "x"));
  const Transport without_epoll;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(outcome.delivery, Delivery::not_sent);
  EXPECT_EQ(outcome.failure, Failure::connect);
  EXPECT_TRUE(without_epoll.failure().has_value());
  EXPECT_EQ(exchange(other, make_request("POST", server.url("/"), "x")).delivery, Delivery::answered);
}

TEST_F(TransportTest, LeavesTheCallersSignalMaskAlone) {
  sigset_t before{};
  sigset_t after{};
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  HttpTestServer server(answer_ok);
  // By name: this is what starts a resolver thread.
  exchange(transport, make_request("GET", server.url("/", "localhost")));
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal < SIGRTMIN; ++signal) {
    EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal)) << signal;
  }
}

TEST_F(TransportTest, AsksToBeDrivenOnlyWhenThereIsWork) {
  EXPECT_EQ(transport.timeout(), std::nullopt);
  transport.drive();
  EXPECT_TRUE(transport.take_finished().empty());
  transport.submit(make_request("GET", "ftp://host/"));
  EXPECT_EQ(transport.timeout(), 0ms);
  EXPECT_EQ(transport.take_finished().size(), 1U);
  EXPECT_EQ(transport.timeout(), std::nullopt);
}

// Sets a cookie at /login?name and answers elsewhere with the cookies that it was sent.
void answer_with_cookies(ServerConnection& connection, const ReceivedRequest& request) {
  constexpr std::string_view login = "/login?";
  if (request.target.starts_with(login)) {
    connection.respond(200, "",
                       "Set-Cookie: session=" + request.target.substr(login.size()) + "; path=/\r\n");
    return;
  }
  const auto cookies = request.headers.find("cookie");
  connection.respond(200, cookies == request.headers.end() ? "" : cookies->second);
}

TEST_F(TransportTest, KeepsCookiesWithTheirJar) {
  HttpTestServer server(answer_with_cookies);
  const auto get = [&](const std::string& target, const std::shared_ptr<CookieJar>& jar) {
    auto request = make_request("GET", server.url(target));
    request.cookies = jar;
    return exchange(transport, std::move(request)).response.body;
  };
  const auto plant_a = std::make_shared<CookieJar>();
  const auto plant_b = std::make_shared<CookieJar>();
  get("/login?a", plant_a);
  get("/login?b", plant_b);
  get("/login?nobody", nullptr);
  EXPECT_EQ(get("/", plant_a), "session=a");
  EXPECT_EQ(get("/", plant_b), "session=b");
  EXPECT_EQ(get("/", nullptr), "");
  EXPECT_EQ(get("/", std::make_shared<CookieJar>()), "");
  get("/login?a2", plant_a);
  EXPECT_EQ(get("/", plant_a), "session=a2");
  Transport another;
  auto request = make_request("GET", server.url("/"));
  request.cookies = plant_a;
  EXPECT_EQ(exchange(another, std::move(request)).response.body, "session=a2");
}

TEST_F(TransportTest, SharesAJarAmongManyRequestsAtOnce) {
  HttpTestServer server(answer_with_cookies);
  std::vector<std::shared_ptr<CookieJar>> jars;
  for (int i = 0; i < 8; ++i) {
    jars.push_back(std::make_shared<CookieJar>());
    auto login = make_request("GET", server.url("/login?" + std::to_string(i)));
    login.cookies = jars.back();
    exchange(transport, std::move(login));
  }
  std::map<std::uint64_t, std::string> expected;
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < jars.size(); ++i) {
      auto request = make_request("GET", server.url("/"));
      request.cookies = jars[i];
      expected.emplace(transport.submit(std::move(request)), "session=" + std::to_string(i));
    }
  }
  const auto cancelled = expected.begin()->first;
  transport.cancel(cancelled);
  expected.erase(cancelled);
  jars.clear();  // each goes with the last request that uses it
  for (const auto& finished : finish_all(transport, expected.size())) {
    EXPECT_EQ(finished.outcome.response.body, expected.at(finished.id));
  }
}

}  // namespace
}  // namespace cmms::http
