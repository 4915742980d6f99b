// Graphs: nodes, children, the objects that they keep alive, and running them.

#include <algorithm>

#include "driver.h"

using OperationKind = Operation::Kind;

Node* append(Graph& graph, Operation operation, std::vector<Node*> before) {
  graph.nodes.push_back(
      std::make_unique<Node>(Node{std::move(operation), std::move(before), nullptr, nullptr}));
  return graph.nodes.back().get();
}

// These objects have an owner less; the end of the call looks for those that have none.
static void give_up(const std::vector<std::shared_ptr<UserObject>>& objects) {
  state().unused.insert(state().unused.end(), objects.begin(), objects.end());
}

void drop_graph(Graph& graph) {
  give_up(graph.objects);
  for (const auto& node : graph.nodes)
    if (node->child) drop_graph(*node->child);
  state().graphs.drop(&graph);
}

// --- Graphs -------------------------------------------------------------------------------------------------

static Operation run_all(const std::vector<Operation>& operations) {
  const auto run = [operations]() -> Result {
    for (const auto& operation : operations)
      if (const Result error = execute(operation)) return error;
    return SUCCESS;
  };
  const auto given = [operations](Stream& stream) {
    for (const auto& operation : operations)
      if (operation.given) operation.given(stream);
  };
  return {OperationKind::graph, "", run, false, given};
}

static std::vector<Operation> operations_of(const Graph& graph) {
  std::vector<Operation> operations;
  for (const auto& node : graph.nodes)
    operations.push_back(node->child ? run_all(operations_of(*node->child)) : node->operation);
  return operations;
}

static std::shared_ptr<Graph> clone(const Graph& graph) {
  const auto made = state().graphs.make();
  made->objects = graph.objects;
  std::map<const Node*, Node*> twin;
  for (const auto& node : graph.nodes) {
    std::vector<Node*> before;
    for (const Node* one : node->before) before.push_back(twin.at(one));
    Node* copy = append(*made, node->operation, std::move(before));
    if (node->child) copy->child = clone(*node->child);
    copy->twin = node.get();
    twin[node.get()] = copy;
  }
  return made;
}

static Result add(Node** made, void* handle, Node* const* before, std::size_t count, Operation operation) {
  const auto graph = state().graphs.find(handle);
  if (!graph) return INVALID_HANDLE;
  *made = append(*graph, std::move(operation), {before, before + count});
  return SUCCESS;
}

API Result cuGraphAddChildGraphNode(Node** made, void* graph, Node* const* before, std::size_t count,
                                    void* handle) {
  ENTER(driver);
  const auto child = state().graphs.find(handle);
  if (!child) return INVALID_HANDLE;
  const Operation of_child{OperationKind::graph, "", [] { return SUCCESS; }};
  if (const Result error = add(made, graph, before, count, of_child)) return error;
  (*made)->child = clone(*child);
  return SUCCESS;
}

API Result cuGraphChildGraphNodeGetGraph(const Node* node, Graph** child) {
  ENTER(driver);
  *child = node->child.get();
  return *child ? SUCCESS : INVALID_VALUE;
}

API Result cuGraphNodeFindInClone(Node** found, const Node* original, void* handle) {
  ENTER(driver);
  const auto graph = state().graphs.find(handle);
  if (!graph) return INVALID_VALUE;
  for (const auto& node : graph->nodes)
    if (node->twin == original) return *found = node.get(), SUCCESS;
  return INVALID_VALUE;
}

API Result cuGraphGetNodes(void* handle, Node** nodes, std::size_t* count) {
  ENTER(driver);
  const auto graph = state().graphs.find(handle);
  if (!graph) return INVALID_HANDLE;
  if (nodes)
    for (std::size_t i = 0; i < std::min(*count, graph->nodes.size()); ++i) nodes[i] = graph->nodes[i].get();
  *count = graph->nodes.size();
  return SUCCESS;
}

API Result cuGraphNodeGetType(const Node* node, int* type) {
  ENTER(driver);
  *type = static_cast<int>(node->operation.kind);
  return SUCCESS;
}

API Result cuGraphDestroy(void* handle) {
  ENTER(release);
  const auto graph = state().graphs.find(handle);
  if (!graph) return INVALID_HANDLE;
  drop_graph(*graph);
  return released();
}

// --- Objects that a graph keeps alive -----------------------------------------------------------------------

API Result cuUserObjectCreate(void** object, void* pointer, HostFunction destroy, unsigned references,
                              unsigned) {
  ENTER(driver);
  *object = state().objects.make(UserObject{pointer, destroy, references}).get();
  return SUCCESS;
}

static Result let_go(void* handle, unsigned count) {
  const auto object = state().objects.find(handle);
  if (!object || object->references < count) return INVALID_VALUE;
  object->references -= count;
  if (object->references == 0) {
    state().objects.drop(handle);
    state().unused.push_back(object);
  }
  return SUCCESS;
}

