// The part of the CUDA driver's interface that src/cuda/driver.rs calls, on the emulation: a `libcuda.so` for tests, so that
// the very code that drives a card runs where there is none.
//
// It is as late as a driver may be. What is put into a stream runs when that stream is waited for, or an event in it, and not
// before; a copy to the card takes its data at once and places them late, but from page-locked memory it takes them late too.
// So a missing wait, or memory that is used again too early, gives wrong results. Freed memory and fresh memory hold garbage.
// A call without a current context fails.
//
// Settings, for the tests: NOVATION_FAKE_CUDA_{VERSION, CARDS, CAPABILITY, MEMORY, LAUNCHES} (the last: launches that succeed).

#include "emulate.cpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace {

enum Result {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    NOT_READY = 600,
    LAUNCH_FAILED = 719,
};

long setting(const char* name, long otherwise) {
    const char* value = getenv((std::string("NOVATION_FAKE_CUDA_") + name).c_str());
    return value ? atol(value) : otherwise;
}

struct Stream {
    std::deque<std::function<bool()>> late;
};

// Done when what was in the stream before it is.
struct Event {
    Stream* stream = nullptr;
    std::shared_ptr<bool> done;
};

std::mutex lock;
std::map<uint64_t, size_t> pieces;
std::map<uint64_t, size_t> locked;
std::set<Stream*> streams;
std::set<Event*> events;
size_t used = 0;
long contexts = 0, launches = -1;
// After a failed launch every call fails, as on a card.
bool broken = false;
thread_local bool current = false;

long capability() { return setting("CAPABILITY", 90); }
size_t capacity() { return static_cast<size_t>(setting("MEMORY", 1L << 33)); }

Result ready() {
    if (!current || contexts == 0) return INVALID_CONTEXT;
    return broken ? LAUNCH_FAILED : SUCCESS;
}

// Whether a call with this handle may be answered.
template <typename T>
Result ready(const std::set<T*>& all, void* handle) {
    if (Result r = ready()) return r;
    return all.count(static_cast<T*>(handle)) ? SUCCESS : INVALID_HANDLE;
}

// Whether `bytes` from `address` on lie in one piece.
bool inside(uint64_t address, size_t bytes, const std::map<uint64_t, size_t>& pieces = pieces) {
    auto after = pieces.upper_bound(address);
    if (after == pieces.begin()) return false;
    --after;
    return address + bytes <= after->first + after->second;
}

}  // namespace

