// Code: libraries, kernels, launches. A "cubin" is a shared library made by `host_kernels.py`.

#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "driver.h"

constexpr unsigned MAX_THREADS = 1024, MAX_SHARED_BYTES = 49152;

// --- Libraries ----------------------------------------------------------------------------------------------

// Bytes of an ELF file in memory: its section headers come last.
static std::size_t elf_size(const Elf64_Ehdr& header) {
  return header.e_shoff + std::size_t{header.e_shentsize} * header.e_shnum;
}

// The same bytes are loaded once and stay: code has no state, and closing what Python's threads ran is no gain.
static void* load(const std::string& bytes) {
  static std::map<std::string, void*> loaded;
  void*& handle = loaded[bytes];
  if (handle) return handle;
  const int file = memfd_create("kernels", 0);  // stays open: the loader knows libraries by their paths
  if (file < 0 || write(file, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return nullptr;
  return handle = dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(), RTLD_NOW | RTLD_LOCAL);
}

API Result cuLibraryLoadData(void** library, const void* code, void*, void**, unsigned, void*, void**,
                             unsigned) {
  ENTER(driver);
  const auto* header = static_cast<const Elf64_Ehdr*>(code);
  if (!header) return INVALID_VALUE;
  if (std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return INVALID_IMAGE;
  if (header->e_type != ET_DYN || header->e_machine == 190) return NO_BINARY_FOR_GPU;  // 190: a true cubin
  void* handle = load(std::string(static_cast<const char*>(code), elf_size(*header)));
  if (!handle) return INVALID_IMAGE;
  const auto made = state().libraries.make();
  made->handle = handle;
  *library = made.get();
  return SUCCESS;
}

API Result cuLibraryUnload(void* library) {
  ENTER(release);
  if (!state().libraries.find(library)) return INVALID_HANDLE;
  drain_all();
  state().libraries.drop(library);
  return released();
}

// --- Kernels ------------------------------------------------------------------------------------------------

static Kernel* kernel_of(const void* handle) {
  for (auto& [library_handle, library] : state().libraries)
    for (auto& [name, kernel] : library->kernels)
      if (kernel.get() == handle) return kernel.get();
  return nullptr;
}

API Result cuLibraryGetKernel(void** made, void* library_handle, const char* name) {
  ENTER(driver);
  const auto library = state().libraries.find(library_handle);
  if (!library) return INVALID_HANDLE;
  const auto symbol = [&](const char* prefix) {
    return dlsym(library->handle, (prefix + std::string(name)).c_str());
  };
  void* launch = symbol("dinar_launch_");
  if (!launch) return NOT_FOUND;
  auto& kernel = library->kernels[name];
  if (!kernel) {
    const char* parameters = reinterpret_cast<const char* (*)()>(symbol("dinar_parameters_"))();
    const unsigned bound = reinterpret_cast<unsigned (*)()>(symbol("dinar_bound_"))();
    kernel = std::make_unique<Kernel>(Kernel{name, parameters, bound, {}});
    kernel->launch = reinterpret_cast<decltype(kernel->launch)>(launch);
  }
  *made = kernel.get();
  return SUCCESS;
}

API Result cuKernelGetFunction(void** function, void* kernel) {
  ENTER(context);
  if (!kernel_of(kernel)) return INVALID_HANDLE;
  *function = kernel;  // one object is both here
  return SUCCESS;
}

static Result attribute_of(int* value, int attribute, const void* handle) {
  const Kernel* kernel = kernel_of(handle);
  if (!kernel) return INVALID_HANDLE;
  const int capability = state().settings.capability;
  const std::map<int, int> values{
      {0, static_cast<int>(kernel->bound)}, {4, 32}, {5, capability}, {6, capability}, {8, MAX_SHARED_BYTES}};
  const auto found = values.find(attribute);
  *value = found == values.end() ? 0 : found->second;
  return SUCCESS;
}

API Result cuKernelGetAttribute(int* value, int attribute, void* kernel, int) {
  ENTER(driver);
  return attribute_of(value, attribute, kernel);
}

API Result cuFuncGetAttribute(int* value, int attribute, void* function) {
  ENTER(driver);
  return attribute_of(value, attribute, function);
}

static std::size_t parameter_size(char letter) { return letter == 'i' || letter == 'f' ? 4 : 8; }

static Result parameter_info(const void* handle, std::size_t index, std::size_t* offset, std::size_t* size) {
  const Kernel* kernel = kernel_of(handle);
  if (!kernel) return INVALID_HANDLE;
  if (index >= kernel->parameters.size()) return INVALID_VALUE;
  std::size_t at = 0;
  for (std::size_t i = 0;; ++i) {
    const std::size_t wide = parameter_size(kernel->parameters[i]);
    at = (at + wide - 1) / wide * wide;
    if (i == index) {
      *offset = at;
      if (size) *size = wide;
      return SUCCESS;
    }
    at += wide;
  }
}

API Result cuKernelGetParamInfo(void* kernel, std::size_t index, std::size_t* offset, std::size_t* size) {
  ENTER(driver);
  return parameter_info(kernel, index, offset, size);
}

// --- Launches -----------------------------------------------------------------------------------------------

struct Extents {
  unsigned grid[3], block[3];
};

static Result check_extents(const Kernel& kernel, const Extents& extents) {
  const auto& [g, b] = extents;
  if (!g[0] || !g[1] || !g[2] || g[0] > 0x7fffffffu || g[1] > 65535 || g[2] > 65535) return INVALID_VALUE;
  if (!b[0] || !b[1] || !b[2] || b[0] > 1024 || b[1] > 1024 || b[2] > 64) return INVALID_VALUE;
  const unsigned long long threads = 1ull * b[0] * b[1] * b[2];
  if (threads > MAX_THREADS) return INVALID_VALUE;
  return threads > kernel.bound ? LAUNCH_OUT_OF_RESOURCES : SUCCESS;
}

// A pointer must lie in live memory that the device reaches, or be null.
static bool reachable(Address address, int device) {
  if (address == 0) return true;
  const Allocation* found = find_allocation(address);
  return found && !found->freeing && (found->kind != Allocation::Kind::device || found->device == device);
}

static Result run(const void* handle, const Extents& extents, std::vector<std::uint64_t> arguments,
                  int device) {
  const Kernel* kernel = kernel_of(handle);
  if (!kernel) return ILLEGAL_ADDRESS;
  std::vector<void*> pointers;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (kernel->parameters[i] == 'p' && !reachable(arguments[i], device)) return ILLEGAL_ADDRESS;
    pointers.push_back(&arguments[i]);
  }
  kernel->launch(extents.grid, extents.block, pointers.data());
  return SUCCESS;
}

static Result launch(void* handle, const Extents& extents, unsigned shared, void* stream_handle,
                     void** values, void** extra) {
  const Kernel* kernel = kernel_of(handle);
  const auto stream = stream_of(stream_handle);
  if (!kernel || !stream) return INVALID_HANDLE;
  if (extra) return NOT_SUPPORTED;
  if (shared > MAX_SHARED_BYTES || (!values && !kernel->parameters.empty())) return INVALID_VALUE;
  if (const Result error = check_extents(*kernel, extents)) return error;
  std::vector<std::uint64_t> arguments(kernel->parameters.size());
  for (std::size_t i = 0; i < arguments.size(); ++i)
    std::memcpy(&arguments[i], values[i], parameter_size(kernel->parameters[i]));
  const auto work = [handle, extents, arguments, device = stream->device] {
    return run(handle, extents, arguments, device);
  };
  return submit(*stream, {Operation::Kind::kernel, "kernel " + kernel->name, work});
}

API Result cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                          unsigned block_y, unsigned block_z, unsigned shared, void* stream, void** values,
                          void** extra) {
  ENTER(context);
  return launch(function, {{grid_x, grid_y, grid_z}, {block_x, block_y, block_z}}, shared, stream, values,
                extra);
}

struct LaunchConfig {
  unsigned grid[3], block[3], shared;
  void *stream, *attributes;
  unsigned attribute_count;
};

API Result cuLaunchKernelEx(const LaunchConfig* config, void* function, void** values, void** extra) {
  ENTER(context);
  if (config->attribute_count) return NOT_SUPPORTED;  // clusters and their like: nothing here uses them
  const Extents extents{{config->grid[0], config->grid[1], config->grid[2]},
                        {config->block[0], config->block[1], config->block[2]}};
  return launch(function, extents, config->shared, config->stream, values, extra);
}
