/* One descriptor or more of every kind, from 3 on. */
#include "fuzz.h"
#include <pty.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static void open_files(struct fuzz *f) {
  mkdir("d", 0755);
  int fd = open("a", O_RDWR | O_CREAT, 0644);
  for (int i = 0; i < 3; i++) write(fd, f->scratch, PAGE);
  open("b", O_RDWR | O_CREAT | O_APPEND, 0600);
  open("a", O_RDONLY);
  open("d", O_RDONLY | O_DIRECTORY);
  open("a", O_PATH);
  open("d", O_PATH | O_DIRECTORY);
  mkfifo("fifo", 0644);
  symlink("a", "sym");
  symlink("loop", "loop");
  symlink("nowhere", "dangling");
  int script = open("script", O_WRONLY | O_CREAT, 0755);
  write(script, "#!./exe x y\n", 12);
  close(script);
  open("fifo", O_RDWR | O_NONBLOCK);
  static const char *const names[] = {
      "/proc/self/maps", "/proc/self/status", "/proc/self/mem", "/proc/self/fd", "/proc/self/task", "/proc/self/comm",
      "/proc/self/oom_score_adj", "/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/tty", "/sys/devices/system/cpu/online",
  };
  for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (open(names[i], O_RDWR) < 0) open(names[i], O_RDONLY);
  }
}

static void open_sockets(void) {
  int pair[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair);
  socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
  socket(AF_INET, SOCK_STREAM, 0);
  socket(AF_INET, SOCK_DGRAM, 0);
  socket(AF_INET6, SOCK_STREAM, 0);
  socket(AF_NETLINK, SOCK_RAW, 0);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "sock"};
  unlink("sock");
  bind(listener, (struct sockaddr *)&address, sizeof address);
  listen(listener, 4);
  int client = socket(AF_UNIX, SOCK_STREAM, 0);
  connect(client, (struct sockaddr *)&address, sizeof address);
}

void open_descriptors(struct fuzz *f) {
  int pipes[2];
  int master, slave;
  sigset_t signals;
  open_files(f);
  pipe(pipes);
  pipe2(pipes, O_NONBLOCK);
  open_sockets();
  int epoll = epoll_create1(0);
  for (int fd = 10; fd < 40; fd += 3) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | (fd % 2 ? EPOLLET : 0), .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
  eventfd(3, 0);
  eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK);
  int timer = timerfd_create(CLOCK_MONOTONIC, 0);
  struct itimerspec soon = {{0, 5000000}, {0, 1000000}};
  timerfd_settime(timer, 0, &soon, NULL);
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR2);
  signalfd(-1, &signals, 0);
  int watcher = inotify_init1(IN_NONBLOCK);
  inotify_add_watch(watcher, "d", IN_ALL_EVENTS);
  inotify_add_watch(watcher, ".", IN_ALL_EVENTS);
  syscall(SYS_pidfd_open, getpid(), 0);
  int memory = memfd_create("fuzz", MFD_ALLOW_SEALING);
  ftruncate(memory, 3 * PAGE);
  openpty(&master, &slave, NULL, NULL, NULL);
}
