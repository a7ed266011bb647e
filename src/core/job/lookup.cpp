// Looking a create up by our reference. A list that is read from its newest record on shows other creates
// too, of which the outcome may be unknown as well: they are handed over, so that not each of them is looked
// up.
#include "core/job/lookup.hpp"

#include <algorithm>
#include <utility>

#include "core/exchange/ascii.hpp"
#include "core/job/answer.hpp"
#include "core/provider/inbound.hpp"
#include "core/provider/paging.hpp"
#include "core/provider/request.hpp"

namespace cmms::job {
namespace {

using provider::Connection;
using provider::ResourceMaps;
using provider::ResourceSpec;

constexpr const char* unread =
    "the provider does not find records by our reference, and its list has no pages to be read to the end";

// Between the provider's clock and ours, and for the time that the request was under way.
constexpr std::chrono::hours clock_tolerance{1};

// Numbers by value, so that 99 is older than 100.
bool is_lower_id(const std::string& left, const std::string& right) {
  const auto left_number = ascii::parse_digits(left);
  const auto right_number = ascii::parse_digits(right);
  if (left_number && right_number) return *left_number < *right_number;
  return left < right;
}

class LookupJob : public Job {
 public:
  LookupJob(std::shared_ptr<const Connection> connection, const ResourceSpec& spec, const ResourceMaps& maps,
            std::string reference, std::optional<Micros> attempted_at)
      : connection_(std::move(connection)),
        spec_(spec),
        maps_(maps),
        reference_(std::move(reference)),
        attempted_at_(attempted_at) {
    std::transform(reference_.begin(), reference_.end(), reference_.begin(), ascii::to_lower);
    reference_short_ = provider::reference_short(reference_);
  }

  Status prepare() {
    if (!maps_.can_look_up) return Nothing{};
    Result<std::unique_ptr<provider::Pager>> pager =
        has_own_list() ? provider::make_pager(*connection_, spec_.lookup->paging)
                       : provider::make_pager(*connection_, spec_.name);
    if (!pager) return std::move(pager).error();
    pager_ = std::move(pager).value();
    Result<Request> request = page_request();
    if (!request) return std::move(request).error();
    first_ = std::move(request).value();
    return Nothing{};
  }

  Step start() override {
    if (pager_ == nullptr) {
      return in_doubt("the outcome of the create is unknown, and provider \"" + connection_->provider_id +
                      "\" has nothing to look it up by");
    }
    return std::move(first_);
  }

  Step on_outcome(const Outcome& outcome) override {
    const Answer answer = read_answer(*connection_, outcome, true);
    if (!answer.ok()) {
      Conclusion conclusion = conclude_failure(answer);
      if (conclusion.verdict == Verdict::rejected) conclusion.verdict = Verdict::in_doubt;
      return conclusion;
    }
    const std::optional<json::Value> records = find_records(maps_.lookup.records, answer);
    if (!records) {
      Conclusion conclusion;
      conclusion.verdict = Verdict::retry;
      conclusion.http_status = answer.classified.http_status;
      conclusion.error = no_records_error(*connection_, maps_.lookup.records, answer);
      return conclusion;
    }
    http_status_ = answer.classified.http_status;
    const bool repeated = read_page(answer, *records);
    Step next = step_after(answer, *records, repeated);
    if (others_.empty() || repeated) return next;
    next_ = std::move(next);
    return Page{.answer = answer.document, .records = std::exchange(others_, {}), .cursor = {}};
  }

  Step on_recorded() override { return std::move(next_); }

 private:
  Step step_after(const Answer& answer, const json::Value& records, bool repeated) {
    if (faulty_) return in_doubt("a record carries our reference but has no id");
    const provider::Progress progress = pager_->advance(answer.document->root(), records.size());
    if (repeated) return conclude("the provider answers every page with the same records");
    if (is_past(records)) return conclude({});
    if (progress == provider::Progress::end)
      return conclude(pager_->can_walk() || is_filtered_ ? "" : unread);
    if (progress == provider::Progress::broken)
      return conclude(provider::broken_paging_error(*connection_, spec_.name).message);
    if (++pages_ >= max_lookup_pages)
      return conclude("the look-up was not finished after " + std::to_string(max_lookup_pages) + " pages");
    Result<Request> request = page_request();
    if (!request) return in_doubt(request.error().message);
    return std::move(request).value();
  }

  Result<Request> page_request() const {
    provider::Variables variables;
    variables.emplace("reference", reference_);
    variables.emplace("reference_mark", provider::reference_mark(reference_));
    variables.emplace("reference_short", reference_short_);
    provider::OperationSpec operation = has_own_list() ? *spec_.lookup->operation : *spec_.list;
    if (pager_->is_whole_query()) {
      operation.query.clear();
      operation.join.clear();
    }
    return provider::make_request(*connection_, operation, variables,
                                  provider::page_query(*pager_, spec_.lookup->query));
  }

  // The reference stands in records of another kind, which name ours.
  bool has_own_list() const { return spec_.lookup && spec_.lookup->operation.has_value(); }

  bool names_ours(const json::Value& value) const {
    if (!value.is_string()) return false;
    return ascii::equal_ignore_case(value.string(), reference_) ||
           ascii::equal_ignore_case(value.string(), reference_short_) ||
           provider::find_reference(value.string()) == reference_;
  }

