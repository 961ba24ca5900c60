// Fibers: the threads of a block, switched by hand on x86-64 (a few ns) and by ucontext elsewhere.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace emulation {

#if defined(__x86_64__)

// Saves the registers that a call preserves and the stack pointer in *from, and goes on where `to` was saved. The
// floating-point control words are the same for all fibers and stay.
extern "C" void emulation_switch(void** from, void* to);
__asm__(
    ".text\n.globl emulation_switch\n.hidden emulation_switch\n.type emulation_switch, @function\n"
    "emulation_switch:\n"
    "  push %rbp\n  push %rbx\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
    "  mov %rsp, (%rdi)\n"
    "  mov %rsi, %rsp\n"
    "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbx\n  pop %rbp\n"
    "  ret\n"
    ".size emulation_switch, . - emulation_switch\n");

struct Context {
    void* stack_pointer = nullptr;
};

// A context that starts `entry` on the given stack. `entry` never returns.
inline void prepare(Context& context, char* stack, size_t bytes, void (*entry)()) {
    // After `ret` takes the entry, the stack pointer must be 8 modulo 16, as after a call.
    uintptr_t top = (reinterpret_cast<uintptr_t>(stack) + bytes) & ~uintptr_t(15);
    void** at = reinterpret_cast<void**>(top) - 8;
    for (int i = 0; i < 6; i++) at[i] = nullptr;
    at[6] = reinterpret_cast<void*>(entry);
    at[7] = nullptr;
    context.stack_pointer = at;
}

inline void switch_to(Context& from, Context& to) { emulation_switch(&from.stack_pointer, to.stack_pointer); }

#else

struct Context {
    ucontext_t context;
};

inline void prepare(Context& context, char* stack, size_t bytes, void (*entry)()) {
    getcontext(&context.context);
    context.context.uc_stack.ss_sp = stack;
    context.context.uc_stack.ss_size = bytes;
    context.context.uc_link = nullptr;
    makecontext(&context.context, entry, 0);
}

inline void switch_to(Context& from, Context& to) { swapcontext(&from.context, &to.context); }

#endif

}  // namespace emulation
