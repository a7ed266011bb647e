// Polling by change time. Two ways to walk:
//   keyset: while answers are sorted by change time and respect the filter, each full page is followed by the
//   first
//           page since its last time stamp, so that rows changing meanwhile cannot push others over a page
//           boundary; a page of one single time stamp is followed by its next page.
//   plain:  a server that ignores the sort or the filter is read page by page to the end.
#include "core/job/poll.hpp"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <utility>

#include "core/exchange/ascii.hpp"
#include "core/job/answer.hpp"
#include "core/job/stamp.hpp"
#include "core/json/text.hpp"
#include "core/provider/inbound.hpp"
#include "core/provider/paging.hpp"
#include "core/provider/request.hpp"

namespace cmms::job {
namespace {

using provider::Connection;
using provider::ResourceMaps;
using provider::ResourceSpec;

// Some servers compare in whole seconds and include the second before.
constexpr std::chrono::seconds filter_tolerance{1};
// A stamp further ahead of the provider's clock is a mistake that would silence all later polls.
constexpr std::chrono::minutes clock_tolerance{5};
// A filter in whole seconds, and the second before: what is older does not come again in a keyset walk.
constexpr std::chrono::seconds remembered_span{2};
constexpr std::size_t max_remembered = 100'000;
constexpr int max_passes = 30;
constexpr int idle_passes = 3;  // that found nothing new, over rows that come in another order each time

struct Stamp {
  std::string text;  // as the provider sent it
  std::optional<Micros> micros;
};

struct Row {
  json::Value record;
  std::string id;
  Stamp stamp;
};

// Where a poll starts, decided once.
struct Start {
  Stamp cursor;  // as stored, to see whether it moves
  Stamp filter;  // text empty: everything
};

class PollJob : public Job {
 public:
  PollJob(std::shared_ptr<const Connection> connection, const ResourceSpec& spec, const ResourceMaps& maps,
          std::unique_ptr<provider::Pager> pager, Start start)
      : connection_(std::move(connection)),
        spec_(spec),
        maps_(maps),
        pager_(std::move(pager)),
        start_(std::move(start)),
        filter_(start_.filter),
        stored_(start_.cursor),
        keyset_(maps.changed_since_sorted) {}

  Step start() override { return next_request(); }

  Step on_outcome(const Outcome& outcome) override {
    const Answer answer = read_answer(*connection_, outcome, true);
    if (!answer.ok()) {
      Conclusion conclusion = conclude_failure(answer);
      conclusion.verdict = Verdict::retry;
      return conclusion;
    }
    const std::optional<json::Value> records = find_records(maps_.records, answer);
    if (!records) {
      Conclusion conclusion;
      conclusion.verdict = Verdict::retry;
      conclusion.http_status = answer.classified.http_status;
      conclusion.error = no_records_error(*connection_, maps_.records, answer);
      return conclusion;
    }
    if (!provider_time_) provider_time_ = clock_of(outcome.response);
    const std::vector<Row> rows = read_rows(*records);
    const provider::Progress progress = pager_->advance(answer.document->root(), rows.size());
    bool more = progress != provider::Progress::end;
    bool is_broken = progress == provider::Progress::broken;
    if (is_page_repeated(rows)) {
      is_broken = is_broken || pager_->follows_answers();
      more = is_broken;  // otherwise the server knows no pages: this was all of it
    }
    if (keyset_ && !is_in_order(rows)) keyset_ = false;

    Page page;
    page.answer = answer.document;
    page.records = take_new(rows);
    plan_next(rows, more);
    is_broken_ = is_broken && !finished_ && walked_pages_ > 0;
    page.total = total_of(answer);
    page.cursor = cursor_after(rows);
    if (page.records.empty() && page.cursor.empty()) return on_recorded();
    return page;
  }

  Step on_recorded() override {
    if (is_broken_) return conclude_retry(provider::broken_paging_error(*connection_, spec_.name));
    if (is_unsettled_) return conclude_retry(unsettled_error());
    if (!finished_) return next_request();
    Conclusion conclusion;
    conclusion.verdict = Verdict::complete;
    return conclusion;
  }

