/* F_NOTIFY of fcntl(2): signals about the entries of a directory, once or until told otherwise, with a signal of one's choice. */
#include "check.h"

static volatile int count, last;
static void on_signal(int signo) {
  last = signo;
  count++;
}

static void say_count(const char *what) {
  say("%s: %d, %s", what, count, last == 0 ? "none" : last == SIGIO ? "SIGIO" : "another");
  count = last = 0;
}

int main(void) {
  handle(SIGIO, on_signal, 0);
  handle(SIGRTMIN + 3, on_signal, 0);
  NEED(mkdir("d", 0755) == 0);
  int dir = open("d", O_RDONLY);
  int file = open("d/f", O_CREAT | O_RDWR, 0600);
  CHECK(fcntl(file, F_NOTIFY, DN_MODIFY));
  CHECK(fcntl(dir, F_NOTIFY, DN_CREATE));
  NEED(write(file, "x", 1) == 1);
  say_count("a write is not asked for");
  close(open("d/g", O_CREAT | O_WRONLY, 0600));
  say_count("made");
  close(open("d/h", O_CREAT | O_WRONLY, 0600));
  say_count("only once");
  CHECK(fcntl(dir, F_NOTIFY, DN_MODIFY | DN_DELETE | DN_ATTRIB | DN_MULTISHOT));
  CHECK(fcntl(dir, F_SETSIG, SIGRTMIN + 3));
  TRUTH(fcntl(dir, F_GETSIG) == SIGRTMIN + 3);
  NEED(write(file, "x", 1) == 1);
  say_count("written");
  NEED(fchmod(file, 0640) == 0);
  say_count("changed");
  NEED(unlink("d/g") == 0);
  say_count("removed");
  CHECK(fcntl(dir, F_NOTIFY, DN_RENAME | DN_MULTISHOT));
  NEED(rename("d/h", "d/i") == 0);
  TRUTH(count > 0);
  count = last = 0;
  CHECK(fcntl(dir, F_NOTIFY, 0));
  NEED(unlink("d/i") == 0);
  say_count("ended");
  CHECK(fcntl(dir, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
  close(dir);
  close(open("d/j", O_CREAT | O_WRONLY, 0600));
  say_count("closed");
  return 0;
}
