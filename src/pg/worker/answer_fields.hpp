// What the answer to a push says about the record, told apart: the echo of what was sent, and news.
#pragma once

#include <optional>
#include <string>

#include "core/provider/inbound.hpp"
#include "pg/store/push_result.hpp"
#include "pg/worker/task.hpp"

namespace cmms::pg {

struct AnswerFields {
  // Says something that differs from the provider's last document and was not sent by us: to be applied like
  // any other news, or it would be taken for known from now on.
  bool has_news = false;
  provider::InboundRecord inbound;
};

// Fills in what the acknowledgement stores of the answer. The echo is only remembered, so that a provider
// that keeps a value more coarsely than we do changes nothing here.
AnswerFields read_answer_fields(const Task& task, store::Acknowledgement& acknowledgement);

}  // namespace cmms::pg
