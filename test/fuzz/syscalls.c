/*
 * Random system calls for SECONDS, from PROCESSES workers of THREADS threads each: syscalls SEED SECONDS THREADS PROCESSES DIRECTORY.
 *
 * Workers die all the time and are made again. In the end nothing is left: no process, mount, System V object or file. Never to be
 * run outside a sandbox.
 */
#include "fuzz.h"
#include <dirent.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>

#define MAX_WORKERS 64
#define FIRST_UID 20000
/* A worker ends by itself, or is killed. */
#define LIFE_MS 1200
#define KILL_MS 2500
#define NUDGE_NS 2000000

struct shared *shared;
struct fuzz threads[MAX_THREADS];
int thread_count;
uint8_t *arena, *read_only_page, *forbidden_page;

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void need(int is_so, const char *what) {
  if (is_so) return;
  fprintf(stderr, "fuzz: %s: %s\n", what, strerror(errno));
  exit(1);
}

static uint8_t *map(size_t length, int prot) {
  uint8_t *at = mmap(NULL, length, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  need(at != MAP_FAILED, "mmap");
  return at;
}

static int ended;

static void on_nudge(int signal) { (void)signal; }

static void unblock_nudge(void) {
  uint64_t nudge = 1ULL << (SIGUSR1 - 1);
  raw(SYS_rt_sigprocmask, SIG_UNBLOCK, (uint64_t)&nudge, 0, 8, 0, 0);
}

static void *thread_main(void *arg) {
  struct fuzz *f = arg;
  f->tid = (pid_t)syscall(SYS_gettid);
  int64_t end = now_ms() + 200 + below(f, LIFE_MS - 200);
  for (int i = 0; !shared->is_over && (i % 64 != 0 || now_ms() < end); i++) {
    f->used = 0;
    if (one_in(f, 500)) one_fork(f);
    else if (one_in(f, 2000)) one_exec(f);
    else one_call(f);
    if (i % 16 == 0) unblock_nudge();
  }
  __atomic_fetch_add(&ended, 1, __ATOMIC_RELAXED);
  return NULL;
}

static void prepare_threads(uint64_t seed, int count, int is_root) {
  thread_count = count;
  arena = map(ARENA_SIZE, PROT_READ | PROT_WRITE);
  read_only_page = map(PAGE, PROT_READ);
  forbidden_page = map(PAGE, PROT_NONE);
  for (int i = 0; i < count; i++) {
    uint8_t *at = map(SCRATCH_SIZE + PAGE, PROT_READ | PROT_WRITE);
    mprotect(at + SCRATCH_SIZE, PAGE, PROT_NONE);
    threads[i] = (struct fuzz){.state = (seed + (uint64_t)i * 7919 + 1) * 0x9e3779b97f4a7c15ULL | 1, .scratch = at, .is_root = is_root};
  }
}

static void set_limit(int resource, rlim_t value) {
  struct rlimit limit = {value, value};
  setrlimit(resource, &limit);
}

/* Calls that block are interrupted, as long as the worker has not blocked that. */
static void nudge_until(int64_t end) {
  uint64_t seen[MAX_THREADS] = {0};
  while (now_ms() < end && !shared->is_over && ended < thread_count) {
    struct timespec pause = {0, NUDGE_NS};
    nanosleep(&pause, NULL);
    for (int i = 0; i < thread_count; i++) {
      if (threads[i].calls == seen[i] && threads[i].tid != 0) raw(SYS_tgkill, getpid(), threads[i].tid, SIGUSR1, 0, 0, 0);
      seen[i] = threads[i].calls;
    }
  }
}

static void keep_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  /* With the last of them prlimit(2) could end the others by a limit on their time. */
  const uint64_t dropped =
      1ULL << CAP_KILL | 1ULL << CAP_SETUID | 1ULL << CAP_SYS_PTRACE | 1ULL << CAP_SYS_BOOT | 1ULL << CAP_SYS_RESOURCE;
  syscall(SYS_capget, &header, data);
  data[0].permitted &= ~(uint32_t)dropped;
  data[0].effective = data[0].permitted;
  data[1].effective = data[1].permitted;
  if (syscall(SYS_capset, &header, data) != 0) _exit(6);
}

