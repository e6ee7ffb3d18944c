/* Calls that go on for as long as a call can, one kind after the other: the others must have their turns in between, and SIGKILL ends them. */
#include "attack.h"
#include <linux/aio_abi.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define PIECES 1024
#define PIECE (2 << 20)
#define LONGEST (1UL << 31)
#define IOCBS 64
#define REQUESTS 20000

static struct iovec *pieces(void) {
  static struct iovec iov[PIECES];
  char *to = malloc(PIECE);
  for (int i = 0; i < PIECES; i++) iov[i] = (struct iovec){to, PIECE - 1};
  return iov;
}

/* Two gigabytes of random bytes. */
static void read_pieces(void) {
  int from = open("/dev/urandom", O_RDONLY);
  struct iovec *iov = pieces();
  while (readv(from, iov, PIECES) > 0) continue;
}

/* The same as often as one submission can have it. */
static void submit_reads(void) {
  aio_context_t context = 0;
  static struct iocb iocbs[IOCBS], *list[IOCBS];
  static struct io_event events[IOCBS];
  int from = open("/dev/urandom", O_RDONLY);
  struct iovec *iov = pieces();
  for (int i = 0; i < IOCBS; i++) {
    iocbs[i] = (struct iocb){.aio_fildes = (uint32_t)from, .aio_lio_opcode = IOCB_CMD_PREADV, .aio_buf = (uintptr_t)iov, .aio_nbytes = PIECES};
    list[i] = &iocbs[i];
  }
  if (syscall(SYS_io_setup, IOCBS, &context) != 0) return;
  while (syscall(SYS_io_submit, context, IOCBS, list) > 0) syscall(SYS_io_getevents, context, 1, IOCBS, events, NULL);
}

static int open_terminal(void) {
  int master = posix_openpt(O_RDWR | O_NOCTTY), unlock = 0;
  if (master >= 0) ioctl(master, TIOCSPTLCK, &unlock);
  return master;
}

/* A line that never ends, into a terminal that nobody reads. */
static void fill_line(void) {
  int from = open("/dev/zero", O_RDONLY), to = open_terminal();
  while (sendfile(to, from, NULL, LONGEST) > 0) continue;
}

/* A whole line, shown again for each byte that comes. */
static void reprint_line(void) {
  static char text[1 << 20];
  int to = open_terminal();
  memset(text, 'x', 4095);
  memset(text + 4095, 'R' - '@', sizeof text - 4095);
  while (write(to, text, sizeof text) > 0) continue;
}

/* Thousands of lists of all sockets, of which there are hundreds, in one message. */
static void ask_for_sockets(void) {
  struct request {
    struct nlmsghdr header;
    struct unix_diag_req body;
  };
  struct request *requests = calloc(REQUESTS, sizeof *requests);
  for (int i = 0; i < 200; i++) socket(AF_UNIX, SOCK_DGRAM, 0);
  for (int i = 0; i < REQUESTS; i++) {
    requests[i].header = (struct nlmsghdr){.nlmsg_len = sizeof *requests, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP};
    requests[i].body = (struct unix_diag_req){.sdiag_family = AF_UNIX, .udiag_states = ~0U, .udiag_show = UDIAG_SHOW_NAME};
  }
  for (;;) {
    int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
    if (fd < 0) return;
    while (write(fd, requests, REQUESTS * sizeof *requests) > 0) continue;
    close(fd);
  }
}

int main(int argc, char **argv) {
  void (*const kinds[])(void) = {read_pieces, submit_reads, fill_line, reprint_line, ask_for_sockets};
  const int count = (int)(sizeof kinds / sizeof *kinds);
  /* One kind alone, to look at it. */
  if (argc == 2) kinds[atoi(argv[1]) % count]();
  for (int i = 0;; i = (i + 1) % count) {
    pid_t pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      kinds[i]();
      _exit(1);
    }
    usleep(200000);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
  }
}
