// Initialization, devices, contexts, entry points.

#include "driver.h"

#include <dlfcn.h>

#include <cstring>

#include "error_names.h"

State& state() {
  static State* made = new State;  // never destroyed: Python may free things while the process ends
  return *made;
}

thread_local std::vector<Context*> context_stack;

// --- Calls --------------------------------------------------------------------------------------------------

static thread_local std::unique_lock<std::mutex>* held = nullptr;
static thread_local bool calling_back = false;

static bool matches(const std::string& pattern, const std::string& function) {
  if (pattern.empty() || pattern.back() != '*') return pattern == function;
  return function.compare(0, pattern.size() - 1, pattern, 0, pattern.size() - 1) == 0;
}

// After these nothing works in the context any more.
static bool breaks_context(Result error) {
  static const std::set<Result> breaking{214, 700, 702, 710, 714, 715, 716, 717, 718, 719};
  return breaking.count(error) > 0;
}

static Result injected(const std::string& function) {
  for (auto& [pattern, fault] : state().faults) {
    if (matches(pattern, function) && fault.after-- <= 0) {
      fault.after = 0;
      if (breaks_context(fault.error)) state().lost = fault.error;
      return fault.error;
    }
  }
  return SUCCESS;
}

Call::Call(const char* function, Needs needs) : guard_(state().lock) {
  held = &guard_;
  State& s = state();
  std::string name = function;  // as in the documentation: without the _v2 of the binary interface
  if (name.size() > 3 && name[name.size() - 3] == '_' && name[name.size() - 2] == 'v')
    name.resize(name.size() - 3);
  if (calling_back && needs != release) error = NOT_PERMITTED;
  else if (!s.present && needs != release && needs != nothing) error = NO_DEVICE;
  else if ((error = injected(name))) return;
  else if (needs == nothing) error = SUCCESS;
  else if (!s.initialized) error = NOT_INITIALIZED;
  else if (s.lost && needs != release) error = s.lost;
  else if (needs == context && !current_context()) error = INVALID_CONTEXT;
}

Call::~Call() {
  auto& maybe = state().unused;
  std::set<std::shared_ptr<UserObject>> unused(maybe.begin(), maybe.end());
  maybe.clear();
  for (auto one = unused.begin(); one != unused.end();)
    one = (*one)->references == 0 && one->use_count() == 1 ? std::next(one) : unused.erase(one);
  held = nullptr;
  guard_.unlock();
  for (const auto& object : unused) object->destroy(object->pointer);
}

void unlocked(const std::function<void()>& action) {
  auto* mine = held;
  mine->unlock();
  calling_back = true;
  action();
  calling_back = false;
  mine->lock();
  held = mine;
}

// --- Initialization -----------------------------------------------------------------------------------------

API Result cuInit(unsigned flags) {
  ENTER(nothing);
  State& s = state();
  if (!s.present || s.settings.devices == 0) return NO_DEVICE;
  if (flags) return INVALID_VALUE;
  s.initialized = true;
  return SUCCESS;
}

API Result cuDriverGetVersion(int* version) {
  ENTER(nothing);
  *version = state().settings.driver_version;
  return SUCCESS;
}

API Result cuGetErrorName(Result error, const char** name) {
  const auto found = error_names().find(error);
  *name = found == error_names().end() ? nullptr : found->second;
  return *name ? SUCCESS : INVALID_VALUE;
}

API Result cuGetErrorString(Result error, const char** text) { return cuGetErrorName(error, text); }

// Of entry points that are in use in several versions under one name: the one that is asked for.
static std::string entry_point(const std::string& name, int version) {
  if (name == "cuStreamGetCaptureInfo") return name + (version >= 12030 ? "_v3" : "_v2");
  return name;
}

API Result cuGetProcAddress_v2(const char* name, void** function, int version, std::uint64_t, int* status) {
  static void* self = [] {
    Dl_info info;
    dladdr(reinterpret_cast<void*>(&cuInit), &info);
    return dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
  }();
  *function = nullptr;
  if (version <= state().settings.driver_version) {
    const std::string wanted = entry_point(name, version);
    for (const char* suffix : {"_v4", "_v3", "_v2", ""})
      if (!*function) *function = dlsym(self, (wanted + suffix).c_str());
  }
  if (status) *status = *function ? 0 : version > state().settings.driver_version ? 2 : 1;
  return *function ? SUCCESS : NOT_FOUND;
}

// --- Devices ------------------------------------------------------------------------------------------------

static bool valid_device(int device) { return device >= 0 && device < state().settings.devices; }

API Result cuDeviceGetCount(int* count) {
  ENTER(driver);
  *count = state().settings.devices;
  return SUCCESS;
}

API Result cuDeviceGet(int* device, int ordinal) {
  ENTER(driver);
  if (!valid_device(ordinal)) return INVALID_DEVICE;
  *device = ordinal;
  return SUCCESS;
}

