// What the tests steer and read: faults, settings, the log, what is alive.

#include <cstdlib>
#include <cstring>
#include <sstream>

#include "driver.h"

// From its call number `after` on (0: the first), `function` fails with `error`. A function is named as in the
// documentation, without _v2; a name that ends in * stands for all that begin so.
API void software_cuda_fail(const char* function, int error, int after) {
  std::lock_guard guard(state().lock);
  state().faults[function] = {error, after};
}

// 1 when there is such a setting: present, devices, driver_version, capability, memory, deferred.
API int software_cuda_configure(const char* name, long long value) {
  std::lock_guard guard(state().lock);
  State& s = state();
  const std::string setting = name;
  if (setting == "present") s.present = value;
  else if (setting == "devices" && value >= 0 && value <= MAX_DEVICES)
    s.settings.devices = static_cast<int>(value);
  else if (setting == "driver_version") s.settings.driver_version = static_cast<int>(value);
  else if (setting == "capability") s.settings.capability = static_cast<int>(value);
  else if (setting == "memory") s.settings.memory = static_cast<std::size_t>(value);
  else if (setting == "deferred") s.settings.deferred = value;
  else return 0;
  return 1;
}

// Faults, settings, log and a lost context are forgotten; what is allocated stays.
API void software_cuda_reset() {
  std::lock_guard guard(state().lock);
  State& s = state();
  s.faults.clear();
  s.settings = {};
  s.log.clear();
  s.violations.clear();
  s.lost = SUCCESS;
  while (!s.captures.empty()) {
    const auto capture = *s.captures.begin();
    finish_capture(capture);
    drop_graph(*capture->graph);
  }
}

// Do all work that still waits.
API void software_cuda_finish() {
  std::lock_guard guard(state().lock);
  drain_all();
}

static const char* lines(const std::vector<std::string>& texts) {
  static thread_local std::string joined;
  joined.clear();
  for (const auto& text : texts) joined += text + "\n";
  return joined.c_str();
}

// What has been executed since the last reset, one line each: "kernel NAME", "copy BYTES", "fill BYTES", ...
API const char* software_cuda_log() {
  std::lock_guard guard(state().lock);
  return lines(state().log);
}

// Wrong writes seen until now, one line each.
API const char* software_cuda_violations() {
  std::lock_guard guard(state().lock);
  check_guards();
  return lines(state().violations);
}

API long long software_cuda_launches() {
  std::lock_guard guard(state().lock);
  long long count = 0;
  for (const auto& line : state().log) count += line.compare(0, 7, "kernel ") == 0;
  return count;
}

// Device memory in use, all devices together.
API long long software_cuda_live_bytes() {
  std::lock_guard guard(state().lock);
  long long bytes = 0;
  for (const std::size_t device : state().live_bytes) bytes += static_cast<long long>(device);
  return bytes;
}

// Live objects of a kind: pinned (bytes), streams, events, graphs, executables, libraries, resources; else -1.
API long long software_cuda_live(const char* kind) {
  std::lock_guard guard(state().lock);
  State& s = state();
  const std::string what = kind;
  if (what == "pinned") {
    long long bytes = 0;
    for (const auto& [base, allocation] : s.allocations)
      if (allocation.kind == Allocation::Kind::pinned) bytes += static_cast<long long>(allocation.size);
    return bytes;
  }
  if (what == "streams") return s.streams.count();
  if (what == "events") return s.events.count();
  if (what == "graphs") return s.graphs.count();
  if (what == "executables") return s.executables.count();
  if (what == "libraries") return s.libraries.count();
  if (what == "resources") return s.resources.count();
  return -1;
}

// 1 when the context is lost.
API int software_cuda_lost() {
  std::lock_guard guard(state().lock);
  return state().lost != SUCCESS;
}

// A process of its own is set up by SOFTWARE_CUDA="devices=2 fail=cuInit:999 fail=cuMemAlloc*:2:3".
__attribute__((constructor)) static void set_up_from_environment() {
  const char* text = std::getenv("SOFTWARE_CUDA");
  std::istringstream words(text ? text : "");
  for (std::string word; words >> word;) {
    const auto equals = word.find('=');
    const std::string name = word.substr(0, equals),
                      value = equals == word.npos ? "" : word.substr(equals + 1);
    if (name == "fail") {
      std::istringstream parts(value);
      std::string function, error, after;
      std::getline(parts, function, ':');
      std::getline(parts, error, ':');
      std::getline(parts, after, ':');
      software_cuda_fail(function.c_str(), std::atoi(error.c_str()), std::atoi(after.c_str()));
    } else {
      software_cuda_configure(name.c_str(), std::atoll(value.c_str()));
    }
  }
}
