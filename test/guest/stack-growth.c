/* Stacks that grow when they are used: the main one, MAP_GROWSDOWN, the gap to what is below, limits, frames nobody has touched. */
#include "check.h"
#include <sys/resource.h>
#include <sys/syscall.h>

static const long page = 4096;

static int deep(int pages) {
  volatile char local[4096];
  local[0] = (char)pages;
  return pages == 0 ? local[0] : deep(pages - 1) + local[0];
}

/* The mapping the address is in: how many pages it has, 0 for none. */
static long pages_at(void *addr) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[400];
  long result = 0;
  while (fgets(line, sizeof line, maps)) {
    unsigned long start, end;
    if (sscanf(line, "%lx-%lx", &start, &end) == 2 && (unsigned long)addr >= start && (unsigned long)addr < end) result = (long)(end - start) / page;
  }
  fclose(maps);
  return result;
}

static char *volatile place;
static void on_fault(int signal, siginfo_t *info, void *context) {
  (void)context;
  say("%s code %d at the place: %d", sigabbrev_np(signal), info->si_code, info->si_addr == place);
  _exit(3);
}

static void touch_below(const char *label, char *base, long distance, int prot_below) {
  pid_t pid = fork();
  if (pid == 0) {
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    NEED(sigaltstack(&stack, NULL) == 0);
    handle_info(SIGSEGV, on_fault, SA_ONSTACK);
    if (prot_below >= 0) NEED(mmap(base - (2 << 20), page, prot_below, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
    place = base - distance;
    *place = 1;
    _exit(pages_at(place) * page >= distance ? 0 : 1);
  }
  wait_and_say(label, pid);
}

int main(void) {
  say("deep: %d", deep(500) != 0x7fffffff);
  /* A frame of which no byte was touched before the kernel writes to it, by a call without a call. */
  long got, fd = open("/dev/zero", O_RDONLY);
  {
    register char *low asm("r8") = NULL;
    asm volatile(
        "mov %%rsp, %%rbx\n\tsub $1500000, %%rsp\n\tmov %%rsp, %%rsi\n\tsyscall\n\tmov %%rbx, %%rsp"
        : "=a"(got), "+r"(low)
        : "a"((long)SYS_read), "D"(fd), "d"(1000L)
        : "rbx", "rcx", "r11", "rsi", "memory");
  }
  say("read into the new frame: %ld", got);
  /* 8 MiB reserved as PROT_NONE and given up again, so that there is room below. */
  char *room = mmap(NULL, 8 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  NEED(munmap(room, 8 << 20) == 0);
  char *base = mmap(room + (6 << 20), page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
  NEED(base == room + (6 << 20));
  touch_below("next page", base, page, -1);
  touch_below("a hundred pages", base, 100 * page, -1);
  touch_below("up to the gap", base, 1 << 20, PROT_READ);
  touch_below("into the gap", base, (1 << 20) + 4 * page, PROT_READ);
  touch_below("above what nobody may use", base, (1 << 20) + 4 * page, PROT_NONE);
  touch_below("into what is below", base, (2 << 20) - page + 1, PROT_READ);
  NEED(setrlimit(RLIMIT_STACK, &(struct rlimit){1 << 20, RLIM_INFINITY}) == 0);
  touch_below("within the limit", base, (1 << 20) - page, -1);
  touch_below("beyond the limit", base, 1 << 20, -1);
  CHECK(mprotect(base, page, PROT_READ | PROT_WRITE | PROT_GROWSDOWN));
  errno = 0;
  CHECK(mmap(NULL, page, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0) == MAP_FAILED);
  /* A handler's frame needs a stack that may grow. */
  pid_t pid = fork();
  if (pid == 0) {
    NEED(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    NEED(setrlimit(RLIMIT_STACK, &(struct rlimit){300 * 1024, 300 * 1024}) == 0);
    deep(1000);
    _exit(0);
  }
  wait_and_say("lowered", pid);
  return 0;
}
