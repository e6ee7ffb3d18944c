/* sigaction's flags: SA_NODEFER, SA_RESETHAND, SA_ONSTACK, SA_NOCLDSTOP, SA_NOCLDWAIT, SA_RESTART by call, SS_AUTODISARM, order of real-time signals. */
#include "check.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <pthread.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif

static volatile int depth, deepest, count, order[20], on_alternate, flags_inside;
static void nests(int signal) {
  depth++;
  if (depth > deepest) deepest = depth;
  if (depth < 3 && count++ < 5) raise(signal);
  depth--;
}
static void counts(int signal) {
  (void)signal;
  count++;
}
static void notes(int signal, siginfo_t *info, void *context) {
  (void)context;
  order[count++] = (signal - SIGRTMIN) * 10 + info->si_value.sival_int;
}
static void *stack_low;
static void looks(int signal) {
  (void)signal;
  char here;
  on_alternate = &here >= (char *)stack_low && &here < (char *)stack_low + 65536;
  stack_t now;
  sigaltstack(NULL, &now);
  flags_inside = now.ss_flags;
}

static pthread_t main_thread;
static void *pokes(void *arg) {
  for (int i = 0; i < (long)arg; i++) {
    wait_until_asleep(getpid(), getpid());
    pthread_kill(main_thread, SIGUSR1);
    sleep_ms(30);
  }
  return NULL;
}

static int pipe_fds[2], sockets[2];
static void *unblocks(void *arg) {
  wait_until_asleep(getpid(), getpid());
  count = 0;
  pthread_kill(main_thread, SIGUSR1);
  while (count == 0) sched_yield();
  wait_until_asleep(getpid(), getpid());
  NEED(write(pipe_fds[1], "x", 1) == 1);
  NEED(write(sockets[1], "x", 1) == 1);
  return arg;
}

static void restarted(const char *label, int which) {
  pthread_t t;
  char byte;
  NEED(pthread_create(&t, NULL, unblocks, NULL) == 0);
  errno = 0;
  long r = which == 0 ? read(pipe_fds[0], &byte, 1) : which == 1 ? recv(sockets[0], &byte, 1, 0) : which == 2 ? readv(pipe_fds[0], &(struct iovec){&byte, 1}, 1) : recvmsg(sockets[0], &(struct msghdr){.msg_iov = &(struct iovec){&byte, 1}, .msg_iovlen = 1}, 0);
  say("%s with SA_RESTART: %ld %s", label, r, r < 0 ? error_name(errno) : "");
  pthread_join(t, NULL);
  if (which == 0 || which == 2) read(sockets[0], &byte, 1);
  else read(pipe_fds[0], &byte, 1);
}

static void interrupted(const char *label, long (*call)(void)) {
  pthread_t t;
  NEED(pthread_create(&t, NULL, pokes, (void *)1) == 0);
  errno = 0;
  long r = call();
  say("%s: %ld %s", label, r, r < 0 ? error_name(errno) : "");
  pthread_join(t, NULL);
}

static int ep, sem, msg;
static long call_poll(void) { return poll(NULL, 0, -1); }
static long call_select(void) { return select(0, NULL, NULL, NULL, NULL); }
static long call_epoll(void) { return epoll_wait(ep, &(struct epoll_event){0}, 1, -1); }
static long call_pause(void) { return pause(); }
static long call_nanosleep(void) { return nanosleep(&(struct timespec){1000, 0}, NULL); }
static long call_sigsuspend(void) {
  sigset_t none;
  sigemptyset(&none);
  return sigsuspend(&none);
}
static long call_sem(void) { return semop(sem, &(struct sembuf){0, -1, 0}, 1); }
static long call_msg(void) { return msgrcv(msg, &(struct { long type; char text[8]; }){0}, 8, 0, 0); }
static long call_recv_timeout(void) {
  char byte;
  setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){100, 0}, sizeof(struct timeval));
  long r = recv(sockets[0], &byte, 1, 0);
  int saved = errno;
  setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0, 0}, sizeof(struct timeval));
  errno = saved;
  return r;
}
static long call_sigwait(void) {
  sigset_t other;
  sigemptyset(&other);
  sigaddset(&other, SIGUSR2);
  return sigwaitinfo(&other, NULL);
}
static long call_futex_wait(void) {
  int word = 0;
  return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &(struct timespec){1000, 0}, NULL, 0);
}