  bool is_ours(const json::Value& record) const {
    if (maps_.lookup.reference.empty()) return provider::record_reference(maps_, record) == reference_;
    for (const path::Path& path : maps_.lookup.reference) {
      const std::vector<json::Value> values = path.all(record);
      if (std::any_of(values.begin(), values.end(),
                      [&](const json::Value& each) { return names_ours(each); }))
        return true;
    }
    return false;
  }

  std::string id_of(const json::Value& record) const {
    for (const path::Path& path : maps_.lookup.id) {
      const std::optional<json::Field> field = path.first(record);
      const bool is_id = field && (field->kind == json::Kind::string || field->kind == json::Kind::number);
      if (is_id && !field->text.empty()) return field->text;
    }
    return {};
  }

  // Whether all that follows was made before the create was sent. A list that does not have the newest first,
  // whatever it was asked for, tells nothing.
  bool is_past(const json::Value& records) {
    if (!maps_.lookup.newest_first || !attempted_at_) return false;
    for (std::size_t i = 0; i < records.size() && is_newest_first_; ++i) {
      const std::optional<json::Field> made = maps_.lookup.newest_first->first(*records.element(i));
      const std::optional<Micros> stamp = made ? parse_stamp(made->text) : std::nullopt;
      is_newest_first_ = stamp && (!oldest_ || *stamp <= *oldest_);
      oldest_ = stamp;
    }
    return is_newest_first_ && oldest_ && *oldest_ < *attempted_at_ - clock_tolerance;
  }

  // Only a record that really carries our reference counts: servers ignore filters that they do not know.
  // Answers whether the page is the one before over again.
  bool read_page(const Answer& answer, const json::Value& records) {
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < records.size(); ++i) {
      const json::Value record = *records.element(i);
      std::string id = id_of(record);
      ids.push_back(id);
      if (!is_ours(record)) {
        is_filtered_ = false;
        if (!has_own_list() && !provider::record_reference(maps_, record).empty()) others_.push_back(record);
        continue;
      }
      if (id.empty()) {
        faulty_ = faulty_ || !has_own_list();  // there, our record is just not made yet
        continue;
      }
      if (!found_.empty() && id != found_) several_ = true;
      if (!found_.empty() && !is_lower_id(id, found_)) continue;
      found_ = std::move(id);
      if (has_own_list()) continue;
      answer_ = answer.document;
      record_ = record;
    }
    const bool repeated = !ids.empty() && ids == previous_ids_;
    previous_ids_ = std::move(ids);
    return repeated;
  }

  // `unfinished`: why not everything was read; empty when it was.
  Conclusion conclude(const std::string& unfinished) const {
    if (found_.empty() && !unfinished.empty()) return in_doubt(unfinished);
    Conclusion conclusion;
    conclusion.http_status = http_status_;
    if (found_.empty()) {
      conclusion.verdict = Verdict::not_found;
      return conclusion;
    }
    conclusion.verdict = Verdict::synchronized;
    conclusion.source_record_id = found_;
    conclusion.answer = answer_;
    conclusion.record = record_;
    if (several_) {
      conclusion.error = Error{
          ErrorClass::identity,
          "provider \"" + connection_->provider_id + "\" has several records with our reference",
          "The one with the lowest id, " + found_ + ", was taken.", "Close the others at the provider."};
    }
    return conclusion;
  }

  Conclusion in_doubt(std::string message) const {
    Conclusion conclusion;
    conclusion.verdict = Verdict::in_doubt;
    conclusion.http_status = http_status_;
    conclusion.error = Error{ErrorClass::identity,
                             std::move(message),
                             {},
                             "Look at the provider whether the order is there, then decide."};
    return conclusion;
  }

  std::shared_ptr<const Connection> connection_;
  const ResourceSpec& spec_;  // both live as long as the connection
  const ResourceMaps& maps_;
  std::string reference_;
  std::string reference_short_;
  std::optional<Micros> attempted_at_;
  std::unique_ptr<provider::Pager> pager_;
  bool is_newest_first_ = true;
  std::optional<Micros> oldest_;  // read so far
  bool is_filtered_ = true;       // no record but ours was answered
  Step first_;
  int pages_ = 0;
  int http_status_ = 0;
  bool several_ = false;
  bool faulty_ = false;
  std::vector<std::string> previous_ids_;
  std::vector<json::Value> others_;  // of the page, that carry another reference
  Step next_;                        // when these are recorded
  std::string found_;
  std::shared_ptr<const json::Document> answer_;
  std::optional<json::Value> record_;
};

}  // namespace

Result<std::unique_ptr<Job>> make_lookup(std::shared_ptr<const Connection> connection,
                                         std::string_view resource, std::string_view reference,
                                         std::optional<Micros> attempted_at) {
  const ResourceSpec* spec = connection->descriptor->resource(resource);
  const ResourceMaps* maps = connection->maps(resource);
  if (spec == nullptr || maps == nullptr) {
    return Error{
        ErrorClass::configuration,
        "provider \"" + connection->provider_id + "\": unknown resource \"" + std::string(resource) + "\"",
        {},
        {}};
  }
  auto job =
      std::make_unique<LookupJob>(std::move(connection), *spec, *maps, std::string(reference), attempted_at);
  if (Status status = job->prepare(); !status) return std::move(status).error();
  return std::unique_ptr<Job>(std::move(job));
}

}  // namespace cmms::job
