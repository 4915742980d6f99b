// A CUDA driver in software: libcuda.so.1 on host memory, so that the code for GPUs runs where there is none.
//
// Names, numbers and memory layouts are those of NVIDIA's driver API, version 13.0; only what cuda.core and
// this project call is there, and the rest is "not found", which cuda.bindings reports by name. Kernels are the
// host C++ of `host_kernels.py`. The driver is there to find mistakes: it refuses with CUDA's own errors what a
// device would refuse, and some of what a device would silently do wrong (freed memory, writes past the end of
// memory, arrays that are not pinned in a capture). `control.cpp` has what tests steer and read.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))

using Result = int;
using Address = unsigned long long;
using HostFunction = void (*)(void*);

enum : Result {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NOT_INITIALIZED = 3,
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  INVALID_IMAGE = 200,
  INVALID_CONTEXT = 201,
  GRAPHICS_MAP_FAILED = 205,
  GRAPHICS_UNMAP_FAILED = 206,
  ALREADY_MAPPED = 208,
  NO_BINARY_FOR_GPU = 209,
  NOT_MAPPED = 211,
  INVALID_GRAPHICS_CONTEXT = 219,
  OPERATING_SYSTEM = 304,
  INVALID_HANDLE = 400,
  ILLEGAL_STATE = 401,
  NOT_FOUND = 500,
  NOT_READY = 600,
  ILLEGAL_ADDRESS = 700,
  LAUNCH_OUT_OF_RESOURCES = 701,
  NOT_PERMITTED = 800,
  NOT_SUPPORTED = 801,
  CAPTURE_UNSUPPORTED = 900,
  CAPTURE_INVALIDATED = 901,
  CAPTURE_MERGE = 902,
  CAPTURE_UNMATCHED = 903,
  CAPTURE_UNJOINED = 904,
  CAPTURE_ISOLATION = 905,
  CAPTURE_IMPLICIT = 906,
  CAPTURED_EVENT = 907,
  CAPTURE_WRONG_THREAD = 908,
  GRAPH_EXEC_UPDATE_FAILURE = 910,
};

// --- Memory: memory.cpp, pools.cpp --------------------------------------------------------------------------

struct Location {
  int type, id;
};  // type: 1 device, 2 host, 3 host NUMA node

struct Pool {
  Location location{};
  std::uint64_t release_threshold = 0;
  std::size_t used = 0, used_high = 0;
  bool standing = false;  // a device's default pool: never destroyed
};

struct Allocation {
  enum class Kind { device, pinned, mapped };
  Kind kind{};
  Address base = 0;
  std::size_t size = 0, room = 0;  // room: bytes with the guard behind them
  int device = 0;
  Pool* pool = nullptr;
  bool freeing = false;  // a stream-ordered free is under way
};

// --- Work: streams.cpp, events.cpp, capture.cpp, graphs.cpp -------------------------------------------------

struct Stream;

struct Operation {
  enum class Kind { kernel = 0, copy = 1, fill = 2, host = 3, graph = 4, empty = 5, wait = 6, record = 7 };
  Kind kind{};
  std::string name;                         // as it stands in the log: "kernel scale", "copy 128"
  std::function<Result()> run;              // called with the driver's lock held
  bool always = false;                      // even when the context is lost: gives something back
  std::function<void(Stream&)> given = {};  // called when a stream gets it, before it runs there
};

struct Graph;

struct Node {
  Operation operation;
  std::vector<Node*> before;
  std::shared_ptr<Graph> child;  // of a node that runs a graph of its own
  const Node* twin = nullptr;    // what it was cloned from
};

struct UserObject {
  void* pointer;
  HostFunction destroy;
  unsigned references;
};

struct Graph {
  std::vector<std::unique_ptr<Node>> nodes;  // in an order that respects what comes before what
  std::vector<std::shared_ptr<UserObject>> objects;
};

struct GraphExec {
  std::vector<Operation> operations;
  std::vector<std::vector<std::size_t>> before;  // indices into operations
  std::vector<std::shared_ptr<UserObject>> objects;
};

struct Capture {
  unsigned long long id;
  std::shared_ptr<Graph> graph;  // a handle from the start: objects may be attached to it
  Stream* origin;
  int mode;  // 0 global, 1 thread-local, 2 relaxed
  std::thread::id thread;
  std::set<Stream*> streams;
  bool invalid = false;
};

struct Event {
  int device = 0;
  unsigned flags = 0;
  double milliseconds = 0;
  unsigned long long issued = 0, done = 0;  // records asked for, records run
  std::shared_ptr<Stream> stream;           // of the last record
  std::shared_ptr<Capture> capture;         // recorded inside this capture
  std::vector<Node*> nodes;                 // what it stands for there
};

