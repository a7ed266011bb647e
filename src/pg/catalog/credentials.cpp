#include "pg/prelude.hpp"

#include "pg/catalog/credentials.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "core/result.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/catalog/server.hpp"

extern "C" {
#include "access/reloptions.h"
}

namespace cmms::pg {
namespace {

constexpr std::size_t max_secret_bytes = 64U << 10U;
constexpr std::string_view file_suffix = "_file";

class FileDescriptor {
 public:
  explicit FileDescriptor(const std::string& path)
      : number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  }  // a FIFO must not hang the backend
  ~FileDescriptor() {
    if (number_ >= 0) ::close(number_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int number() const { return number_; }

 private:
  int number_;
};

Error file_error(const std::string& option, const std::string& path, std::string reason) {
  return {.error_class = ErrorClass::configuration,
          .message = "the file of credential \"" + option + "\" cannot be used",
          .detail = "File \"" + path + "\": " + std::move(reason) + ".",
          .hint = "The file must be readable by the operating system user that the server runs as."};
}

Result<std::string> read_secret(const std::string& option, const std::string& path) {
  const FileDescriptor file(path);
  if (file.number() < 0) return file_error(option, path, std::strerror(errno));
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return file_error(option, path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return file_error(option, path, "it is not a regular file");
  std::string content(max_secret_bytes + 1, '\0');
  std::size_t length = 0;
  while (length < content.size()) {
    const ssize_t count = ::read(file.number(), content.data() + length, content.size() - length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error(option, path, std::strerror(errno));
    if (count == 0) break;
    length += static_cast<std::size_t>(count);
  }
  if (length > max_secret_bytes) {
    return file_error(option, path, "it is longer than " + std::to_string(max_secret_bytes) + " bytes");
  }
  content.resize(length);
  while (!content.empty() && (content.back() == '\n' || content.back() == '\r')) content.pop_back();
  if (content.empty()) return file_error(option, path, "it is empty");
  return content;
}

// A role's own mapping wins over the one of PUBLIC, as everywhere in PostgreSQL.
provider::Options mapping_options(Oid server_oid, Oid user) {
  for (const Oid mapped_user : {user, InvalidOid}) {
    List* options = nullptr;
    const bool found = pg_call([&] {
      HeapTuple tuple =
          SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(mapped_user), ObjectIdGetDatum(server_oid));
      if (!HeapTupleIsValid(tuple)) return false;
      bool is_null = false;
      const Datum value =
          SysCacheGetAttr(USERMAPPINGUSERSERVER, tuple, Anum_pg_user_mapping_umoptions, &is_null);
      options = is_null ? NIL : untransformRelOptions(value);
      ReleaseSysCache(tuple);
      return true;
    });
    if (found) return options_from_list(options);
  }
  return {};
}

}  // namespace

FileStamp stamp_of(const std::string& path) {
  FileStamp stamp;
  stamp.path = path;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return stamp;
  stamp.device = static_cast<std::int64_t>(status.st_dev);
  stamp.inode = static_cast<std::int64_t>(status.st_ino);
  stamp.size = status.st_size;
  stamp.modified_seconds = status.st_mtim.tv_sec;
  stamp.modified_nanoseconds = status.st_mtim.tv_nsec;
  return stamp;
}

Credentials read_credentials(unsigned int server_oid, unsigned int user) {
  Credentials credentials;
  for (auto& [name, value] : mapping_options(server_oid, user)) {
    const std::string_view option = name;
    if (!option.ends_with(file_suffix)) {
      credentials.values.emplace(name, value);
      continue;
    }
    const std::string credential(option.substr(0, option.size() - file_suffix.size()));
    credentials.by_file.insert(credential);
    credentials.files.push_back(stamp_of(value));  // before reading: a change in between is noticed next time
    Result<std::string> secret = read_secret(credential, value);
    if (secret) {
      credentials.values.insert_or_assign(credential, std::move(secret).value());
    } else {
      credentials.errors.emplace(credential, std::move(secret).error());
    }
  }
  return credentials;
}

}  // namespace cmms::pg