 private:
  static Conclusion conclude_retry(Error error) {
    Conclusion conclusion;
    conclusion.verdict = Verdict::retry;
    conclusion.error = std::move(error);
    return conclusion;
  }

  Error unsettled_error() const {
    return Error{
        ErrorClass::provider_unavailable,
        "provider \"" + connection_->provider_id + "\" answers with other " + spec_.name +
            "s of one time stamp each time",
        "They fill several pages, which did not agree in " + std::to_string(max_passes) + " readings.",
        "Let the list be sorted by the id too, or ask for larger pages."};
  }

  // A link to the next page holds the operation's query too.
  provider::OperationSpec list_operation() const {
    provider::OperationSpec operation = *spec_.list;
    if (pager_->is_whole_query()) {
      operation.query.clear();
      operation.join.clear();
    }
    return operation;
  }

  // As of the poll's first page; later ones count what is left from where they start.
  std::optional<std::int64_t> total_of(const Answer& answer) {
    if (std::exchange(is_counted_, true)) return std::nullopt;
    for (const path::Path& path : maps_.total) {
      const auto found = path.first(answer.document->root());
      if (!found) continue;
      if (const auto total = ascii::parse_digits(found->text)) return total;
    }
    return std::nullopt;
  }

  Step next_request() {
    provider::Variables variables;
    std::vector<provider::Parameter> query;
    if (spec_.changed_since) query = spec_.changed_since->query;
    if (!filter_.text.empty() && spec_.changed_since) {
      variables.emplace("cursor", stamp_in_query(filter_.text));
      query.push_back({maps_.changed_since_parameter, spec_.changed_since->value});
    }
    Result<Request> request = provider::make_request(*connection_, list_operation(), variables,
                                                     provider::page_query(*pager_, std::move(query)));
    if (request) return std::move(request).value();
    return conclude_retry(std::move(request).error());
  }

  static Micros clock_of(const Response& response) {
    const auto date = parse_http_date(response.header("date").value_or(""));
    if (date) return Micros(*date);
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  }

  std::vector<Row> read_rows(const json::Value& records) const {
    std::vector<Row> rows;
    rows.reserve(records.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
      const json::Value record = *records.element(i);
      Row row{record,
              provider::record_id(maps_, record),
              {provider::record_updated_at(maps_, record), std::nullopt}};
      row.stamp.micros = parse_stamp(row.stamp.text);
      rows.push_back(std::move(row));
    }
    return rows;
  }

  bool is_page_repeated(const std::vector<Row>& rows) {
    std::vector<std::string> keys;
    keys.reserve(rows.size());
    for (const Row& row : rows) keys.push_back(row.id + "\n" + row.stamp.text);
    const bool repeated = walked_pages_ > 0 && !keys.empty() && keys == previous_keys_;
    previous_keys_ = std::move(keys);
    return repeated;
  }

  // Sorted by change time, within the page and after the one before, and nothing older than was asked for.
  bool is_in_order(const std::vector<Row>& rows) const {
    Micros previous = Micros::min();
    if (walked_pages_ > 0 && last_in_walk_) {
      previous = *last_in_walk_;
    } else if (filter_.micros) {
      previous = *filter_.micros - filter_tolerance;
    }
    for (const Row& row : rows) {
      if (!row.stamp.micros || *row.stamp.micros < previous) return false;
      previous = *row.stamp.micros;
    }
    return true;
  }

  // Leaves out what this poll has handed over already and what is older than its start.
  std::vector<json::Value> take_new(const std::vector<Row>& rows) {
    std::vector<json::Value> fresh;
    for (const Row& row : rows) {
      const std::optional<Micros> start = start_.filter.micros;
      if (start && row.stamp.micros && *row.stamp.micros < *start - filter_tolerance) continue;
      if (row.stamp.micros && (!newest_.micros || *row.stamp.micros > *newest_.micros)) newest_ = row.stamp;
      if (row.id.empty()) {
        fresh.push_back(row.record);
        continue;
      }
      const auto [seen, is_new] = seen_.try_emplace(row.id, row.stamp);
      if (!is_new && seen->second.text == row.stamp.text) continue;
      seen->second = row.stamp;
      fresh.push_back(row.record);
      if (tie_ && row.stamp.micros && *row.stamp.micros <= tie_->last) ++tie_->fresh;
    }
    if (seen_.size() > max_remembered) seen_.clear();  // what comes again is recognised as unchanged
    return fresh;
  }

