/* The initial stack: argc, argv, environment and auxiliary vector entries are there and agree with the program. */
#include "check.h"
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

extern char **environ;
extern char __executable_start, _end;
extern void _start(void);

int main(int argc, char **argv) {
  say("argc %d, argv ends %d, environment follows %d", argc, argv[argc] == NULL, environ == argv + argc + 1);
  TRUTH(((uintptr_t)&argv[0] - 8) % 16 == 0);
  char **p = environ;
  while (*p) p++;
  ElfW(auxv_t) *aux = (void *)(p + 1);
  int has[64] = {0};
  for (; aux->a_type != AT_NULL; aux++)
    if (aux->a_type < 64) has[aux->a_type]++;
  static const int wanted[] = {AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY, AT_UID, AT_EUID, AT_GID,
                               AT_EGID, AT_PLATFORM, AT_HWCAP, AT_CLKTCK, AT_SECURE, AT_RANDOM, AT_HWCAP2, AT_EXECFN, AT_SYSINFO_EHDR};
  for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0]; i++) say("type %d: %d", wanted[i], has[wanted[i]]);
  say("page %ld clock %ld secure %ld base %ld flags %ld", getauxval(AT_PAGESZ), getauxval(AT_CLKTCK), getauxval(AT_SECURE),
      getauxval(AT_BASE), getauxval(AT_FLAGS));
  TRUTH(getauxval(AT_ENTRY) == (uintptr_t)_start);
  TRUTH(getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid() && getauxval(AT_GID) == getgid() && getauxval(AT_EGID) == getegid());
  ElfW(Phdr) *headers = (void *)getauxval(AT_PHDR);
  TRUTH(getauxval(AT_PHENT) == sizeof *headers);
  int loads = 0;
  for (unsigned i = 0; i < getauxval(AT_PHNUM); i++) loads += headers[i].p_type == PT_LOAD;
  say("headers %ld loads %d", getauxval(AT_PHNUM), loads);
  say("platform %s", (char *)getauxval(AT_PLATFORM));
  TRUTH(strcmp((char *)getauxval(AT_EXECFN), argv[0]) == 0);
  unsigned char *random = (void *)getauxval(AT_RANDOM);
  int zeros = 0;
  for (int i = 0; i < 16; i++) zeros += random[i] == 0;
  TRUTH(zeros < 8);
  ElfW(Ehdr) *vdso = (void *)getauxval(AT_SYSINFO_EHDR);
  TRUTH(memcmp(vdso->e_ident, ELFMAG, SELFMAG) == 0 && vdso->e_machine == EM_X86_64);
  char link[4096] = "", real[4096] = "";
  ssize_t n = readlink("/proc/self/exe", link, sizeof link - 1);
  NEED(realpath(argv[0], real) != NULL);
  TRUTH(n > 0 && strcmp(link, real) == 0);
  /* The stack lies above everything else and can grow by megabytes. */
  volatile char *low = (char *)&argc - (4 << 20);
  *low = 1;
  say("stack grew: %d", *low);
  TRUTH((uintptr_t)&argc > (uintptr_t)&_end && (uintptr_t)&argc < 1UL << 47);
  char buffer[4096];
  int fd = open("/proc/self/cmdline", O_RDONLY);
  n = read(fd, buffer, sizeof buffer);
  TRUTH(n == (ssize_t)strlen(argv[0]) + 1 && memcmp(buffer, argv[0], n) == 0);
  fd = open("/proc/self/auxv", O_RDONLY);
  n = read(fd, buffer, sizeof buffer);
  TRUTH(n > 0 && n % 16 == 0 && n >= 16 * 19);
  return 0;
}