extern "C" {

typedef uint64_t Address;

int cuDriverGetVersion(int* version) {
    *version = static_cast<int>(setting("VERSION", 13000));
    return SUCCESS;
}
int cuInit(unsigned) { return setting("CARDS", 1) ? SUCCESS : NO_DEVICE; }
int cuDeviceGetCount(int* count) {
    *count = static_cast<int>(setting("CARDS", 1));
    return SUCCESS;
}
int cuDeviceGet(int* device, int ordinal) {
    *device = ordinal;
    return ordinal < setting("CARDS", 1) ? SUCCESS : INVALID_DEVICE;
}
int cuDeviceGetName(char* name, int length, int) {
    snprintf(name, static_cast<size_t>(length), "Emulated card");
    return SUCCESS;
}
int cuDeviceGetAttribute(int* value, int attribute, int) {
    // Compute capability: 75 the major number, 76 the minor one.
    if (attribute != 75 && attribute != 76) return INVALID_VALUE;
    *value = static_cast<int>(attribute == 75 ? capability() / 10 : capability() % 10);
    return SUCCESS;
}
int cuDevicePrimaryCtxRetain(void** context, int) {
    std::lock_guard<std::mutex> guard(lock);
    if (contexts++ == 0) launches = setting("LAUNCHES", -1);
    *context = &contexts;
    return SUCCESS;
}
int cuDevicePrimaryCtxRelease_v2(int) {
    std::lock_guard<std::mutex> guard(lock);
    if (contexts == 0) return INVALID_CONTEXT;
    if (--contexts == 0) {
        // Says what was left, for the tests: the backend frees all it took.
        printf("context released: %zu bytes, %zu locked pieces, %zu streams, %zu events left\n", used, locked.size(),
               streams.size(), events.size());
        fflush(stdout);
    }
    return SUCCESS;
}
int cuCtxSetCurrent(void* context) {
    current = context == &contexts;
    return current ? SUCCESS : INVALID_CONTEXT;
}
int cuMemGetInfo_v2(size_t* free_bytes, size_t* total) {
    std::lock_guard<std::mutex> guard(lock);
    if (Result r = ready()) return r;
    *total = capacity();
    *free_bytes = capacity() - used;
    return SUCCESS;
}

int cuModuleLoadData(void** module, const void* image) {
    if (Result r = ready()) return r;
    // Machine code runs on the capability that it was made for alone; PTX is text and runs on all later ones.
    const bool machine_code = !memcmp(image, "\177ELF", 4);
    if (machine_code != (capability() == 90)) return INVALID_IMAGE;
    if (!machine_code && !strstr(static_cast<const char*>(image), ".target sm_80")) return INVALID_IMAGE;
    *module = const_cast<char*>("module");
    return SUCCESS;
}
int cuModuleUnload(void*) { return ready(); }
int cuModuleGetFunction(void** function, void*, const char* name) {
    const int index = emulation_find(name);
    if (index < 0) return NOT_FOUND;
    *function = const_cast<Kernel*>(&KERNELS[index]);
    return SUCCESS;
}

int cuMemAlloc_v2(Address* address, size_t bytes) {
    std::lock_guard<std::mutex> guard(lock);
    if (Result r = ready()) return r;
    if (bytes == 0) return INVALID_VALUE;
    if (used + bytes > capacity()) return OUT_OF_MEMORY;
    void* memory = aligned_alloc(512, (bytes + 511) & ~size_t(511));
    memset(memory, POISON, bytes);
    *address = reinterpret_cast<Address>(memory);
    pieces[*address] = bytes;
    used += bytes;
    return SUCCESS;
}
int cuMemFree_v2(Address address) {
    std::lock_guard<std::mutex> guard(lock);
    if (Result r = ready()) return r;
    auto piece = pieces.find(address);
    if (piece == pieces.end()) return INVALID_VALUE;
    memset(reinterpret_cast<void*>(address), POISON, piece->second);
    used -= piece->second;
    pieces.erase(piece);
    free(reinterpret_cast<void*>(address));
    return SUCCESS;
}

int cuStreamCreate(void** stream, unsigned) {
    std::lock_guard<std::mutex> guard(lock);
    if (Result r = ready()) return r;
    Stream* fresh = new Stream;
    streams.insert(fresh);
    *stream = fresh;
    return SUCCESS;
}
// Runs a stream until it is empty, or `until` holds.
static int run(Stream* s, const std::shared_ptr<bool>& until) {
    while (!s->late.empty() && !(until && *until)) {
        if (!s->late.front()()) broken = true;
        s->late.pop_front();
        if (broken) return LAUNCH_FAILED;
    }
    return SUCCESS;
}
int cuStreamDestroy_v2(void* stream) {
    std::lock_guard<std::mutex> guard(lock);
    Stream* s = static_cast<Stream*>(stream);
    if (!streams.erase(s)) return INVALID_HANDLE;
    // What is in it is still done.
    if (!broken) run(s, nullptr);
    delete s;
    return SUCCESS;
}
int cuStreamSynchronize(void* stream) {
    std::lock_guard<std::mutex> guard(lock);
    if (Result r = ready(streams, stream)) return r;
    return run(static_cast<Stream*>(stream), nullptr);
}

int cuEventCreate(void** event, unsigned) {
    std::lock_guard<std::mutex> guard(lock);
    if (Result r = ready()) return r;
    *event = *events.insert(new Event).first;
    return SUCCESS;
}
int cuEventDestroy_v2(void* event) {
    std::lock_guard<std::mutex> guard(lock);
    Event* e = static_cast<Event*>(event);
    if (!events.erase(e)) return INVALID_HANDLE;
    delete e;
    return SUCCESS;
}
int cuEventRecord(void* event, void* stream) {
    std::lock_guard<std::mutex> guard(lock);
    if (Result r = ready(events, event)) return r;
    if (Result r = ready(streams, stream)) return r;
    Event* e = static_cast<Event*>(event);
    Stream* s = static_cast<Stream*>(stream);
    auto done = std::make_shared<bool>(false);
    e->stream = s;
    e->done = done;
    s->late.push_back([=] { return *done = true; });
    return SUCCESS;
}
int cuEventQuery(void* event) {
    std::lock_guard<std::mutex> guard(lock);
    if (Result r = ready(events, event)) return r;
    const Event* e = static_cast<Event*>(event);
    return !e->done || *e->done ? SUCCESS : NOT_READY;
}
int cuEventSynchronize(void* event) {
    std::lock_guard<std::mutex> guard(lock);
    if (Result r = ready(events, event)) return r;
    const Event* e = static_cast<Event*>(event);
    return e->done ? run(e->stream, e->done) : SUCCESS;
}

int cuMemHostAlloc(void** memory, size_t bytes, unsigned) {
    std::lock_guard<std::mutex> guard(lock);
    if (Result r = ready()) return r;
    if (bytes == 0) return INVALID_VALUE;
    *memory = malloc(bytes);
    memset(*memory, POISON, bytes);
    locked[reinterpret_cast<uint64_t>(*memory)] = bytes;
    return SUCCESS;
}
int cuMemFreeHost(void* memory) {
    std::lock_guard<std::mutex> guard(lock);
    if (!locked.erase(reinterpret_cast<uint64_t>(memory))) return INVALID_VALUE;
    free(memory);
    return SUCCESS;
}

int cuMemsetD8Async(Address to, unsigned char value, size_t bytes, void* stream) {
    std::lock_guard<std::mutex> guard(lock);
    if (Result r = ready()) return r;
    if (!inside(to, bytes)) return INVALID_VALUE;
    static_cast<Stream*>(stream)->late.push_back([=] {
        if (!inside(to, bytes)) return false;
        memset(reinterpret_cast<void*>(to), value, bytes);
        return true;
    });
    return SUCCESS;
}
int cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t bytes, void* stream) {
    std::lock_guard<std::mutex> guard(lock);
    if (Result r = ready()) return r;
    if (!inside(to, bytes)) return INVALID_VALUE;
    const char* data = static_cast<const char*>(from);
    const uint64_t source = reinterpret_cast<uint64_t>(from);
    if (inside(source, bytes, locked)) {
        static_cast<Stream*>(stream)->late.push_back([=] {
            if (!inside(to, bytes) || !inside(source, bytes, locked)) return false;
            memcpy(reinterpret_cast<void*>(to), data, bytes);
            return true;
        });
        return SUCCESS;
    }
    std::vector<char> copy(data, data + bytes);
    static_cast<Stream*>(stream)->late.push_back([=] {
        if (!inside(to, bytes)) return false;
        memcpy(reinterpret_cast<void*>(to), copy.data(), bytes);
        return true;
    });
    return SUCCESS;
}
int cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, void* stream) {
    std::lock_guard<std::mutex> guard(lock);
    if (Result r = ready()) return r;
    if (!inside(from, bytes)) return INVALID_VALUE;
    static_cast<Stream*>(stream)->late.push_back([=] {
        if (!inside(from, bytes)) return false;
        memcpy(to, reinterpret_cast<const void*>(from), bytes);
        return true;
    });
    return SUCCESS;
}

int cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                   unsigned block_z, unsigned shared_bytes, void* stream, void** parameters, void**) {
    std::lock_guard<std::mutex> guard(lock);
    if (Result r = ready()) return r;
    if (grid_y != 1 || grid_z != 1 || block_y != 1 || block_z != 1 || shared_bytes != 0) return INVALID_VALUE;
    const Kernel* kernel = static_cast<const Kernel*>(function);
    // A driver takes the parameters at once, each by the size that the kernel declares.
    std::vector<std::vector<uint64_t>> values;
    for (size_t i = 0; i < kernel->parameters; i++) {
        values.emplace_back(8);
        memcpy(values.back().data(), parameters[i], kernel->sizes[i]);
    }
    const bool fails = launches == 0;
    if (launches > 0) launches--;
    static_cast<Stream*>(stream)->late.push_back([=]() mutable {
        if (fails) return false;
        // Structures with 16-byte alignment need it here as well.
        alignas(16) char room[32][64];
        void* pointers[32];
        for (size_t i = 0; i < values.size(); i++) pointers[i] = memcpy(room[i], values[i].data(), 64);
        const char* said = emulation_launch(static_cast<int>(kernel - KERNELS), grid_x, 1, block_x, pointers,
                                            kernel->parameters, kernel->parameter_bytes);
        if (said) fprintf(stderr, "%s: %s\n", kernel->name, said);
        return said == nullptr;
    });
    return SUCCESS;
}

int cuGetErrorName(int result, const char** name) {
    switch (result) {
        case NO_DEVICE: *name = "CUDA_ERROR_NO_DEVICE"; break;
        case INVALID_IMAGE: *name = "CUDA_ERROR_INVALID_IMAGE"; break;
        case LAUNCH_FAILED: *name = "CUDA_ERROR_LAUNCH_FAILED"; break;
        default: *name = "CUDA_ERROR"; break;
    }
    return SUCCESS;
}
int cuGetErrorString(int result, const char** text) {
    *text = result == NO_DEVICE ? "no CUDA-capable device is detected" : "emulated failure";
    return SUCCESS;
}

}  // extern "C"
