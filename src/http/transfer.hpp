// One exchange on one libcurl easy handle. Handles are used again, because setting one up costs more than a
// request.
#pragma once

#include <curl/curl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/exchange/message.hpp"

namespace cmms::http {

class Transfer {
 public:
  explicit Transfer(std::size_t max_header_bytes);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  Transfer(Transfer&&) = delete;
  Transfer& operator=(Transfer&&) = delete;

  static Transfer* from_handle(CURL* easy);

  CURL* handle() const { return easy_; }  // null when libcurl had no memory
  std::uint64_t id() const { return id_; }

  bool prepare(std::uint64_t id, Request request);  // false: no memory
  Outcome conclude(CURLcode code);                  // after the handle has left the multi handle
  void abandon();                                   // drops what the exchange held

 private:
  struct FreeHeaders {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  using HeaderList = std::unique_ptr<curl_slist, FreeHeaders>;

  void set_constant_options();
  bool set_headers();
  void set_method();
  void set_body(const std::string& body);
  void set_connection_policy();
  void set_certificate_authorities();
  bool set_cookies();

  bool may_have_left() const;
  Failure failure_of(CURLcode code) const;
  std::string describe(Failure failure, CURLcode code) const;
  std::string libcurl_text(CURLcode code) const;

  // Called by libcurl: they return a code and never let anything through.
  static std::size_t on_body(const char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(const char* data, std::size_t size, std::size_t count, void* self);
  static int on_about_to_send(void* self, char* remote_ip, char* local_ip, int remote_port, int local_port);
  void take_header_line(std::string_view line);

  CURL* easy_ = nullptr;
  std::size_t max_header_bytes_;
  std::uint64_t id_ = 0;
  Request request_;
  Response response_;
  HeaderList headers_;
  std::size_t header_bytes_ = 0;
  int sends_ = 0;              // how often the request was begun on some connection
  bool counts_sends_ = false;  // whether this libcurl tells
  bool sent_ = false;          // some of it may have left; known at the end
  bool body_too_large_ = false;
  bool headers_too_large_ = false;
  bool headers_are_complete_ = false;  // of the last response
  bool has_own_authorities_ = false;
  std::array<char, CURL_ERROR_SIZE> error_text_{};
};

}  // namespace cmms::http
