// Capturing: what a stream is given becomes a graph.

#include "driver.h"

// What this thread's calls are held to: 0 global, 1 thread-local, 2 relaxed.
static thread_local int thread_mode = 0;

void invalidate(Capture& capture) { capture.invalid = true; }

void finish_capture(const std::shared_ptr<Capture>& capture) {
  for (Stream* stream : capture->streams) {
    stream->capture = nullptr;
    stream->tail.clear();
  }
  capture->streams.clear();
  capture->invalid = true;  // events recorded in it mean nothing any more
  state().captures.erase(capture);
}

Result unsafe_during_capture() {
  if (thread_mode == 2) return SUCCESS;
  for (const auto& capture : state().captures) {
    const bool forbidden =
        capture->mode == 0 || (capture->mode == 1 && capture->thread == std::this_thread::get_id());
    if (!forbidden) continue;
    invalidate(*capture);
    return CAPTURE_UNSUPPORTED;
  }
  return SUCCESS;
}

API Result cuThreadExchangeStreamCaptureMode(int* mode) {
  ENTER(driver);
  std::swap(*mode, thread_mode);
  return SUCCESS;
}

API Result cuStreamBeginCapture_v2(void* handle, int mode) {
  ENTER(driver);
  static unsigned long long count = 0;
  const auto stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  if (stream->legacy) return CAPTURE_UNSUPPORTED;
  if (stream->capture) return ILLEGAL_STATE;
  stream->capture = std::make_shared<Capture>();
  const auto thread = std::this_thread::get_id();
  *stream->capture = {++count, state().graphs.make(), stream.get(), mode, thread, {stream.get()}, false};
  stream->tail.clear();
  state().captures.insert(stream->capture);
  return SUCCESS;
}

static bool comes_before(const Node* node, const std::vector<Node*>& tail) {
  std::vector<const Node*> left(tail.begin(), tail.end());
  std::set<const Node*> seen;
  while (!left.empty()) {
    const Node* one = left.back();
    left.pop_back();
    if (one == node) return true;
    if (seen.insert(one).second) left.insert(left.end(), one->before.begin(), one->before.end());
  }
  return false;
}

// Every stream that was drawn into the capture must have been waited for by the one that began it.
static bool joined(const Capture& capture) {
  for (const Stream* stream : capture.streams)
    for (const Node* node : stream->tail)
      if (!comes_before(node, capture.origin->tail)) return false;
  return true;
}

API Result cuStreamEndCapture(void* handle, Graph** graph) {
  ENTER(driver);
  *graph = nullptr;
  const auto stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  const auto capture = stream->capture;
  if (!capture) return ILLEGAL_STATE;
  if (capture->origin != stream.get()) return CAPTURE_UNMATCHED;
  if (capture->mode != 2 && capture->thread != std::this_thread::get_id()) return CAPTURE_WRONG_THREAD;
  const Result error = capture->invalid ? CAPTURE_INVALIDATED : joined(*capture) ? SUCCESS : CAPTURE_UNJOINED;
  finish_capture(capture);
  if (error) drop_graph(*capture->graph);
  else *graph = capture->graph.get();
  return error;
}

API Result cuStreamIsCapturing(void* handle, int* status) {
  ENTER(driver);
  const auto stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  *status = !stream->capture ? 0 : stream->capture->invalid ? 2 : 1;
  return SUCCESS;
}

API Result cuStreamGetCaptureInfo_v3(void* handle, int* status, unsigned long long* id, Graph** graph,
                                     Node*** nodes, void** edges, std::size_t* count) {
  ENTER(driver);
  const auto stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  *status = !stream->capture ? 0 : stream->capture->invalid ? 2 : 1;
  if (*status != 1) return SUCCESS;
  if (id) *id = stream->capture->id;
  if (graph) *graph = stream->capture->graph.get();
  if (nodes) *nodes = stream->tail.data();
  if (edges) *edges = nullptr;
  if (count) *count = stream->tail.size();
  return SUCCESS;
}

API Result cuStreamGetCaptureInfo_v2(void* handle, int* status, unsigned long long* id, Graph** graph,
                                     Node*** nodes, std::size_t* count) {
  return cuStreamGetCaptureInfo_v3(handle, status, id, graph, nodes, nullptr, count);
}

API Result cuStreamUpdateCaptureDependencies_v2(void* handle, Node** nodes, const void*, std::size_t count,
                                                unsigned flags) {
  ENTER(driver);
  const auto stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  if (!stream->capture) return ILLEGAL_STATE;
  if (flags & 1) stream->tail.clear();  // instead of those before
  stream->tail.insert(stream->tail.end(), nodes, nodes + count);
  return SUCCESS;
}
