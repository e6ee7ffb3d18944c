/* What cannot be C: entries without a stack, copies that may fault, ways out that restore everything. */
#include "stub-layout.h"
  .section .text.entry, "ax"
  .globl zygote_start
zygote_start:
  xor %ebp, %ebp
  mov %rsp, %rdi
  and $-16, %rsp
  call zygote_main
  ud2

/* int stub_probe_patched(void): 1 where the instructions work by which stub_patched_entry finds its thread, 0 where the first or the
   second is none: the fault handler continues at stub_probe_failed. */
  .globl stub_probe_patched, stub_probe_end, stub_probe_failed
stub_probe_patched:
  rdfsbase %rax
  rorx $12, %rax, %rax
stub_probe_end:
  mov $1, %eax
  ret
stub_probe_failed:
  xor %eax, %eax
  ret

/* long stub_syscall(nr, a, b, c, d, e, f): the one syscall instruction for C code. */
  .globl stub_syscall
stub_syscall:
  mov %rdi, %rax
  mov %rsi, %rdi
  mov %rdx, %rsi
  mov %rcx, %rdx
  mov %r8, %r10
  mov %r9, %r8
  mov 8(%rsp), %r9
  syscall
  ret

/* long stub_clone(flags, stack, ptid, ctid, cookie, start, arg): the child calls start(arg) on its stack. The cookie rides in
   the sixth argument, which clone(2) ignores and the sentry reads. */
  .globl stub_clone
stub_clone:
  mov %r9, %r11
  mov 8(%rsp), %rax
  sub $16, %rsi
  mov %r11, (%rsi)
  mov %rax, 8(%rsi)
  mov %rcx, %r10
  mov %r8, %r9
  xor %r8d, %r8d
  mov $56, %eax
  syscall
  test %rax, %rax
  jnz 1f
  xor %ebp, %ebp
  pop %rax
  pop %rdi
  call *%rax
  ud2
1: ret

/* rt_sigreturn(2): the frame's ucontext is at rsp. */
  .globl stub_sigreturn
stub_sigreturn:
  mov %rdi, %rsp
  .globl stub_restore
stub_restore:
  mov $15, %eax
  syscall
  ud2

/* Copies that may fault: the fault handler continues at stub_copy_fault. */
  .globl stub_copy, stub_copy_begin, stub_copy_end, stub_copy_fault, stub_copy_string, stub_load, stub_compare_exchange
stub_copy:
  mov %rdx, %rcx
stub_copy_begin:
  rep movsb
  xor %eax, %eax
  ret
stub_copy_string:
  xor %eax, %eax
2: cmp %rdx, %rax
  jae 3f
  movzbl (%rsi,%rax), %ecx
  movb %cl, (%rdi,%rax)
  inc %rax
  test %ecx, %ecx
  jnz 2b
  ret
3: lea 1(%rdx), %rax
  ret
/* (word): what it is, zero-extended. */
stub_load:
  mov (%rdi), %eax
  ret
/* (word, expected, next): what the word was, zero-extended. */
stub_compare_exchange:
  mov %esi, %eax
  lock cmpxchg %edx, (%rdi)
  mov %eax, %eax
  ret
stub_copy_end:
stub_copy_fault:
  mov $-1, %rax
  ret

/*
 * From a trampoline: rax = site << 32 | nr; rcx and r11 are free as after a syscall, everything else is the guest's, the
 * flags and the red zone below rsp included. The thread is found by its fs base with instructions that leave flags alone.
 * Where they are none (stub_probe_patched) the sentry patches nothing.
 */
  .section .text.patched, "ax"
stub_patched_entry:
  mov %rsp, %rcx
  rdfsbase %r11
  rorx $12, %r11, %rsp
  movzwl %sp, %esp
  rorx $61, %rsp, %rsp
  movabs $FS_TABLE, %r11
  mov (%rsp,%r11), %rsp
  xchg %rcx, %rsp
  jrcxz stub_unknown_thread
  mov (%rcx), %rcx
  rdfsbase %r11
  lea (%rcx,%r11), %rcx
  jrcxz 4f
stub_unknown_thread:
  movabs $STUB_SLOW_PAGE, %r11
  jmp *%r11
4:
  mov %rsp, %rcx
  rdfsbase %r11
  rorx $12, %r11, %rsp
  movzwl %sp, %esp
  rorx $61, %rsp, %rsp
  movabs $FS_TABLE, %r11
  mov (%rsp,%r11), %rsp
  mov %r8, 8(%rsp)
  mov %r9, 16(%rsp)
  mov %r10, 24(%rsp)
  mov %r12, 40(%rsp)
  mov %r13, 48(%rsp)
  mov %r14, 56(%rsp)
  mov %r15, 64(%rsp)
  mov %rdi, 72(%rsp)
  mov %rsi, 80(%rsp)
  mov %rbp, 88(%rsp)
  mov %rbx, 96(%rsp)
  mov %rdx, 104(%rsp)
  mov %rax, 112(%rsp)
  mov %rcx, 128(%rsp)
  mov %rsp, %rdi
  lea PATCHED_STACK_TOP(%rsp), %rsp
  pushfq
  popq 144(%rdi)
  cld
  xor %ebp, %ebp
  call stub_patched_main
  ud2

  .section .text.entry, "ax"
/* The way back: rdi = thread, rsi = result. An interrupt in here is completed by on_kick. */
  .globl stub_exit_patched, stub_exit_begin, stub_exit_end
stub_exit_patched:
  mov %rsi, %rax
stub_exit_begin:
  mov %rdi, %rcx
  mov 8(%rcx), %r8
  mov 16(%rcx), %r9
  mov 24(%rcx), %r10
  mov 40(%rcx), %r12
  mov 48(%rcx), %r13
  mov 56(%rcx), %r14
  mov 64(%rcx), %r15
  mov 72(%rcx), %rdi
  mov 80(%rcx), %rsi
  mov 88(%rcx), %rbp
  mov 96(%rcx), %rbx
  mov 104(%rcx), %rdx
  lea 152(%rcx), %rsp
  pushq 144(%rcx)
  popfq
  mov 32(%rcx), %r11
  mov 128(%rcx), %rsp
  mov 136(%rcx), %rcx
  jmp *%rcx
stub_exit_end:

/* Outside the trusted text: a thread that is not registered traps here. */
  .section .slow, "ax"
  .globl slow_syscall_end
slow_syscall:
  syscall
slow_syscall_end:
  ud2
