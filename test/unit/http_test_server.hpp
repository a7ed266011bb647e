// An HTTP server inside the test process that can misbehave: a thread per connection, and a handler that
// decides what happens with each request. Waiting is done by conditions, never by sleeping.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace cmms::testing {

struct ReceivedRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  int connection = 0;             // counted from 1 over the server's life
  int request_on_connection = 0;  // counted from 1
};

// A door that a handler waits at until the test opens it.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

// The server's side of one connection, plain or TLS.
class ServerConnection {
 public:
  ServerConnection(int socket, SSL_CTX* tls) : socket_(socket) {
    if (tls == nullptr) return;
    ssl_.reset(SSL_new(tls));
    SSL_set_fd(ssl_.get(), socket_);
    open_ = SSL_accept(ssl_.get()) == 1;
  }

  bool is_open() const { return open_; }

  std::size_t read(char* buffer, std::size_t size) {
    const auto got =
        ssl_ ? SSL_read(ssl_.get(), buffer, static_cast<int>(size)) : ::recv(socket_, buffer, size, 0);
    open_ = open_ && got > 0;
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }

  bool write(std::string_view text) {
    while (open_ && !text.empty()) {
      const auto sent = ssl_ ? SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()))
                             : ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        open_ = false;
      } else {
        text.remove_prefix(static_cast<std::size_t>(sent));
      }
    }
    return open_;
  }

  bool respond(int status, std::string_view body, std::string_view extra_headers = {}) {
    std::string text = "HTTP/1.1 " + std::to_string(status) + " Reason\r\nContent-Length: ";
    text.append(std::to_string(body.size())).append("\r\n").append(extra_headers).append("\r\n").append(body);
    return write(text);
  }

  // Ends the connection with RST instead of FIN.
  void reset() {
    const linger immediately{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &immediately, sizeof(immediately));
    open_ = false;
  }

  void close() { open_ = false; }

  // Reads and drops until the client goes away, or the server stops.
  void wait_for_client_to_close() {
    char buffer[4096];
    while (open_) read(buffer, sizeof(buffer));
  }

 private:
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  int socket_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  bool open_ = true;
};

class HttpTestServer {
 public:
  using Handler = std::function<void(ServerConnection&, const ReceivedRequest&)>;
  using OnConnect =
      std::function<void(ServerConnection&)>;  // before anything is read; may end the connection

  explicit HttpTestServer(Handler handler, OnConnect on_connect = {}, SSL_CTX* tls = nullptr)
      : handler_(std::move(handler)), on_connect_(std::move(on_connect)), tls_(tls) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        ::listen(listener_, 1024) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
      throw std::runtime_error("could not start the test server");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_connections(); });
  }

  ~HttpTestServer() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    }
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (auto& thread : threads_) thread.join();
    ::close(listener_);
  }

  HttpTestServer(const HttpTestServer&) = delete;
  HttpTestServer& operator=(const HttpTestServer&) = delete;
  HttpTestServer(HttpTestServer&&) = delete;
  HttpTestServer& operator=(HttpTestServer&&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url(std::string_view target, std::string_view host = "127.0.0.1") const {
    std::string text = tls_ != nullptr ? "https://" : "http://";
    return text.append(host).append(":").append(std::to_string(port_)).append(target);
  }

  std::vector<ReceivedRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  int connections() const { return connections_.load(); }

 private:
  void accept_connections() {
    for (;;) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      const std::lock_guard lock(mutex_);
      if (socket < 0 || stopping_) {
        if (socket >= 0) ::close(socket);
        return;
      }
      const int on = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      sockets_.push_back(socket);
      threads_.emplace_back([this, socket, number = ++connections_] { serve(socket, number); });
    }
  }

  void serve(int socket, int number) {
    {
      ServerConnection connection(socket, tls_);
      if (connection.is_open() && on_connect_) on_connect_(connection);
      std::string buffer;
      for (int count = 1; connection.is_open(); ++count) {
        auto request = read_request(connection, buffer);
        if (!request) break;
        request->connection = number;
        request->request_on_connection = count;
        {
          const std::lock_guard lock(mutex_);
          requests_.push_back(*request);
        }
        handler_(connection, *request);
      }
    }
    const std::lock_guard lock(mutex_);
    std::erase(sockets_, socket);
    ::close(socket);
  }

  static bool fill(ServerConnection& connection, std::string& buffer) {
    char bytes[16384];
    const auto got = connection.read(bytes, sizeof(bytes));
    buffer.append(bytes, got);
    return got > 0;
  }

  static std::optional<ReceivedRequest> read_request(ServerConnection& connection, std::string& buffer) {
    std::size_t end = 0;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
      if (!fill(connection, buffer)) return std::nullopt;
    }
    ReceivedRequest request = parse_head(std::string_view(buffer).substr(0, end));
    buffer.erase(0, end + 4);
    const auto length = request.headers.find("content-length");
    const std::size_t wanted = length == request.headers.end() ? 0 : std::stoul(length->second);
    while (buffer.size() < wanted) {
      if (!fill(connection, buffer)) return std::nullopt;
    }
    request.body = buffer.substr(0, wanted);
    buffer.erase(0, wanted);
    return request;
  }

  static ReceivedRequest parse_head(std::string_view head) {
    ReceivedRequest request;
    const auto next_line = [&head] {
      const auto end = std::min(head.find("\r\n"), head.size());
      const auto line = head.substr(0, end);
      head.remove_prefix(std::min(end + 2, head.size()));
      return line;
    };
    const auto first = next_line();
    const auto blank = first.find(' ');
    request.method = first.substr(0, blank);
    request.target = first.substr(blank + 1, first.rfind(' ') - blank - 1);
    while (!head.empty()) {
      const auto line = next_line();
      const auto colon = line.find(':');
      std::string name(line.substr(0, colon));
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char letter) { return std::tolower(letter); });
      const auto value = line.substr(std::min(line.find_first_not_of(' ', colon + 1), line.size()));
      request.headers[name] = value;
    }
    return request;
  }

  Handler handler_;
  OnConnect on_connect_;
  SSL_CTX* tls_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread acceptor_;
  std::atomic<int> connections_ = 0;
  mutable std::mutex mutex_;
  bool stopping_ = false;
  std::vector<int> sockets_;
  std::vector<std::thread> threads_;
  std::vector<ReceivedRequest> requests_;
};

}  // namespace cmms::testing
