#include "pg/launcher/place.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <system_error>
#include <utility>

#include "pg/boundary/guard.hpp"

extern "C" {
#include "common/file_perm.h"
}

namespace cmms::pg {
namespace {

constexpr const char* file_name = "pg_cmms.place";
constexpr const char* new_file_name = "pg_cmms.place.new";
constexpr const char* heading =
    "# Written by pg_cmms: tells this data directory from a copy of it, see cmms.arm().\n";

using Entries = std::map<std::string, std::string>;

Entries read_entries(const char* path) {
  Entries entries;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto space = line.find(' ');
    if (line.starts_with('#') || space == std::string::npos) continue;
    entries[line.substr(0, space)] = line.substr(space + 1);
  }
  return entries;
}

std::string first_line(const char* path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

std::string real_path(const char* path) {
  std::error_code error;
  const std::filesystem::path resolved = std::filesystem::canonical(path, error);
  return error ? path : resolved.string();
}

// A file's time of birth cannot be copied, where the file system knows it.
std::string birth_of(const char* path) {
#ifdef STATX_BTIME
  struct statx status {};
  if (statx(AT_FDCWD, path, 0, STATX_BTIME, &status) == 0 && (status.stx_mask & STATX_BTIME) != 0) {
    return std::to_string(status.stx_btime.tv_sec) + "." + std::to_string(status.stx_btime.tv_nsec);
  }
#endif
  return "unknown";
}

// Where a file of the data directory is. Empty when it is not there.
Entries whereabouts(const char* path) {
  struct stat status {};
  if (stat(path, &status) != 0) return {};
  return {{"machine", first_line("/etc/machine-id")},
          {"directory", real_path(DataDir)},
          {"device", std::to_string(status.st_dev)},
          {"inode", std::to_string(status.st_ino)},
          {"born", birth_of(path)}};
}

// A directory may be moved within its file system, and a file system may get another number at a reboot; what
// was copied is another file.
bool is_true(const Entries& kept, const Entries& found) {
  auto is_same = [&](const char* name) {
    const auto entry = kept.find(name);
    return entry != kept.end() && entry->second == found.at(name);
  };
  return is_same("machine") && is_same("inode") && is_same("born") &&
         (is_same("directory") || is_same("device"));
}

bool write_text(const char* path, const std::string& text) {
  const int file = open(path, O_WRONLY | O_TRUNC, pg_file_create_mode);
  if (file < 0) return false;
  const bool is_written =
      write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(file) == 0;
  return close(file) == 0 && is_written;
}

// The file names its own inode, so it is made first and filled then.
void write_file(const std::string& id, bool is_unclaimed) {
  unlink(new_file_name);
  const int file = open(new_file_name, O_WRONLY | O_CREAT | O_EXCL, pg_file_create_mode);
  bool is_written = file >= 0 && close(file) == 0;
  if (is_written) {
    std::string text = heading;
    text += "id " + id + "\nunclaimed " + (is_unclaimed ? "yes" : "no") + "\n";
    for (const auto& [name, value] : whereabouts(new_file_name)) text += name + " " + value + "\n";
    is_written = write_text(new_file_name, text);
  }
  if (is_written && pg_call([] { return durable_rename(new_file_name, file_name, LOG); }) == 0) return;
  log(LOG,
      std::string("pg_cmms cannot write \"") + file_name +
          "\" in the data directory: " + std::strerror(errno),
      "After the next start this server may take itself for a copy.");
}

constexpr const char* hexadecimal = "0123456789abcdef";

std::string text_of(const pg_uuid_t& id) {
  std::string text;
  for (const unsigned char byte : id.data) {
    text += hexadecimal[byte >> 4U];
    text += hexadecimal[byte & 15U];
  }
  return text;
}

bool parse_id(const std::string& text, pg_uuid_t& id) {
  if (text.size() != 2 * UUID_LEN || text.find_first_not_of(hexadecimal) != std::string::npos) return false;
  for (std::size_t i = 0; i < UUID_LEN; ++i) {
    id.data[i] = static_cast<unsigned char>(std::stoi(text.substr(2 * i, 2), nullptr, 16));
  }
  return true;
}

}  // namespace

Place find_place() {
  Place place{};
  Entries kept = read_entries(file_name);
  const bool is_known = parse_id(kept["id"], place.id);
  place.is_unclaimed = !is_known || kept["unclaimed"] == "yes";
  if (is_known && is_true(kept, whereabouts(file_name))) return place;

  const bool is_standby = access(STANDBY_SIGNAL_FILE, F_OK) == 0;
  if (!is_known || !is_standby) {
    if (!pg_strong_random(place.id.data, UUID_LEN))
      raise(ERRCODE_INTERNAL_ERROR, "no random numbers are available");
  }
  if (is_known && !is_standby) {
    place.is_unclaimed = false;
    log(LOG, "this data directory is a copy: pg_cmms sends nothing from databases that were armed in another",
        {}, "Call cmms.arm() in each that is to send, once its original does not send any more.");
  }
  write_file(text_of(place.id), place.is_unclaimed);
  return place;
}

}  // namespace cmms::pg
