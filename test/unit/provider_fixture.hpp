// Connections made from the shipped descriptors, and scripted answers, for the tests of providers and jobs.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <initializer_list>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include "core/exchange/message.hpp"
#include "core/job/job.hpp"
#include "core/json/jansson.hpp"
#include "core/provider/connection.hpp"

namespace cmms::test {

inline const std::string reference = "0b0f5a52-6f2f-4d3e-9f0a-0123456789ab";
inline const std::string mark = "[cmms " + reference + "]";

inline std::string descriptor_text(const std::string& type) {
  std::string path = CMMS_SOURCE_DIR "/providers/";
  path.append(type).append(".json");
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::shared_ptr<const provider::Descriptor> shipped_descriptor(const std::string& type) {
  Result<provider::Descriptor> descriptor = provider::parse_descriptor(descriptor_text(type));
  if (!descriptor) {
    ADD_FAILURE() << descriptor.error().message;
    return nullptr;
  }
  return std::make_shared<const provider::Descriptor>(std::move(descriptor).value());
}

inline provider::ConnectionInput clickmaint_input() {
  provider::ConnectionInput input;
  input.provider_id = "plant_a";
  input.tenant_id = "default";
  input.descriptor = shipped_descriptor("clickmaint");
  input.options = {{"type", "clickmaint"}, {"base_url", "https://cm.test/api/v1/"}, {"entity_id", "12"}};
  input.credentials = {{"api_key", "s3cret-key"}};
  return input;
}

inline provider::ConnectionInput custom_input() {
  provider::ConnectionInput input;
  input.provider_id = "rela";
  input.tenant_id = "default";
  input.descriptor = shipped_descriptor("custom");
  input.options = {{"base_url", "https://cmms.test"}};
  return input;
}

inline std::shared_ptr<const provider::Connection> connect(provider::ConnectionInput input) {
  Result<std::shared_ptr<const provider::Connection>> connection =
      provider::make_connection(std::move(input));
  if (!connection) {
    ADD_FAILURE() << connection.error().message;
    return nullptr;
  }
  return std::move(connection).value();
}

inline json::Document parse(std::string_view text) {
  Result<json::Document> document = json::Document::parse(text);
  if (!document) ADD_FAILURE() << document.error().message << " in " << text;
  return std::move(document).value();
}

inline std::shared_ptr<const json::Document> shared(std::string_view text) {
  return std::make_shared<const json::Document>(parse(text));
}

inline Outcome answered(int status, std::string body, std::vector<Header> headers = {}) {
  Outcome outcome;
  outcome.delivery = Delivery::answered;
  outcome.response.status = status;
  outcome.response.headers = std::move(headers);
  outcome.response.body = std::move(body);
  return outcome;
}

inline Outcome failed(Delivery delivery) {
  Outcome outcome;
  outcome.delivery = delivery;
  outcome.error = "connection lost";
  return outcome;
}

inline const Request& request_of(const job::Step& step) {
  static const Request none;
  const auto* request = std::get_if<Request>(&step);
  if (request == nullptr) ADD_FAILURE() << "the step is no request";
  return request == nullptr ? none : *request;
}

inline job::Conclusion conclusion_of(job::Step step) {
  auto* conclusion = std::get_if<job::Conclusion>(&step);
  if (conclusion == nullptr) {
    ADD_FAILURE() << "the step is no conclusion";
    return {};
  }
  return std::move(*conclusion);
}

inline std::string header_of(const Request& request, std::string_view name) {
  for (const Header& header : request.headers) {
    if (header.name == name) return header.value;
  }
  return "<absent>";
}

inline std::string text_of(const mapping::Mapped& mapped, std::string_view target) {
  const json::Field* field = mapped.find(target);
  return field == nullptr ? "<absent>" : field->to_json();
}

}  // namespace cmms::test