  void plan_next(const std::vector<Row>& rows, bool more) {
    ++walked_pages_;
    if (!rows.empty()) last_in_walk_ = rows.back().stamp.micros;
    const bool has_progress = keyset_ && !rows.empty() &&
                              *rows.front().stamp.micros != *rows.back().stamp.micros &&
                              (!filter_.micros || *rows.back().stamp.micros > *filter_.micros);
    if (!keyset_) {
      tie_.reset();
      finished_ = !more;
    } else if (more && !has_progress) {
      if (!rows.empty()) extend_tie(rows);
    } else if (tie_ && is_tie_doubtful(rows)) {
      restart(Stamp(filter_));  // from where this reading began
    } else {
      tie_.reset();
      finished_ = !more;
      if (more) restart(rows.back().stamp);
    }
  }

  void extend_tie(const std::vector<Row>& rows) {
    if (!tie_) tie_.emplace();
    tie_->last = *rows.back().stamp.micros;
    count_tied(rows);
  }

  void count_tied(const std::vector<Row>& rows) {
    if (!rows.empty()) ++tie_->pages;
    for (const Row& row : rows) {
      if (*row.stamp.micros <= tie_->last) tie_->read.add(row);
    }
  }

  // A row that changed while it was being walked past has pulled another one over a page boundary. It is then
  // missing from the next reading: rows of one stamp on several pages are read until two readings agree.
  bool is_tie_doubtful(const std::vector<Row>& rows) {
    count_tied(rows);
    if (tie_->pages < 2) return false;
    tie_->idle = tie_->pass > 1 && tie_->fresh == 0 ? tie_->idle + 1 : 0;
    if (tie_->pass > 1 && (tie_->read == tie_->read_before || tie_->idle >= idle_passes)) return false;
    is_unsettled_ = tie_->pass == max_passes;
    ++tie_->pass;
    tie_->pages = 0;
    tie_->fresh = 0;
    tie_->read_before = std::exchange(tie_->read, {});
    return true;
  }

  void restart(const Stamp& filter) {
    filter_ = filter;
    pager_->restart();
    walked_pages_ = 0;
    last_in_walk_.reset();
    if (!filter.micros) return;
    std::erase_if(seen_, [&](const auto& seen) {
      return seen.second.micros && *seen.second.micros < *filter.micros - remembered_span;
    });
  }

  // The cursor to store with this page; empty: it does not move.
  std::string cursor_after(const std::vector<Row>& rows) {
    Stamp stamp;
    if (finished_) {
      // Rows that changed after a plain walk had passed them are older than some that it read later.
      stamp = within_clock(newest_, keyset_ ? clock_tolerance : std::chrono::minutes(0));
    } else if (keyset_ && !tie_ && !rows.empty()) {
      stamp = within_clock(rows.back().stamp, clock_tolerance);
    }
    // A stamp that cannot be compared, or lies behind the stored one, is none to start from.
    if (!stamp.micros || stamp.text == stored_.text) return {};
    const std::optional<Micros>& bound = stored_.micros ? stored_.micros : start_.filter.micros;
    if (bound && *stamp.micros < *bound) return {};
    stored_ = stamp;
    return "{\"updated_at\":" + json::quote(stamp.text) + "}";
  }

  Stamp within_clock(const Stamp& stamp, std::chrono::minutes tolerance) const {
    if (!stamp.micros || *stamp.micros <= *provider_time_ + tolerance) return stamp;
    return {format_stamp(*provider_time_, stamp.text), provider_time_};
  }

