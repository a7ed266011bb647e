// What can be checked of a descriptor before any connection uses it: that its templates refer to what exists.
#include <algorithm>
#include <array>

#include "core/exchange/ascii.hpp"
#include "core/provider/authentication.hpp"
#include "core/provider/descriptor_reader.hpp"
#include "core/provider/paging.hpp"
#include "core/provider/session.hpp"
#include "core/provider/template.hpp"

namespace cmms::provider {
namespace {

// Placeholders that a request fills in by itself.
constexpr std::array<std::string_view, 6> request_variables{"source_id",       "reference", "reference_mark",
                                                            "reference_short", "cursor",    "now"};
constexpr std::array<std::string_view, 6> methods{"GET", "POST", "PUT", "PATCH", "MERGE", "DELETE"};

class Check {
 public:
  Check(DescriptorReader& reader, const Descriptor& descriptor) : reader_(reader), descriptor_(descriptor) {}

  void all() {
    for (const Parameter& header : descriptor_.headers) parameter(header, "$.headers");
    authentication();
    session();
    for (const OptionSpec& spec : descriptor_.options) {
      const bool is_template = spec.format == ValueFormat::path || spec.format == ValueFormat::template_text;
      if (is_template && spec.default_value) text(*spec.default_value, member_path("$.options", spec.name));
    }
    for (std::size_t i = 0; i < descriptor_.probe.size(); ++i) {
      operation(descriptor_.probe[i].operation, "$.probe[" + std::to_string(i) + "]");
    }
    for (const auto& [name, spec] : descriptor_.resources) resource(spec, member_path("$.resources", name));
    if (descriptor_.webhook) webhook(*descriptor_.webhook);
  }

 private:
  bool is_known(std::string_view name) const {
    return find_option(descriptor_.options, name) != nullptr ||
           find_option(descriptor_.credentials, name) != nullptr ||
           std::find(request_variables.begin(), request_variables.end(), name) != request_variables.end();
  }

  // Whether it has placeholders.
  bool text(const std::string& template_text, const std::string& at) {
    const Result<std::vector<std::string>> names = template_names(template_text);
    if (!names) {
      reader_.fail(at, names.error().message, names.error().hint);
      return true;
    }
    for (const std::string& name : names.value()) {
      if (!is_known(name)) {
        reader_.fail(
            at, "placeholder {" + name + "} is neither an option nor a credential",
            "Requests also know source_id, reference, reference_mark, reference_short, cursor and now.");
      }
    }
    return !names.value().empty();
  }

  void parameter(const Parameter& parameter, const std::string& at) {
    text(parameter.name, at);
    text(parameter.value, member_path(at, parameter.name));
  }

  void path(const std::string& template_text, const std::string& at) {
    if (!text(template_text, at) && !template_text.starts_with('/')) {
      reader_.fail(at, "must start with a slash");
    }
  }

  void operation(const OperationSpec& operation, const std::string& at) {
    if (!operation.unsupported.empty()) return;
    if (!text(operation.method, at + ".method") &&
        std::find(methods.begin(), methods.end(), operation.method) == methods.end()) {
      reader_.fail(at + ".method", "unknown method", "Methods are GET, POST, PUT, PATCH, MERGE and DELETE.");
    }
    path(operation.path, at + ".path");
    if (!operation.session_path.empty()) {
      path(operation.session_path, at + ".session_path");
      if (!descriptor_.session) reader_.fail(at + ".session_path", "the descriptor has no session");
    }
    text(operation.envelope, at + ".envelope");
    text(operation.quota, at + ".quota");
    if (operation.bulk) bulk(*operation.bulk, at + ".bulk");
    for (const Parameter& each : operation.query) parameter(each, at + ".query");
    for (const Parameter& each : operation.headers) parameter(each, at + ".headers");
  }

  void bulk(const BulkSpec& spec, const std::string& at) {
    text(spec.max_items, at + ".max_items");
    paths(spec.id_sent, at + ".id_sent");
    paths(spec.results, at + ".results");
    paths(spec.status, at + ".item_status");
    paths(spec.message, at + ".item_message");
    paths(spec.errors, at + ".item_errors");
    paths(spec.id, at + ".item_id");
    paths(spec.error_index, at + ".error_index");
  }

  void paths(const std::vector<std::string>& paths, const std::string& at) {
    for (const std::string& each : paths) {
      if (text(each, at)) continue;
      const Result<path::Path> parsed = path::Path::parse(each);
      if (!parsed) reader_.fail(at, parsed.error().message);
    }
  }

