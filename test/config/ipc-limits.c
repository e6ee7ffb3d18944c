/* What is refused by limits that a configuration has set: msgmax 100, msgmni 2, sem "10 100 5 3", shmmax 8192, mqueue.msg_max 4. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

static void tell(const char *what, long result) { printf("%s: %s\n", what, result < 0 ? strerror(errno) : "yes"); }

int main(void) {
  static struct { long type; char text[200]; } message = {1, ""};
  int queue = msgget(IPC_PRIVATE, 0600);
  tell("message of 100", msgsnd(queue, &message, 100, 0));
  tell("message of 101", msgsnd(queue, &message, 101, 0));
  tell("second queue", msgget(IPC_PRIVATE, 0600));
  tell("third queue", msgget(IPC_PRIVATE, 0600));
  int set = semget(IPC_PRIVATE, 10, 0600);
  tell("set of 10", set);
  tell("set of 11", semget(IPC_PRIVATE, 11, 0600));
  while (semget(IPC_PRIVATE, 10, 0600) >= 0);
  tell("fourth set", -1);
  struct sembuf operations[6] = {{0, 1, 0}, {0, 1, 0}, {0, 1, 0}, {0, 1, 0}, {0, 1, 0}, {0, 1, 0}};
  tell("5 operations", semop(set, operations, 5));
  tell("6 operations", semop(set, operations, 6));
  tell("segment of 8192", shmget(IPC_PRIVATE, 8192, 0600));
  tell("segment of 8193", shmget(IPC_PRIVATE, 8193, 0600));
  struct mq_attr attributes = {0, 4, 16, 0, {0}};
  tell("queue of 4", mq_open("/four", O_CREAT | O_RDWR, 0600, &attributes));
  attributes.mq_maxmsg = 5;
  tell("queue of 5", mq_open("/five", O_CREAT | O_RDWR, 0600, &attributes));
  mqd_t plain = mq_open("/plain", O_CREAT | O_RDWR, 0600, NULL);
  mq_getattr(plain, &attributes);
  printf("plain queue: %ld\n", attributes.mq_maxmsg);
  return 0;
}