  // What a reading of tied rows has found, in whatever order.
  struct Reading {
    std::size_t rows = 0;
    std::size_t sum = 0;

    void add(const Row& row) {
      ++rows;
      sum += std::hash<std::string>()(row.id + "\n" + row.stamp.text);
    }
    friend bool operator==(const Reading&, const Reading&) = default;
  };

  // Rows of one time stamp on several pages. Until they have been read for certain, the cursor stays before
  // them.
  struct Tie {
    Micros last{};
    int pages = 0;  // with rows in them, in this pass
    int pass = 1;
    int fresh = 0;  // rows of the stamp, or older, that only this pass has found
    int idle = 0;   // passes without any, up to this one
    Reading read;
    Reading read_before;
  };

  std::shared_ptr<const Connection> connection_;
  const ResourceSpec& spec_;  // both live as long as the connection
  const ResourceMaps& maps_;
  std::unique_ptr<provider::Pager> pager_;
  Start start_;
  Stamp filter_;  // of the current walk
  Stamp stored_;  // the cursor as stored by now
  bool keyset_;
  bool finished_ = false;
  bool is_broken_ = false;   // there are more pages, and the answer does not tell where
  bool is_counted_ = false;  // the total was looked for
  bool is_unsettled_ = false;
  int walked_pages_ = 0;
  std::optional<Micros> last_in_walk_;
  std::vector<std::string> previous_keys_;
  std::unordered_map<std::string, Stamp> seen_;  // by id, as handed over
  Stamp newest_;
  std::optional<Tie> tie_;
  std::optional<Micros> provider_time_;  // the provider's clock when the poll began
};

// The cursor less the overlap, or the start of the import where that is later.
Result<Start> decide_start(const Connection& connection, const ResourceMaps& maps, std::string_view cursor,
                           const std::optional<std::string>& import_since) {
  Start start;
  if (!cursor.empty()) {
    const Result<json::Document> document = json::Document::parse(cursor);
    const auto updated_at = document ? document.value().root().member("updated_at") : std::nullopt;
    if (updated_at && updated_at->is_string()) start.cursor.text = std::string(updated_at->string());
    start.cursor.micros = parse_stamp(start.cursor.text);
  }
  if (!maps.changed_since_parameter.empty()) start.filter = start.cursor;  // otherwise all is read each time
  if (start.filter.micros) {
    start.filter.micros =
        *start.filter.micros - std::chrono::seconds(connection.integer_option("poll_overlap", 2));
    start.filter.text = format_stamp(*start.filter.micros, start.filter.text);
  }
  if (!import_since) return start;
  const std::optional<Micros> since = parse_stamp(*import_since);
  if (!since) {
    return Error{
        ErrorClass::configuration, "import_since \"" + *import_since + "\" is no time stamp", {}, {}};
  }
  if (!start.filter.micros || *start.filter.micros < *since) {
    start.filter = {format_stamp(*since, start.filter.text), since};
  }
  return start;
}

}  // namespace

Result<std::unique_ptr<Job>> make_poll(std::shared_ptr<const Connection> connection,
                                       std::string_view resource, std::string_view cursor,
                                       const std::optional<std::string>& import_since) {
  const ResourceSpec* spec = connection->descriptor->resource(resource);
  const ResourceMaps* maps = connection->maps(resource);
  if (spec == nullptr || maps == nullptr || !connection->can_poll(resource)) {
    return Error{ErrorClass::configuration,
                 "provider \"" + connection->provider_id + "\" cannot be polled for changed " +
                     std::string(resource) + "s",
                 {},
                 "Its type has no query for what changed since a time."};
  }
  Result<Start> start = decide_start(*connection, *maps, cursor, import_since);
  if (!start) return std::move(start).error();
  Result<std::unique_ptr<provider::Pager>> pager = provider::make_pager(*connection, resource);
  if (!pager) return std::move(pager).error();
  return std::unique_ptr<Job>(std::make_unique<PollJob>(std::move(connection), *spec, *maps,
                                                        std::move(pager).value(), std::move(start).value()));
}

}  // namespace cmms::job