int main(void) {
  main_thread = pthread_self();
  handle(SIGUSR1, nests, SA_NODEFER);
  raise(SIGUSR1);
  say("nodefer: %d deep", deepest);
  deepest = depth = count = 0;
  handle(SIGUSR1, nests, 0);
  raise(SIGUSR1);
  say("deferred: %d deep", deepest);
  count = 0;
  handle(SIGUSR1, counts, SA_RESETHAND);
  raise(SIGUSR1);
  struct sigaction now;
  sigaction(SIGUSR1, NULL, &now);
  say("reset: count %d default %d flags %#x", count, now.sa_handler == SIG_DFL, now.sa_flags & ~0x04000000);
  stack_low = malloc(65536);
  CHECK(sigaltstack(&(stack_t){.ss_sp = stack_low, .ss_size = 65536}, NULL));
  handle(SIGUSR1, looks, SA_ONSTACK);
  raise(SIGUSR1);
  say("on alternate stack %d flags %d", on_alternate, flags_inside);
  handle(SIGUSR1, looks, 0);
  raise(SIGUSR1);
  say("on alternate stack %d flags %d", on_alternate, flags_inside);
  CHECK(sigaltstack(&(stack_t){.ss_sp = stack_low, .ss_size = 65536, .ss_flags = (int)SS_AUTODISARM}, NULL));
  handle(SIGUSR1, looks, SA_ONSTACK);
  raise(SIGUSR1);
  say("on alternate stack %d flags %#x", on_alternate, flags_inside);
  stack_t after;
  CHECK(sigaltstack(NULL, &after));
  say("after %#x", after.ss_flags);
  CHECK(sigaltstack(&(stack_t){.ss_sp = stack_low, .ss_size = 100}, NULL));
  CHECK(sigaltstack(&(stack_t){.ss_sp = stack_low, .ss_size = 65536, .ss_flags = 5}, NULL));
  CHECK(sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL));
  sigset_t block, none;
  sigfillset(&block);
  sigemptyset(&none);
  for (int i = 0; i < 4; i++) handle_info(SIGRTMIN + i, notes, 0);
  struct sigaction note = {.sa_sigaction = notes, .sa_flags = SA_SIGINFO};
  sigfillset(&note.sa_mask);
  for (int i = 0; i < 4; i++) sigaction(SIGRTMIN + i, &note, NULL);
  sigprocmask(SIG_BLOCK, &block, NULL);
  for (int i = 0; i < 3; i++)
    for (int s = 3; s >= 0; s--) sigqueue(getpid(), SIGRTMIN + s, (union sigval){.sival_int = i});
  count = 0;
  sigprocmask(SIG_SETMASK, &none, NULL);
  char text[100] = "";
  for (int i = 0; i < count; i++) sprintf(text + strlen(text), " %02d", order[i]);
  say("order%s", text);
  handle(SIGUSR1, counts, SA_RESTART);
  NEED(pipe(pipe_fds) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
  restarted("read", 0);
  restarted("recv", 1);
  restarted("readv", 2);
  restarted("recvmsg", 3);
  ep = epoll_create1(0);
  sem = semget(IPC_PRIVATE, 1, 0600);
  msg = msgget(IPC_PRIVATE, 0600);
  interrupted("poll", call_poll);
  interrupted("select", call_select);
  interrupted("epoll_wait", call_epoll);
  interrupted("pause", call_pause);
  interrupted("nanosleep", call_nanosleep);
  interrupted("sigsuspend", call_sigsuspend);
  interrupted("semop", call_sem);
  interrupted("msgrcv", call_msg);
  interrupted("recv with a timeout", call_recv_timeout);
  interrupted("sigwaitinfo", call_sigwait);
  interrupted("futex with a timeout", call_futex_wait);
  semctl(sem, 0, IPC_RMID);
  msgctl(msg, IPC_RMID, NULL);
  return 0;
}