API Result cuUserObjectRetain(void* handle, unsigned count) {
  ENTER(driver);
  const auto object = state().objects.find(handle);
  if (!object) return INVALID_VALUE;
  object->references += count;
  return SUCCESS;
}

API Result cuUserObjectRelease(void* handle, unsigned count) {
  ENTER(release);
  return let_go(handle, count);
}

API Result cuGraphRetainUserObject(void* graph_handle, void* handle, unsigned count, unsigned flags) {
  ENTER(driver);
  const auto graph = state().graphs.find(graph_handle);
  const auto object = state().objects.find(handle);
  if (!graph || !object) return INVALID_VALUE;
  graph->objects.insert(graph->objects.end(), count, object);
  return flags & 1 ? let_go(handle, count) : SUCCESS;  // 1: the caller's references move to the graph
}

API Result cuGraphReleaseUserObject(void* graph_handle, void* object, unsigned count) {
  ENTER(release);
  const auto graph = state().graphs.find(graph_handle);
  if (!graph) return INVALID_VALUE;
  for (auto& kept = graph->objects; count > 0; --count) {
    const auto found =
        std::find_if(kept.begin(), kept.end(), [&](const auto& one) { return one.get() == object; });
    if (found == kept.end()) return INVALID_VALUE;
    state().unused.push_back(*found);
    kept.erase(found);
  }
  return SUCCESS;
}

// --- Running graphs -----------------------------------------------------------------------------------------

static std::vector<std::shared_ptr<UserObject>> objects_of(const Graph& graph) {
  auto objects = graph.objects;
  for (const auto& node : graph.nodes) {
    if (!node->child) continue;
    const auto of_child = objects_of(*node->child);
    objects.insert(objects.end(), of_child.begin(), of_child.end());
  }
  return objects;
}

static GraphExec executable(const Graph& graph) {
  GraphExec made{operations_of(graph), {}, objects_of(graph)};
  std::map<const Node*, std::size_t> index;
  for (const auto& node : graph.nodes) {
    std::vector<std::size_t> before;
    for (const Node* one : node->before) before.push_back(index.at(one));
    made.before.push_back(before);
    index.emplace(node.get(), index.size());
  }
  return made;
}

static Result instantiate(GraphExec** made, void* handle) {
  const auto graph = state().graphs.find(handle);
  if (!graph) return INVALID_HANDLE;
  *made = state().executables.make(executable(*graph)).get();
  return SUCCESS;
}

API Result cuGraphInstantiateWithFlags(GraphExec** made, void* graph, unsigned long long) {
  ENTER(driver);
  return instantiate(made, graph);
}

struct InstantiateParameters {
  std::uint64_t flags;
  void* upload_stream;
  Node* error_node;
  int result;
};

API Result cuGraphInstantiateWithParams(GraphExec** made, void* graph, InstantiateParameters* parameters) {
  ENTER(driver);
  const Result error = instantiate(made, graph);
  parameters->error_node = nullptr;
  parameters->result = error ? 1 : 0;
  return error;
}

API Result cuGraphExecDestroy(void* handle) {
  ENTER(release);
  const auto found = state().executables.find(handle);
  if (!found) return INVALID_HANDLE;
  drain_all();
  give_up(found->objects);
  state().executables.drop(handle);
  return released();
}

struct UpdateResult {
  int result;
  Node *error_node, *error_from;
};

// 0 when `next` can take the place of `now`: nodes of the same kinds in the same order.
static int update_result(const GraphExec& now, const GraphExec& next) {
  if (now.operations.size() != next.operations.size() || now.before != next.before) return 2;
  for (std::size_t i = 0; i < now.operations.size(); ++i)
    if (now.operations[i].kind != next.operations[i].kind) return 3;
  return 0;
}

API Result cuGraphExecUpdate_v2(void* handle, void* graph_handle, UpdateResult* result) {
  ENTER(driver);
  const auto found = state().executables.find(handle);
  const auto graph = state().graphs.find(graph_handle);
  if (!found || !graph) return INVALID_HANDLE;
  GraphExec next = executable(*graph);
  *result = {update_result(*found, next), nullptr, nullptr};
  if (result->result) return GRAPH_EXEC_UPDATE_FAILURE;
  if (const Result error = drain_all()) return error;
  give_up(found->objects);
  *found = std::move(next);
  return SUCCESS;
}

static Result launch(void* handle, void* stream_handle) {
  const auto found = state().executables.find(handle);
  const auto stream = stream_of(stream_handle);
  if (!found || !stream) return INVALID_HANDLE;
  return submit(*stream, run_all(found->operations));
}

API Result cuGraphLaunch(void* handle, void* stream) {
  ENTER(driver);
  return launch(handle, stream);
}

API Result cuGraphUpload(void* handle, void* stream_handle) {
  ENTER(driver);
  const auto stream = stream_of(stream_handle);
  return state().executables.find(handle) && stream && !stream->capture ? SUCCESS : INVALID_HANDLE;
}
