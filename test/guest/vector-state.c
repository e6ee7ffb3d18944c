/* Vector and mask registers across system calls of both ways, signal handlers that use them, fork and vfork. */
#include "check.h"

static unsigned char in[32 * 64 + 64] __attribute__((aligned(64))), out[sizeof in] __attribute__((aligned(64)));

#define YMM(n) "vmovdqu %[in_" #n "], %%ymm" #n "\n\t"
#define LOAD_Y(n) "vmovdqu " #n "*64(%[in]), %%ymm" #n "\n\t"
#define STORE_Y(n) "vmovdqu %%ymm" #n ", " #n "*64(%[out])\n\t"
#define LOAD_Z(n) "vmovdqu64 " #n "*64(%[in]), %%zmm" #n "\n\t"
#define STORE_Z(n) "vmovdqu64 %%zmm" #n ", " #n "*64(%[out])\n\t"
#define LOAD_K(n) "kmovw 2048+" #n "*2(%[in]), %%k" #n "\n\t"
#define STORE_K(n) "kmovw %%k" #n ", 2048+" #n "*2(%[out])\n\t"
#define LOW(m) m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7) m(8) m(9) m(10) m(11) m(12) m(13) m(14) m(15)
#define HIGH(m) m(16) m(17) m(18) m(19) m(20) m(21) m(22) m(23) m(24) m(25) m(26) m(27) m(28) m(29) m(30) m(31)
#define MASKS(m) m(1) m(2) m(3) m(4) m(5) m(6) m(7)

static int has_512;

/* One call with all registers set before and read after it. The number is loaded just before the instruction, or not. */
__attribute__((noinline)) static long with_avx(long nr, long a, long b) {
  long result = nr;
  __asm__ volatile(LOW(LOAD_Y) "syscall\n\t" LOW(STORE_Y)
                   : "+a"(result) : [in] "r"(in), [out] "r"(out), "D"(a), "S"(b) : "rcx", "r11", "memory");
  return result;
}
__attribute__((noinline)) static void getppid_avx(void) {
  __asm__ volatile(LOW(LOAD_Y) "mov $110, %%eax\n\tsyscall\n\t" LOW(STORE_Y)
                   : : [in] "r"(in), [out] "r"(out) : "rax", "rcx", "r11", "memory");
}
__attribute__((noinline, target("avx512f"))) static long with_512(long nr, long a, long b) {
  long result = nr;
  __asm__ volatile(LOW(LOAD_Z) HIGH(LOAD_Z) MASKS(LOAD_K) "syscall\n\t" LOW(STORE_Z) HIGH(STORE_Z) MASKS(STORE_K)
                   : "+a"(result) : [in] "r"(in), [out] "r"(out), "D"(a), "S"(b) : "rcx", "r11", "memory");
  return result;
}
__attribute__((noinline, target("avx512f"))) static void getppid_512(void) {
  __asm__ volatile(LOW(LOAD_Z) HIGH(LOAD_Z) MASKS(LOAD_K) "mov $110, %%eax\n\tsyscall\n\t" LOW(STORE_Z) HIGH(STORE_Z) MASKS(STORE_K)
                   : : [in] "r"(in), [out] "r"(out) : "rax", "rcx", "r11", "memory");
}

static int wrong(void) {
  int bytes = 0;
  for (int n = 0; n < 16; n++) bytes += memcmp(in + n * 64, out + n * 64, has_512 ? 64 : 32) != 0;
  if (has_512) bytes += memcmp(in + 1024, out + 1024, 1024) != 0 || memcmp(in + 2050, out + 2050, 14) != 0;
  return bytes;
}

static long call(long nr, long a, long b) { return has_512 ? with_512(nr, a, b) : with_avx(nr, a, b); }

static volatile int handled;
static void on_signal(int signal) {
  (void)signal;
  handled++;
  __asm__ volatile("vpxor %%ymm0, %%ymm0, %%ymm0\n\tvpcmpeqd %%ymm1, %%ymm1, %%ymm1\n\tvzeroall" : : : "memory");
}

int main(void) {
  if (!__builtin_cpu_supports("avx2")) return say("no AVX2 here"), 0;
  has_512 = __builtin_cpu_supports("avx512f");
  for (unsigned i = 0; i < sizeof in; i++) in[i] = (unsigned char)(i * 7 + i / 64);
  int bad = 0;
  for (int i = 0; i < 200; i++) {
    if (has_512) getppid_512();
    else getppid_avx();
    bad += wrong();
  }
  say("patched calls: %d", bad);
  bad = 0;
  for (int i = 0; i < 200; i++) {
    call(SYS_getppid, 0, 0);
    bad += wrong();
  }
  say("trapped calls: %d", bad);
  handle(SIGUSR1, on_signal, 0);
  bad = 0;
  for (int i = 0; i < 50; i++) {
    call(SYS_kill, getpid(), SIGUSR1);
    bad += wrong();
  }
  say("signals: %d of %d", bad, handled);
  bad = 0;
  for (int i = 0; i < 5; i++) {
    pid_t pid = (pid_t)call(SYS_fork, 0, 0);
    if (pid == 0) _exit(wrong() != 0);
    bad += wrong();
    int status;
    NEED(waitpid(pid, &status, 0) == pid);
    bad += WEXITSTATUS(status);
  }
  say("fork: %d", bad);
  return 0;
}