API Result cuDeviceGetName(char* name, int length, int device) {
  ENTER(driver);
  if (!valid_device(device)) return INVALID_DEVICE;
  if (length < 1) return INVALID_VALUE;
  std::strncpy(name, ("Software CUDA " + std::to_string(device)).c_str(), length - 1);
  name[length - 1] = 0;
  return SUCCESS;
}

API Result cuDeviceGetUuid_v2(unsigned char* uuid, int device) {
  ENTER(driver);
  if (!valid_device(device)) return INVALID_DEVICE;
  std::memcpy(uuid, "software-cuda-00", 16);
  uuid[15] = static_cast<unsigned char>('0' + device);
  return SUCCESS;
}

API Result cuDeviceTotalMem_v2(std::size_t* bytes, int device) {
  ENTER(driver);
  if (!valid_device(device)) return INVALID_DEVICE;
  *bytes = state().settings.memory;
  return SUCCESS;
}

API Result cuDeviceGetAttribute(int* value, int attribute, int device) {
  ENTER(driver);
  if (!valid_device(device)) return INVALID_DEVICE;
  static const std::map<int, int> values{
      {1, 1024},                                  // threads of a block
      {2, 1024},        {3, 1024},   {4, 64},     // extent of a block
      {5, 2147483647},  {6, 65535},  {7, 65535},  // extent of a grid
      {8, 49152},       {9, 65536},  {10, 32},    // shared memory of a block, constant memory, warp
      {11, 2147483647}, {12, 65536}, {13, 1500000}, {14, 512},     {15, 1},    {16, 4},  // multiprocessors
      {19, 1},          {31, 1},     {33, 0},       {36, 1000000}, {37, 4096}, {38, 1 << 25},
      {39, 2048},       {40, 2},     {41, 1},  // unified addresses
      {51, 32},         {78, 1},     {81, 233472},  {82, 65536},   {91, 1},    {97, 232448},
      {99, 1},          {106, 32},   {111, 1024},   {115, 1},  // memory pools
      {144, 1},                                                // memory pools of the host
  };
  const auto found = values.find(attribute);
  if (attribute == 75) *value = state().settings.capability / 10;
  else if (attribute == 76) *value = state().settings.capability % 10;
  else if (attribute == 33) *value = device;
  else *value = found == values.end() ? 0 : found->second;
  return SUCCESS;
}

// --- Contexts: each device's primary one --------------------------------------------------------------------

API Result cuDevicePrimaryCtxRetain(Context** context, int device) {
  ENTER(driver);
  if (!valid_device(device)) return INVALID_DEVICE;
  ++state().retained[device];
  *context = &state().contexts[device];
  return SUCCESS;
}

API Result cuDevicePrimaryCtxRelease_v2(int device) {
  ENTER(release);
  if (device < 0 || device >= MAX_DEVICES) return INVALID_DEVICE;
  if (state().retained[device] == 0) return INVALID_CONTEXT;
  --state().retained[device];
  return SUCCESS;
}

API Result cuDevicePrimaryCtxGetState(int device, unsigned* flags, int* active) {
  ENTER(driver);
  if (!valid_device(device)) return INVALID_DEVICE;
  *flags = 0;
  *active = state().retained[device] > 0;
  return SUCCESS;
}

API Result cuCtxGetCurrent(Context** context) {
  ENTER(nothing);
  *context = current_context();
  return SUCCESS;
}

static bool valid_context(Context* context) {
  State& s = state();
  return context >= s.contexts && context < s.contexts + MAX_DEVICES && s.retained[context->device] > 0;
}

API Result cuCtxSetCurrent(Context* context) {
  ENTER(release);
  if (context && !valid_context(context)) return INVALID_CONTEXT;
  if (!context_stack.empty()) context_stack.pop_back();
  if (context) context_stack.push_back(context);
  return SUCCESS;
}

API Result cuCtxPushCurrent_v2(Context* context) {
  ENTER(release);
  if (!valid_context(context)) return INVALID_CONTEXT;
  context_stack.push_back(context);
  return SUCCESS;
}

API Result cuCtxPopCurrent_v2(Context** context) {
  ENTER(release);
  if (context_stack.empty()) return INVALID_CONTEXT;
  if (context) *context = context_stack.back();
  context_stack.pop_back();
  return SUCCESS;
}

API Result cuCtxGetDevice(int* device) {
  ENTER(context);
  *device = current_context()->device;
  return SUCCESS;
}

API Result cuCtxGetId(Context* context, unsigned long long* id) {
  ENTER(driver);
  if (!context) context = current_context();
  if (!context) return INVALID_CONTEXT;
  *id = 1 + context->device;
  return SUCCESS;
}

API Result cuCtxGetStreamPriorityRange(int* least, int* greatest) {
  ENTER(context);
  if (least) *least = 0;
  if (greatest) *greatest = -5;
  return SUCCESS;
}

API Result cuCtxSynchronize() {
  ENTER(context);
  if (const Result error = unsafe_during_capture()) return error;
  return drain_all();
}
