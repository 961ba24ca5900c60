// The scheduler of the emulation and its C interface, which tests load as a shared library.

#include "../kernels.cu"
#include "fiber.h"
#include "probes.cuh"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <utility>
#include <vector>

thread_local Index3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulation {
namespace {

constexpr uint32_t MAX_THREADS = 1024;
constexpr size_t STACK = 256 << 10;
// What a block may have without asking for more, on every card.
constexpr size_t SHARED_LIMIT = 48 << 10;
constexpr unsigned char POISON = 0xa5;

enum class State { READY, AT_BLOCK_BARRIER, AT_WARP_BARRIER, DONE };

struct Fiber {
    Context context;
    State state;
    int line;
    size_t shared_used;
};

struct Warp {
    uint32_t values[32];
    uint32_t waiting;
};

struct Machine {
    Context scheduler;
    std::vector<Fiber> fibers{MAX_THREADS};
    std::vector<Warp> warps{MAX_THREADS / WARP};
    char* stacks = nullptr;
    alignas(64) unsigned char shared[SHARED_LIMIT];
    uint32_t current = 0, at_barrier = 0, counted = 0, last_count = 0;
    bool fibers_run = false;
    void (*body)(void**) = nullptr;
    void** arguments = nullptr;
    char error[200] = "";

    ~Machine() {
        if (stacks) munmap(stacks, MAX_THREADS * STACK);
    }
};

thread_local Machine machine;

void fail(const char* what, int line) {
    if (!machine.error[0])
        snprintf(machine.error, sizeof machine.error, "%s (line %d, block %u, thread %u)", what, line, blockIdx.x,
                 threadIdx.x);
}

// Gives up this fiber's turn until the scheduler finds it ready again. After a failure it never gets another.
void yield(State state, int line) {
    Fiber& self = machine.fibers[machine.current];
    self.state = state;
    self.line = line;
    switch_to(self.context, machine.scheduler);
}

void enter() {
    machine.body(machine.arguments);
    yield(State::DONE, 0);
    abort();  // a finished fiber is never resumed
}

void warp_wait(int line) {
    const uint32_t warp = machine.current / WARP;
    Warp& w = machine.warps[warp];
    Fiber* lanes = &machine.fibers[warp * WARP];
    if (++w.waiting < WARP) {
        yield(State::AT_WARP_BARRIER, line);
        return;
    }
    w.waiting = 0;
    for (uint32_t lane = 0; lane < WARP; lane++) {
        if (&lanes[lane] == &machine.fibers[machine.current]) continue;
        if (lanes[lane].line != line) fail("lanes of a warp meet at different instructions", line);
        lanes[lane].state = State::READY;
    }
}

void run_block() {
    memset(machine.shared, POISON, sizeof machine.shared);
    const uint32_t threads = blockDim.x;
    if (!machine.fibers_run) {
        for (uint32_t t = 0; t < threads && !machine.error[0]; t++) {
            threadIdx = {t, 0, 0};
            machine.fibers[0].shared_used = 0;
            machine.body(machine.arguments);
        }
        return;
    }
    machine.at_barrier = machine.counted = 0;
    for (Warp& w : machine.warps) w.waiting = 0;
    for (uint32_t t = 0; t < threads; t++) {
        Fiber& f = machine.fibers[t];
        f.state = State::READY;
        f.shared_used = 0;
        prepare(f.context, machine.stacks + t * STACK, STACK, enter);
    }
    uint32_t done = 0;
    for (bool backwards = blockIdx.x & 1;; backwards = !backwards) {
        bool progress = false;
        for (uint32_t k = 0; k < threads; k++) {
            const uint32_t t = backwards ? threads - 1 - k : k;
            if (machine.fibers[t].state != State::READY) continue;
            progress = true;
            machine.current = t;
            threadIdx = {t, 0, 0};
            switch_to(machine.scheduler, machine.fibers[t].context);
            done += machine.fibers[t].state == State::DONE;
            if (machine.error[0]) return;
        }
        if (done == threads) return;
        if (!progress) {
            fail("a barrier that not all threads reach", machine.fibers[machine.current].line);
            return;
        }
    }
}

template <class... Parameters, size_t... I>
void spread(void (*kernel)(Parameters...), void** arguments, std::index_sequence<I...>) {
    kernel(*static_cast<Parameters*>(arguments[I])...);
}

template <class... Parameters>
void call(void (*kernel)(Parameters...), void** arguments) {
    spread(kernel, arguments, std::index_sequence_for<Parameters...>{});
}

template <class... Parameters>
constexpr size_t bytes(void (*)(Parameters...)) {
    return (sizeof(Parameters) + ... + 0);
}

template <class... Parameters>
constexpr size_t count(void (*)(Parameters...)) {
    return sizeof...(Parameters);
}

template <class... Parameters>
const size_t* sizes(void (*)(Parameters...)) {
    static const size_t all[] = {sizeof(Parameters)...};
    return all;
}

struct Kernel {
    const char* name;
    void (*body)(void**);
    size_t parameters, parameter_bytes;
    // Of each parameter.
    const size_t* sizes;
    bool fibers;
};

#define PLAIN(kernel) {#kernel, [](void** a) { call(kernel, a); }, count(kernel), bytes(kernel), sizes(kernel), false}
#define FIBERS(kernel) {#kernel, [](void** a) { call(kernel, a); }, count(kernel), bytes(kernel), sizes(kernel), true}
// FIBERS: kernels with barriers or warp exchanges. A plain one that meets a barrier fails.
const Kernel KERNELS[] = {
#include "kernels.inc"
};

}  // namespace

void* shared(size_t size) {
    Fiber& self = machine.fibers[machine.fibers_run ? machine.current : 0];
    const size_t at = self.shared_used;
    self.shared_used = at + ((size + 15) & ~size_t(15));
    if (self.shared_used > SHARED_LIMIT) {
        fprintf(stderr, "kernel wants %zu bytes of shared memory\n", self.shared_used);
        abort();
    }
    return machine.shared + at;
}

uint32_t block_barrier(int line, bool predicate) {
    if (!machine.fibers_run) {
        fail("a barrier in a kernel declared without", line);
        return 0;
    }
    machine.counted += predicate;
    if (++machine.at_barrier < blockDim.x) {
        yield(State::AT_BLOCK_BARRIER, line);
        return machine.last_count;
    }
    machine.last_count = machine.counted;
    machine.at_barrier = machine.counted = 0;
    for (uint32_t t = 0; t < blockDim.x; t++) {
        Fiber& f = machine.fibers[t];
        if (t == machine.current) continue;
        if (f.line != line) fail("threads of a block meet at different barriers", line);
        f.state = State::READY;
    }
    return machine.last_count;
}

const uint32_t* warp_exchange(int line, uint32_t value) {
    static const uint32_t none[32] = {};
    if (!machine.fibers_run) {
        fail("a warp exchange in a kernel declared without", line);
        return none;
    }
    Warp& warp = machine.warps[machine.current / WARP];
    warp.values[machine.current % WARP] = value;
    warp_wait(line);
    return warp.values;
}

void warp_done(int line) {
    if (machine.fibers_run) warp_wait(line);
}

}  // namespace emulation