  template <class Spec>
  void style_parameters(const Spec& spec, const std::vector<StyleParameter>& known, const std::string& at) {
    std::vector<std::string_view> names;
    for (const StyleParameter& each : known) {
      names.push_back(each.name);
      if (each.is_required && !spec.parameters.contains(each.name)) {
        reader_.fail(at, "member \"" + std::string(each.name) + "\" is missing");
      }
    }
    for (const auto& [name, value] : spec.parameters) {
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        reader_.fail(member_path(at, name), "unknown member", style_hint(names));
      }
      text(value, member_path(at, name));
    }
  }

  void authentication() {
    for (const AuthenticationSpec& spec : descriptor_.authentication) {
      const AuthenticationStyle* style = find_authentication_style(spec.style);
      if (style == nullptr) {
        reader_.fail("$.authentication", "unknown style \"" + spec.style + "\"",
                     style_hint(authentication_style_names()));
        return;
      }
      style_parameters(spec, style->parameters(), "$.authentication");
    }
  }

  void session() {
    if (!descriptor_.session) return;
    const SessionSpec& spec = *descriptor_.session;
    const SessionStyle* style = find_session_style(spec.style);
    if (style == nullptr) {
      reader_.fail("$.session", "unknown style \"" + spec.style + "\"", style_hint(session_style_names()));
      return;
    }
    style_parameters(spec, style->parameters(), "$.session");
    for (const auto& [name, value] : spec.parameters) {
      const std::string problem = style->problem(name, value);
      if (!problem.empty()) reader_.fail(member_path("$.session", name), problem);
      if (name == "path") path(value, member_path("$.session", name));
    }
  }

  static std::string style_hint(const std::vector<std::string_view>& names) {
    std::string hint = "Known:";
    for (std::string_view name : names) {
      hint += hint.back() == ':' ? " " : ", ";
      hint += name;
    }
    return hint + ".";
  }

  void resource(const ResourceSpec& spec, const std::string& at) {
    const std::array<std::pair<const std::optional<OperationSpec>*, std::string_view>, 5> operations{
        {{&spec.create, "create"},
         {&spec.update, "update"},
         {&spec.remove, "delete"},
         {&spec.read, "read"},
         {&spec.list, "list"}}};
    for (const auto& [each, name] : operations) {
      if (*each) operation(**each, member_path(at, name));
    }
    companion(spec, at + ".companion");
    for (const auto& [target, when] : spec.outbound_when) text(when, at + ".fields.outbound.when");
    for (std::size_t i = 0; i < spec.outbound.size(); ++i) {
      const std::optional<json::Field>& fallback = spec.outbound[i].default_value;
      const bool is_text = fallback && fallback->kind == json::Kind::string;
      if (is_text) text(fallback->text, at + ".fields.outbound[" + std::to_string(i) + "].default");
    }
    lock(spec, at + ".update.lock");
    status_actions(spec, at + ".status_actions");
    for (const WriteSpec& write : spec.updates) operation(write.operation, at + ".updates");
    text(spec.read_batch.parameter, at + ".read_batch.parameter");
    text(spec.read_batch.each, at + ".read_batch.each");
    paging(spec.paging, at + ".list.paging");
    if (spec.changed_since) {
      text(spec.changed_since->parameter, at + ".list.changed_since.parameter");
      text(spec.changed_since->value, at + ".list.changed_since.value");
      const std::string query_at = at + ".list.changed_since.query";
      for (const Parameter& each : spec.changed_since->query) parameter(each, query_at);
    }
    if (!text(spec.poll, at + ".list.poll") && !spec.poll.empty() && !is_poll_style(spec.poll)) {
      reader_.fail(at + ".list.poll", "must be changed or whole");
    }
    lookup(spec, at + ".lookup");
    paths(spec.total, at + ".list.total");
    paths(spec.reference.read, at + ".reference.read");
    text(spec.reference.field, at + ".reference.field");
    for (const std::string& each : spec.required) text(each, at + ".required");
    paths(spec.records, at + ".list.records");
    paths(spec.record, at + ".record");
    paths(spec.id, at + ".id");
    paths(spec.updated_at, at + ".updated_at");
    paths(spec.revision, at + ".revision");
    for (const LearnSpec& learn : spec.learn) {
      paths(learn.id, at + ".learn." + learn.vocabulary + ".id");
      paths(learn.name, at + ".learn." + learn.vocabulary + ".name");
    }
  }

  void lookup(const ResourceSpec& spec, const std::string& at) {
    if (!spec.lookup) return;
    text(spec.lookup->enabled, at + ".enabled");
    for (const Parameter& each : spec.lookup->query) parameter(each, at + ".query");
    if (spec.lookup->operation) operation(*spec.lookup->operation, at + ".operation");
    paging(spec.lookup->paging, at + ".paging");
    paths(spec.lookup->records, at + ".records");
    paths(spec.lookup->id, at + ".id");
    paths(spec.lookup->reference, at + ".reference");
    if (!spec.lookup->newest_first.empty()) paths({spec.lookup->newest_first}, at + ".newest_first");
  }