static void worker(uint64_t seed, int count, int index, int nothing) {
  /* What is written to any number must not be seen outside. */
  for (int fd = 0; fd < 3; fd++) dup2(nothing, fd);
  close(nothing);
  /* Some may do what root may, but for what would hurt the others by right. */
  int is_root = seed % 4 == 0;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setsid();
  char name[32];
  snprintf(name, sizeof name, "w%d", index);
  mkdir(name, 0777);
  if (chdir(name) != 0) _exit(2);
  unlink("exe");
  if (link("../exe", "exe") != 0 && errno != EEXIST) _exit(3);
  chown(".", FIRST_UID + index, FIRST_UID + index);
  /* A path may begin in the middle of another one, at its last slash: what root makes of that mount is for itself. */
  if (is_root && (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)) _exit(7);
  if (is_root) prctl(PR_SET_KEEPCAPS, 1);
  if (setresgid(FIRST_UID + index, FIRST_UID + index, FIRST_UID + index) != 0) _exit(4);
  if (setresuid(FIRST_UID + index, FIRST_UID + index, FIRST_UID + index) != 0) _exit(5);
  if (is_root) keep_capabilities();
  set_limit(RLIMIT_AS, 512 << 20);
  set_limit(RLIMIT_FSIZE, 8 << 20);
  set_limit(RLIMIT_NPROC, 40);
  set_limit(RLIMIT_NOFILE, 256);
  prepare_threads(seed, count, is_root);
  open_descriptors(&threads[0]);
  struct sigaction nudge = {.sa_handler = on_nudge};
  sigaction(SIGUSR1, &nudge, NULL);
  int ignored[] = {SIGPIPE, SIGXFSZ, SIGALRM, SIGUSR2, SIGHUP, SIGTTIN, SIGTTOU, SIGIO};
  for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) signal(ignored[i], SIG_IGN);
  pthread_t ids[MAX_THREADS];
  for (int i = 0; i < count; i++) pthread_create(&ids[i], NULL, thread_main, &threads[i]);
  nudge_until(now_ms() + LIFE_MS);
  raw(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

struct work {
  pid_t pid;
  int64_t since;
};
static struct work works[MAX_WORKERS];

static int is_worker(pid_t pid) {
  for (int i = 0; i < MAX_WORKERS; i++) if (works[i].pid == pid) return 1;
  return 0;
}

/* Kills children that are no workers: what dead workers have left behind comes to us, for we are its subreaper. */
static int kill_orphans(int is_everyone) {
  int found = 0;
  DIR *proc = opendir("/proc");
  need(proc != NULL, "/proc");
  for (struct dirent *e; (e = readdir(proc)) != NULL;) {
    char path[300], text[512];
    pid_t pid = atoi(e->d_name);
    if (pid <= 1 || pid == getpid()) continue;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (n <= 0) continue;
    text[n] = 0;
    char *end = strrchr(text, ')');
    if (end == NULL || atoi(end + 4) != getpid()) continue;
    if (!is_everyone && is_worker(pid)) continue;
    found++;
    kill(pid, SIGKILL);
  }
  closedir(proc);
  return found;
}

static void reap(void) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    for (int i = 0; i < MAX_WORKERS; i++) if (works[i].pid == pid) works[i].pid = 0;
  }
}

