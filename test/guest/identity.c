/* Small system queries: uname shape, sysinfo, getrandom, affinity, personality, scheduling, hostname, getcpu. */
#include "check.h"
#include <sys/personality.h>
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/resource.h>

int main(void) {
  struct utsname u;
  CHECK(uname(&u));
  int major = 0, minor = 0;
  say("%s %s parsed %d", u.sysname, u.machine, sscanf(u.release, "%d.%d", &major, &minor));
  TRUTH(major >= 4 && strlen(u.version) > 0 && strlen(u.nodename) > 0);
  CHECK(uname((void *)8));
  char host[65] = "";
  CHECK(gethostname(host, sizeof host));
  TRUTH(strcmp(host, u.nodename) == 0);
  struct sysinfo s;
  CHECK(sysinfo(&s));
  TRUTH(s.uptime > 0 && s.totalram > 0 && s.freeram <= s.totalram && s.procs > 0 && s.mem_unit > 0);
  CHECK(sysinfo((void *)8));
  unsigned char a[64], b[64];
  CHECK(getrandom(a, 64, 0));
  CHECK(getrandom(b, 64, GRND_NONBLOCK));
  TRUTH(memcmp(a, b, 64) != 0);
  CHECK(getrandom(a, 0, 0));
  CHECK(getrandom(a, 16, 0x40));
  CHECK(getrandom(a, 16, GRND_RANDOM | GRND_INSECURE));
  CHECK(getrandom((void *)8, 16, 0));
  CHECK(getentropy(a, 256));
  CHECK(getentropy(a, 257));
  static unsigned char big[1 << 20];
  CHECK(getrandom(big, sizeof big, 0));
  int histogram[256] = {0}, low = 0;
  for (unsigned i = 0; i < sizeof big; i++) histogram[big[i]]++;
  for (int i = 0; i < 256; i++) low += histogram[i] < 3500 || histogram[i] > 4700;
  say("odd byte counts %d", low);
  cpu_set_t set;
  TRUTH(sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) >= 1);
  CHECK(sched_getaffinity(1 << 22, sizeof set, &set));
  CHECK(syscall(SYS_sched_getaffinity, 0, 1, &set));
  CHECK(syscall(SYS_sched_getaffinity, 0, 128, 8));
  CHECK(sched_setaffinity(0, sizeof set, &set));
  CPU_ZERO(&set);
  CHECK(sched_setaffinity(0, sizeof set, &set));
  CHECK(personality(0xffffffff));
  CHECK(personality(ADDR_NO_RANDOMIZE));
  CHECK(personality(0xffffffff));
  CHECK(personality(0));
  CHECK(sched_yield());
  CHECK(sched_getscheduler(0));
  struct sched_param param = {0};
  CHECK(sched_getparam(0, &param));
  CHECK(sched_setscheduler(0, SCHED_OTHER, &param));
  CHECK(sched_setscheduler(0, SCHED_BATCH, &param));
  CHECK(sched_getscheduler(0));
  CHECK(sched_setscheduler(0, 99, &param));
  param.sched_priority = 5;
  CHECK(sched_setscheduler(0, SCHED_OTHER, &param));
  CHECK(sched_getscheduler(1 << 22));
  CHECK(sched_getscheduler(-1));
  CHECK(sched_get_priority_max(SCHED_FIFO));
  CHECK(sched_get_priority_min(SCHED_FIFO));
  CHECK(sched_get_priority_max(SCHED_OTHER));
  CHECK(sched_get_priority_max(99));
  struct timespec interval;
  CHECK(sched_rr_get_interval(0, &interval));
  TRUTH(sysconf(_SC_NPROCESSORS_ONLN) >= 1 && sysconf(_SC_PHYS_PAGES) > 0);
  CHECK(sysconf(_SC_PAGESIZE));
  return 0;
}