struct Stream : std::enable_shared_from_this<Stream> {
  int device = 0;
  unsigned flags = 0;
  int priority = 0;
  unsigned long long id = 0;
  bool legacy = false;
  std::deque<Operation> queue;  // work not done yet, when work is deferred
  std::shared_ptr<Capture> capture;
  std::vector<Node*> tail;  // nodes of the capture that the next one comes after
};

// --- Code: modules.cpp --------------------------------------------------------------------------------------

struct Kernel {
  std::string name, parameters;
  unsigned bound;
  void (*launch)(const unsigned*, const unsigned*, void**);
};
struct Library {
  void* handle;
  std::map<std::string, std::unique_ptr<Kernel>> kernels;
};

struct GraphicsResource {
  unsigned buffer, flags;
  Address mapped = 0;
  std::size_t size = 0;
};

// --- The driver's state -------------------------------------------------------------------------------------

template <class T>
class Handles {  // live objects of one kind; a handle that is not among them is invalid
 public:
  template <class... Arguments>
  std::shared_ptr<T> make(Arguments&&... arguments) {
    auto made = std::make_shared<T>(std::forward<Arguments>(arguments)...);
    live_[made.get()] = made;
    return made;
  }
  std::shared_ptr<T> find(const void* handle) const {
    const auto found = live_.find(const_cast<void*>(handle));
    return found == live_.end() ? nullptr : found->second;
  }
  void drop(const void* handle) { live_.erase(const_cast<void*>(handle)); }
  std::size_t count() const { return live_.size(); }
  auto begin() { return live_.begin(); }
  auto end() { return live_.end(); }

 private:
  std::unordered_map<void*, std::shared_ptr<T>> live_;
};

constexpr int MAX_DEVICES = 4;

struct Context {
  int device;
};

struct Fault {
  Result error;
  long after;  // calls that still succeed
};

struct Settings {  // see `software_cuda_configure`
  int devices = 1, driver_version = 13000, capability = 90;
  std::size_t memory = std::size_t{8} << 30;
  bool deferred = false;
};

struct State {
  std::mutex lock;
  bool present = true, initialized = false;
  Result lost = SUCCESS;  // the context is broken until `software_cuda_reset`
  Settings settings;
  std::map<std::string, Fault> faults;
  std::vector<std::string> log;
  std::vector<std::string> violations;  // writes past the end of an allocation
  Context contexts[MAX_DEVICES] = {{0}, {1}, {2}, {3}};
  int retained[MAX_DEVICES] = {};
  std::map<Address, Allocation> allocations;
  std::size_t live_bytes[MAX_DEVICES] = {};
  std::shared_ptr<Stream> legacy[MAX_DEVICES], per_thread[MAX_DEVICES];
  Handles<Pool> pools;
  Handles<Stream> streams;
  Handles<Event> events;
  Handles<Graph> graphs;
  Handles<GraphExec> executables;
  Handles<Library> libraries;
  Handles<GraphicsResource> resources;
  Handles<UserObject> objects;
  std::set<std::shared_ptr<Capture>> captures;
  std::vector<std::shared_ptr<UserObject>> unused;  // objects whose last owner may have gone
};

State& state();
extern thread_local std::vector<Context*> context_stack;

inline Context* current_context() { return context_stack.empty() ? nullptr : context_stack.back(); }

// A call into the driver: takes the lock, and knows why the call cannot go on.
class Call {
 public:
  enum Needs {
    nothing,
    driver,
    context,
    release
  };  // release: gives something back; works whatever has happened
  Call(const char* function, Needs needs);
  ~Call();
  Result error = SUCCESS;

 private:
  std::unique_lock<std::mutex> guard_;
};
#define ENTER(NEEDS)                \
  Call call(__func__, Call::NEEDS); \
  if (call.error) return call.error

// Run something that may call back into Python without the driver's lock.
void unlocked(const std::function<void()>& action);

// streams.cpp
std::shared_ptr<Stream> stream_of(
    const void* handle);                             // null: no such stream, or no context for a default one
Result submit(Stream& stream, Operation operation);  // run it, queue it or record it
Result execute(const Operation& operation);
Result drain(Stream& stream);
Result drain_all();
Result released(Result error = SUCCESS);  // how giving back ends: done, but not well when the context is lost
Result step(Stream& stream);              // do the first thing that waits there

// graphs.cpp
Node* append(Graph& graph, Operation operation, std::vector<Node*> before);
void drop_graph(Graph& graph);

// capture.cpp
void invalidate(Capture& capture);
void finish_capture(const std::shared_ptr<Capture>& capture);  // its streams work as before
Result unsafe_during_capture();  // for calls that a capture in strict mode forbids

// memory.cpp
inline unsigned char* bytes_at(Address address) { return reinterpret_cast<unsigned char*>(address); }
Result allocate(Address* address, std::size_t size, Allocation::Kind kind, int device, Pool* pool);
Allocation* find_allocation(Address address);
bool within_arena(Address address);
Result release(Address address);
void check_guards();
void register_mapped(Address address, std::size_t size, int device);