static void supervise(uint64_t seed, int seconds, int count, int processes) {
  int64_t end = now_ms() + seconds * 1000LL;
  /* Once, before a worker can change its mode. */
  int nothing = open("/dev/null", O_RDWR);
  need(nothing >= 0, "/dev/null");
  for (int round = 0; now_ms() < end; round++) {
    reap();
    /* Root may have changed what is above its own directory, too. */
    chmod(".", 0777);
    for (int i = 0; i < processes; i++) {
      if (works[i].pid != 0 && now_ms() - works[i].since > KILL_MS) kill(works[i].pid, SIGKILL);
      if (works[i].pid != 0) continue;
      uint64_t own = seed * 1000003 + shared->workers++;
      pid_t pid = fork();
      if (pid == 0) worker(own, count, i, nothing);
      if (pid > 0) works[i] = (struct work){pid, now_ms()};
    }
    if (round % 50 == 0) kill_orphans(0);
    usleep(10000);
  }
  shared->is_over = 1;
  /* Killing a parent gives us its children. */
  for (int64_t last = now_ms() + 20000; kill_orphans(1) > 0;) {
    need(now_ms() < last, "what was killed has not ended");
    reap();
    usleep(2000);
  }
  reap();
}

/* All there are, in every table: identifiers are not in a row, so they are asked for by index. */
static void remove_ipc(void) {
  struct shminfo info;
  struct shmid_ds segment;
  struct semid_ds set;
  struct msqid_ds queue;
  union {
    int value;
    void *at;
  } arg = {.at = &info};
  for (int last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&info), i = 0; i <= last; i++) shmctl(shmctl(i, SHM_STAT, &segment), IPC_RMID, NULL);
  for (int last = semctl(0, 0, SEM_INFO, arg), i = 0; i <= last; i++) {
    arg.at = &set;
    semctl(semctl(i, 0, SEM_STAT, arg), 0, IPC_RMID);
  }
  for (int last = msgctl(0, MSG_INFO, (struct msqid_ds *)(void *)&info), i = 0; i <= last; i++) msgctl(msgctl(i, MSG_STAT, &queue), IPC_RMID, NULL);
}

/* Mounts have rising numbers: unmounts those above `last`, the newest first, and gives the highest number there is. */
static int unmount_after(int last) {
  static char line[16384], target[8192], newest[8192];
  for (int round = 0;; round++) {
    int highest = 0;
    FILE *mounts = fopen("/proc/self/mountinfo", "r");
    need(mounts != NULL, "/proc/self/mountinfo");
    while (fgets(line, sizeof line, mounts)) {
      int id;
      if (sscanf(line, "%d %*d %*s %*s %8191s", &id, target) != 2 || id <= highest) continue;
      highest = id;
      strcpy(newest, target);
    }
    fclose(mounts);
    if (highest <= last) return highest;
    need(round < 10000 && umount2(newest, MNT_DETACH | UMOUNT_NOFOLLOW) == 0, newest);
  }
}

int main(int argc, char **argv) {
  /* What the workers exec has other arguments; it has nothing to do. */
  if (argc != 6 || strcmp(argv[0], "fuzz") != 0) return argc;
  uint64_t seed = strtoull(argv[1], NULL, 10);
  int seconds = atoi(argv[2]), count = atoi(argv[3]), processes = atoi(argv[4]);
  need(count > 0 && count <= MAX_THREADS && processes > 0 && processes <= MAX_WORKERS, "numbers");
  /* Far from everything else: what is written past an end must not get there. */
  shared = mmap((void *)0x2345678000, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  need(shared != MAP_FAILED, "mmap");
  need(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "subreaper");
  int last_mount = unmount_after(INT_MAX);
  umask(0);
  need(mkdir(argv[5], 0777) == 0 && chdir(argv[5]) == 0, argv[5]);
  char command[PATH_MAX + 64];
  snprintf(command, sizeof command, "cp /proc/%d/exe exe && chmod 755 exe", getpid());
  need(system(command) == 0, "copy of the program");
  supervise(seed, seconds, count, processes);
  remove_ipc();
  unmount_after(last_mount);
  need(chdir("/") == 0, "/");
  snprintf(command, sizeof command, "chmod -R u+rwx %s 2>/dev/null; rm -rf %s /dev/shm/fuzz", argv[5], argv[5]);
  need(system(command) == 0, "removal");
  int kinds = 0;
  for (int i = 0; i < SYSCALL_LIMIT; i++) kinds += shared->succeeded[i];
  printf("fuzz: %lu calls, %lu workers, %u forks, %d kinds succeeded\n", shared->calls, shared->workers, shared->children, kinds);
  return 0;
}