  // A style that an option chooses has its parameters beside those of the others.
  void paging(const PagingSpec& spec, const std::string& at) {
    const PagingStyle* only = find_paging_style(spec.style);
    if (!text(spec.style, at + ".style") && only == nullptr) {
      reader_.fail(at + ".style", "unknown style \"" + spec.style + "\"", style_hint(paging_style_names()));
    }
    std::vector<std::string_view> known;
    for (const std::string_view name : paging_style_names()) {
      const PagingStyle* style = find_paging_style(name);
      if (only != nullptr && style != only) continue;
      for (const std::string_view parameter : style->parameters()) known.push_back(parameter);
    }
    for (const auto& [name, value] : spec.parameters) {
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        reader_.fail(member_path(at, name), "unknown member", style_hint(known));
      }
      const bool is_fixed = !text(value, member_path(at, name));
      if (is_fixed && name == "path") paths({value}, member_path(at, name));
      if (is_fixed && name == "page_size" && ascii::parse_digits(value).value_or(0) < 1) {
        reader_.fail(member_path(at, name), "must be a whole number above 0");
      }
    }
    if (only == nullptr) return;
    for (const std::string_view name : only->required()) {
      if (!spec.parameters.contains(name)) {
        reader_.fail(at, "member \"" + std::string(name) + "\" is missing");
      }
    }
  }

  // The version is known by reading the record.
  void lock(const ResourceSpec& spec, const std::string& at) {
    if (!spec.update || spec.update->lock.empty()) return;
    const std::string& lock = spec.update->lock;
    if (!text(lock, at) && lock != "etag" && lock != "any" && lock != "none") {
      reader_.fail(at, "must be etag, any or none");
    }
    if (!spec.read) reader_.fail(at, "needs the operation \"read\"");
  }

  void status_actions(const ResourceSpec& spec, const std::string& at) {
    if (!spec.status_actions) return;
    const StatusActionsSpec& status = *spec.status_actions;
    paths(status.status, at + ".status");
    const auto is_state = [&](const std::string& code) {
      return std::find(status.states.begin(), status.states.end(), code) != status.states.end();
    };
    if (!is_state(status.initial)) reader_.fail(at + ".initial", "is none of the states");
    if (!status.deleted.empty() && !is_state(status.deleted)) {
      reader_.fail(at + ".deleted", "is none of the states");
    }
    for (const std::string& code : status.read_only) {
      if (!is_state(code)) reader_.fail(at + ".read_only", "\"" + code + "\" is none of the states");
    }
    for (std::size_t i = 0; i < status.actions.size(); ++i) {
      const StatusAction& action = status.actions[i];
      const std::string action_at = at + ".actions[" + std::to_string(i) + "]";
      operation(action.operation, action_at);
      if (!is_state(action.to)) reader_.fail(action_at + ".to", "is none of the states");
      for (const std::string& from : action.from) {
        if (!is_state(from)) reader_.fail(action_at + ".from", "\"" + from + "\" is none of the states");
      }
    }
  }

  // It is found again by a look-up, or a create that is tried again would make a second one.
  void companion(const ResourceSpec& spec, const std::string& at) {
    if (!spec.companion) return;
    text(spec.companion->enabled, at + ".enabled");
    paths({spec.companion->record_id}, at + ".record_id");
    const ResourceSpec* resource = descriptor_.resource(spec.companion->resource);
    if (resource == nullptr || !resource->create || !resource->lookup) {
      reader_.fail(at + ".resource", "must be a resource with the operations create and lookup");
    } else if (resource->companion) {
      reader_.fail(at + ".resource", "has a companion of its own");
    }
  }

  void webhook(const WebhookSpec& spec) {
    paths(spec.event, "$.webhook.event");
    paths(spec.records, "$.webhook.records");
    paths(spec.delivery, "$.webhook.delivery");
    paths(spec.occurred_at, "$.webhook.occurred_at");
    known_resource(spec.resource, "$.webhook.resource");
    for (const auto& [event, records] : spec.events) {
      const std::string at = member_path("$.webhook.events", event);
      for (const WebhookRecordSpec& record : records) known_resource(record.resource, at);
    }
  }

  void known_resource(const std::string& name, const std::string& at) {
    if (descriptor_.resource(name) == nullptr) reader_.fail(at, "unknown resource \"" + name + "\"");
  }

  DescriptorReader& reader_;
  const Descriptor& descriptor_;
};

}  // namespace

void check_templates(DescriptorReader& reader, const Descriptor& descriptor) {
  Check(reader, descriptor).all();
}

}  // namespace cmms::provider
