/* /proc/sysvipc, what ipcs(1) reads: a line for each object, until it is removed. */
#include "check.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

/* The line whose second column is `id`; what differs between runs (identifiers, pids, times) is left out. */
static int find_line(const char *path, int id, char *line, size_t size) {
  FILE *file = fopen(path, "r");
  NEED(file != NULL);
  int found = 0;
  while (!found && fgets(line, (int)size, file)) {
    int key, each;
    found = sscanf(line, "%d %d", &key, &each) == 2 && each == id;
  }
  fclose(file);
  return found;
}

static void say_header(const char *path) {
  char line[300];
  FILE *file = fopen(path, "r");
  NEED(file != NULL && fgets(line, sizeof line, file));
  fclose(file);
  line[strcspn(line, "\n")] = 0;
  say("[%s]", line);
}

static void say_segment(int id) {
  char line[300];
  int key, mode, attached, uid, gid, cuid, cgid, creator, last;
  long size;
  if (!find_line("/proc/sysvipc/shm", id, line, sizeof line)) {
    say("no segment");
    return;
  }
  NEED(sscanf(line, "%d %*d %o %ld %d %d %d %d %d %d %d", &key, &mode, &size, &creator, &last, &attached, &uid, &gid, &cuid, &cgid) == 10);
  say("segment: key %x mode %o size %ld creator %d last %d attached %d owner %d %d made by %d %d", key, mode, size, creator == getpid(),
      last == getpid(), attached, uid, gid, cuid, cgid);
}

static void say_set(int id) {
  char line[300];
  int key, mode, count, uid;
  long operated;
  if (!find_line("/proc/sysvipc/sem", id, line, sizeof line)) {
    say("no set");
    return;
  }
  NEED(sscanf(line, "%d %*d %o %d %d %*d %*d %*d %ld", &key, &mode, &count, &uid, &operated) == 5);
  say("set: key %x mode %o count %d owner %d operated %d", key, mode, count, uid, operated != 0);
}

static void say_queue(int id) {
  char line[300];
  int key, mode, sender, receiver;
  long bytes, messages;
  if (!find_line("/proc/sysvipc/msg", id, line, sizeof line)) {
    say("no queue");
    return;
  }
  NEED(sscanf(line, "%d %*d %o %ld %ld %d %d", &key, &mode, &bytes, &messages, &sender, &receiver) == 6);
  say("queue: key %x mode %o bytes %ld messages %ld sender %d receiver %d", key, mode, bytes, messages, sender == getpid(), receiver);
}

int main(void) {
  say_header("/proc/sysvipc/shm");
  say_header("/proc/sysvipc/sem");
  say_header("/proc/sysvipc/msg");
  int segment = shmget(IPC_PRIVATE, 5000, IPC_CREAT | 0640);
  NEED(segment >= 0);
  say_segment(segment);
  char *at = shmat(segment, NULL, 0);
  NEED(at != (void *)-1);
  say_segment(segment);
  NEED(shmctl(segment, IPC_RMID, NULL) == 0);
  say_segment(segment);
  NEED(shmdt(at) == 0);
  say_segment(segment);

  int set = semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
  say_set(set);
  struct sembuf up = {1, 1, 0};
  NEED(semop(set, &up, 1) == 0);
  say_set(set);
  NEED(semctl(set, 0, IPC_RMID) == 0);
  say_set(set);

  int queue = msgget(IPC_PRIVATE, IPC_CREAT | 0622);
  say_queue(queue);
  struct {
    long type;
    char text[7];
  } message = {4, "hello"};
  NEED(msgsnd(queue, &message, sizeof message.text, 0) == 0);
  say_queue(queue);
  NEED(msgctl(queue, IPC_RMID, NULL) == 0);
  say_queue(queue);
  return 0;
}
