/* msgget, msgsnd, msgrcv, msgctl: order, types, truncation, full and empty queues, interruption, removal. */
#include "check.h"
#include <sys/msg.h>

struct text {
  long type;
  char bytes[9000];
};
static struct text out, in;

static int put(int id, long type, const char *bytes, int flags) {
  out.type = type;
  strcpy(out.bytes, bytes);
  return msgsnd(id, &out, strlen(bytes), flags);
}

static void take(int id, size_t size, long type, int flags) {
  memset(&in, 0, sizeof in);
  ssize_t n = msgrcv(id, &in, size, type, flags | IPC_NOWAIT);
  if (n < 0) say("  take %ld: %s", type, error_name(errno));
  else say("  take %ld: %zd of type %ld: %s", type, n, in.type, in.bytes);
}

static void on_alarm(int signo) { (void)signo; }

int main(void) {
  key_t key = 0x7b000000 | (getpid() & 0xffffff);
  CHECK(msgget(key, 0600));
  int id = msgget(key, IPC_CREAT | IPC_EXCL | 0620);
  TRUTH(id >= 0 && msgget(key, 0600) == id);
  CHECK(msgget(key, IPC_CREAT | IPC_EXCL));
  CHECK(put(id, 0, "zero", 0));
  CHECK(put(id, -1, "negative", 0));
  CHECK(msgsnd(id, &out, 9000, 0));
  CHECK(msgsnd(id, (void *)8, 1, 0));
  CHECK(msgsnd(-1, &out, 1, 0));
  take(id, 100, 0, 0);
  CHECK(put(id, 5, "five", 0));
  CHECK(put(id, 3, "three", 0));
  CHECK(put(id, 3, "three again", 0));
  CHECK(put(id, 9, "", 0));
  CHECK(put(id, 1, "one", 0));
  struct msqid_ds ds;
  CHECK(msgctl(id, IPC_STAT, &ds));
  say("mode %o messages %ld bytes %ld max %ld", ds.msg_perm.mode, (long)ds.msg_qnum, (long)ds.__msg_cbytes, (long)ds.msg_qbytes);
  TRUTH(ds.msg_lspid == getpid() && ds.msg_lrpid == 0 && ds.msg_stime != 0 && ds.msg_rtime == 0);
  /* Copies stay: the type is a place. */
  take(id, 100, 0, MSG_COPY);
  take(id, 100, 4, MSG_COPY);
  take(id, 100, 5, MSG_COPY);
  take(id, 100, -1, MSG_COPY);
  take(id, 2, 1, MSG_COPY);
  take(id, 2, 1, MSG_COPY | MSG_NOERROR);
  take(id, 100, 1, MSG_COPY | MSG_EXCEPT);
  CHECK(msgrcv(id, &in, 100, 0, MSG_COPY));
  take(id, 100, 3, 0);
  take(id, 2, 3, 0);
  take(id, 2, 3, MSG_NOERROR);
  take(id, 100, 7, 0);
  take(id, 100, -4, 0);
  take(id, 100, 5, MSG_EXCEPT);
  take(id, 100, 0, 0);
  take(id, 100, 0, 0);
  CHECK(msgrcv(id, &in, -1, 0, IPC_NOWAIT));

  /* A full queue: without waiting, then with. */
  memset(out.bytes, 'x', 8192);
  out.type = 1;
  CHECK(msgsnd(id, &out, 8192, 0));
  CHECK(msgsnd(id, &out, 8192, 0));
  CHECK(msgsnd(id, &out, 1, IPC_NOWAIT));
  CHECK(msgsnd(id, &out, 0, IPC_NOWAIT));
  pid_t pid = fork();
  if (pid == 0) {
    _exit(put(id, 2, "waited", 0) == 0 ? 0 : 1);
  }
  sleep_ms(20);
  CHECK(msgrcv(id, &in, sizeof in.bytes, 1, 0));
  wait_and_say("sender", pid);
  CHECK(msgrcv(id, &in, sizeof in.bytes, 1, 0));
  take(id, 100, 2, 0);
  take(id, 100, 0, 0);
  pid = fork();
  if (pid == 0) {
    _exit(msgrcv(id, &in, 100, 6, 0) == 7 && strcmp(in.bytes, "for you") == 0 ? 0 : 1);
  }
  sleep_ms(20);
  CHECK(put(id, 4, "for another", 0));
  CHECK(put(id, 6, "for you", 0));
  wait_and_say("receiver", pid);
  take(id, 100, 0, 0);

  handle(SIGALRM, on_alarm, SA_RESTART);
  struct itimerspec once = {{0, 50000000}, {0, 20000000}};
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
  timer_t timer;
  NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &once, NULL) == 0);
  CHECK(msgrcv(id, &in, 100, 0, 0));
  NEED(timer_delete(timer) == 0);

  ds.msg_perm.mode = 0600;
  ds.msg_qbytes = 10;
  CHECK(msgctl(id, IPC_SET, &ds));
  CHECK(put(id, 1, "eleven byte", IPC_NOWAIT));
  CHECK(put(id, 1, "ten bytes!", IPC_NOWAIT));
  CHECK(msgctl(id, 77, &ds));
  pid = fork();
  if (pid == 0) {
    _exit(msgrcv(id, &in, 100, 3, 0) == -1 && errno == EIDRM ? 0 : 1);
  }
  sleep_ms(20);
  CHECK(msgctl(id, IPC_RMID, NULL));
  wait_and_say("bereft", pid);
  CHECK(msgctl(id, IPC_STAT, &ds));
  CHECK(put(id, 1, "x", 0));
  return 0;
}