using namespace emulation;

// Index of a kernel, or -1.
extern "C" int emulation_find(const char* name) {
    int i = 0;
    for (const Kernel& k : KERNELS) {
        if (!strcmp(k.name, name)) return i;
        i++;
    }
    return -1;
}

// Runs a kernel on a grid of `grid_x` by `grid_y` blocks. Arguments are pointers to values, `sizes` their sizes. Returns
// null, or what went wrong; the text lives until the next launch of this thread.
extern "C" const char* emulation_launch(int index, uint32_t grid_x, uint32_t grid_y, uint32_t block, void** arguments,
                                        size_t count, size_t bytes) {
    const Kernel& kernel = KERNELS[index];
    machine.error[0] = 0;
    if (!machine.stacks) {
        void* all = mmap(nullptr, MAX_THREADS * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                         -1, 0);
        if (all == MAP_FAILED) return "no memory for the stacks of fibers";
        machine.stacks = static_cast<char*>(all);
    }
    if (count != kernel.parameters || bytes != kernel.parameter_bytes) return "arguments do not fit the kernel";
    if (block == 0 || block % WARP || block > MAX_THREADS) return "a block is 1 to 32 whole warps";
    if (grid_x == 0 || grid_x > 0x7fffffff || grid_y == 0 || grid_y > 65535) return "a grid of impossible shape";
    machine.body = kernel.body;
    machine.arguments = arguments;
    machine.fibers_run = kernel.fibers;
    blockDim = {block, 1, 1};
    gridDim = {grid_x, grid_y, 1};
    for (uint32_t y = 0; y < grid_y; y++) {
        for (uint32_t x = 0; x < grid_x; x++) {
            blockIdx = {x, y, 0};
            run_block();
            if (machine.error[0]) return machine.error;
        }
    }
    return nullptr;
}
