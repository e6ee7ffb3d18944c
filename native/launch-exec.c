/*
 * `exec` without Node, in the forms that engines and people use: a process object in a file, or a command with some changes to the container's own
 * process. This process stands for the one inside as src/runtime/exec.ts has it: it gets the signals that are meant for that, and ends as it
 * ends. What has other flags, and what the sandbox refuses, is left to Node, which says what is wrong; nothing has run then.
 */
#define _GNU_SOURCE
#include "launch-container.h"
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a sandbox may take to answer. */
#define ANSWER_S 10
/* What a process shows that went with its container (128 + SIGKILL). */
#define EXIT_KILLED 137
#define MAX_VARIABLES 256

/* Signals that are handed on: those that ask a process for something. */
static const int forwarded[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,  SIGUSR1, SIGUSR2, SIGALRM,   SIGCONT, SIGTSTP,
                                SIGTTIN, SIGTTOU, SIGURG,  SIGWINCH, SIGIO,   SIGPWR,  SIGVTALRM, SIGXCPU, SIGXFSZ};

struct exec {
  int is_detached;
  const char *pid_file;
  const char *process;
  const char *cwd;
  const char *user;
  const char *variables[MAX_VARIABLES];
  int variable_count;
  const char *id;
  char **command;
};

/* The value of a flag that has one of these names, "--name value", "--name=value" or "-n value": whether it is that flag. `at` moves on. */
static int take_value(char ***at, const char *name, const char *brief, const char **value) {
  char *word = **at;
  const size_t length = strlen(name);
  if (strncmp(word, name, length) == 0 && word[length] == '=') {
    *value = word + length + 1;
  } else if (strcmp(word, name) == 0 || (brief != NULL && strcmp(word, brief) == 0)) {
    *value = *++*at;
  } else {
    return 0;
  }
  return 1;
}

/* Whether the words are all of the forms that this is for. */
static int understand(struct exec *e, char **words) {
  for (; *words != NULL && (*words)[0] == '-'; words++) {
    const char *variable = NULL;
    const char **const slots[] = {&e->pid_file, &e->process, &e->cwd, &e->user};
    static const char *const names[][2] = {{"--pid-file", NULL}, {"--process", "-p"}, {"--cwd", NULL}, {"--user", "-u"}};
    size_t i = 0;
    if (strcmp(*words, "--detach") == 0 || strcmp(*words, "-d") == 0) {
      e->is_detached = 1;
      continue;
    }
    if (take_value(&words, "--env", "-e", &variable)) {
      if (variable == NULL || variable[0] == '-' || e->variable_count == MAX_VARIABLES) return 0;
      e->variables[e->variable_count++] = variable;
      continue;
    }
    while (i < 4 && !take_value(&words, names[i][0], names[i][1], slots[i])) i++;
    if (i == 4 || *slots[i] == NULL || (*slots[i])[0] == '-' || (*slots[i])[0] == 0) return 0;
  }
  e->id = *words;
  if (e->id == NULL) return 0;
  e->command = words + 1;
  return (e->process == NULL) == (e->command[0] != NULL);
}

/* As JSON has it (RFC 8259). */
static void put_string(FILE *out, const char *text) {
  fputc('"', out);
  for (const unsigned char *at = (const unsigned char *)text; *at != 0; at++) {
    if (*at == '"' || *at == '\\') fprintf(out, "\\%c", *at);
    else if (*at < 0x20) fprintf(out, "\\u%04x", *at);
    else fputc(*at, out);
  }
  fputc('"', out);
}

static void put_list(FILE *out, const char *name, const char *const *texts, int count) {
  fprintf(out, ",\"%s\":[", name);
  for (int i = 0; i < count; i++) {
    if (i > 0) fputc(',', out);
    put_string(out, texts[i]);
  }
  fputc(']', out);
}

/* A user's or group's number as a field: what follows it, or NULL if it is none. */
static const char *put_id(FILE *out, const char *name, const char *digits) {
  const size_t length = strspn(digits, "0123456789");
  if (length == 0 || length > 10) return NULL;
  fprintf(out, ",\"%s\":%lu", name, strtoul(digits, NULL, 10));
  return digits + length;
}

/* UID or UID:GID: whether it is that. */
static int put_user(FILE *out, const char *user) {
  const char *rest = put_id(out, "uid", user);
  if (rest != NULL && *rest == ':') rest = put_id(out, "gid", rest + 1);
  return rest != NULL && *rest == 0;
}

/* What the sandbox is asked (src/sentry/exec-request.ts), one line; NULL when it cannot be said. */
static char *make_request(const struct exec *e) {
  char *line = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&line, &length);
  int goes_on = out != NULL;
  if (!goes_on) return NULL;
  fputs("{\"verb\":\"exec\"", out);
  if (e->process != NULL) {
    char *process = read_whole(AT_FDCWD, e->process, 0);
    goes_on = process != NULL;
    if (goes_on) {
      fputs(",\"process\":", out);
      put_string(out, process);
    }
    free(process);
  } else {
    int count = 0;
    while (e->command[count] != NULL) count++;
    put_list(out, "args", (const char *const *)e->command, count);
  }
  put_list(out, "env", e->variables, e->variable_count);
  if (e->cwd != NULL) {
    fputs(",\"cwd\":", out);
    put_string(out, e->cwd);
  }
  if (e->user != NULL) goes_on = goes_on && put_user(out, e->user);
  fputs("}\n", out);
  if (fclose(out) == 0 && goes_on) return line;
  free(line);
  return NULL;
}

/* Whether the process runs. It has our streams then. */
static int begin(struct control *c, int directory, const char *request) {
  static const int streams[] = {0, 1, 2};
  const struct timeval patience = {ANSWER_S, 0};
  if (!connect_control(c, directory)) return 0;
  setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const char *answer = send_line(c, request, streams, 3) ? receive_line(c) : NULL;
  if (answer != NULL && begins_with(answer, "{\"ok\":")) return 1;
  close(c->fd);
  return 0;
}

static void forward(const struct control *c, int signals) {
  struct signalfd_siginfo info;
  char line[64];
  if (read(signals, &info, sizeof info) != sizeof info) return;
  snprintf(line, sizeof line, "{\"signal\":%d}\n", (int)info.ssi_signo);
  send_line(c, line, NULL, 0);
}

/* To the end of the process: its exit status. */
static int stand_for(struct control *c, int signals) {
  struct pollfd polled[] = {{signals, POLLIN, 0}, {c->fd, POLLIN, 0}};
  for (;;) {
    if (!has_line(c) && poll(polled, 2, -1) < 0 && errno != EINTR) return EXIT_KILLED;
    if (polled[0].revents != 0) forward(c, signals);
    if (!has_line(c) && polled[1].revents == 0) continue;
    const char *message = receive_line(c);
    if (message == NULL) return EXIT_KILLED;
    if (begins_with(message, "{\"exit\":")) return atoi(message + strlen("{\"exit\":"));
  }
}

/* A file beside the one that is wanted, which is to be there whole or not at all; its name is the caller's to free. NULL when it cannot be. */
static char *write_beside(const char *path, pid_t pid) {
  char *beside = NULL;
  if (asprintf(&beside, "%s.%d", path, (int)getpid()) < 0) return NULL;
  FILE *file = fopen(beside, "we");
  if (file != NULL) fprintf(file, "%d", (int)pid);
  if (file != NULL && fclose(file) == 0) return beside;
  free(beside);
  return NULL;
}

/* Says who stands for the process: whether that could be. */
static int write_pid(const struct exec *e, pid_t pid) {
  if (e->pid_file == NULL) return 1;
  char *beside = write_beside(e->pid_file, pid);
  int is_written = beside != NULL && rename(beside, e->pid_file) == 0;
  free(beside);
  return is_written;
}

/* In a process of its own: says by a word that the process runs, and holds nothing of the caller's from there on. */
static _Noreturn void stand_apart(struct control *c, int directory, const char *request, int signals, int words) {
  const int kept[] = {directory, signals, words};
  setsid();
  for (int fd = 3, next; fd < 1024; fd = next + 1) {
    next = 1024;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
      if (kept[i] >= fd && kept[i] < next) next = kept[i];
    if (next > fd) close_range((unsigned)fd, next == 1024 ? ~0U : (unsigned)next - 1, 0);
  }
  if (!begin(c, directory, request)) _exit(1);
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; fd++) dup2(nothing, fd);
  close(nothing);
  close(directory);
  prctl(PR_SET_NAME, "runsc-exec", 0, 0, 0);
  if (write(words, "", 1) != 1) _exit(1);
  close(words);
  _exit(stand_for(c, signals));
}

/* Whether a process that stays behind stands for that of the container. */
static int leave_behind(const struct exec *e, struct control *c, int directory, const char *request, int signals) {
  int words[2];
  char word;
  if (pipe2(words, O_CLOEXEC) != 0) return 0;
  pid_t child = fork();
  if (child == 0) stand_apart(c, directory, request, signals, words[1]);
  close(words[1]);
  ssize_t length = -1;
  while (child > 0 && (length = read(words[0], &word, 1)) < 0 && errno == EINTR) continue;
  close(words[0]);
  if (length == 1 && write_pid(e, child)) return 1;
  if (child > 0) {
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) continue;
  }
  return 0;
}

int exec_prepared(const char *root, char **words, int *status) {
  static struct control control;
  struct exec e = {0};
  char path[4096];
  sigset_t taken, before;
  if (!understand(&e, words) || !container_path(path, sizeof path, root, e.id)) return 0;
  int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  char *request = directory < 0 ? NULL : make_request(&e);
  if (request == NULL) return 0;
  sigemptyset(&taken);
  for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++) sigaddset(&taken, forwarded[i]);
  sigprocmask(SIG_BLOCK, &taken, &before);
  int signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
  int is_done = 0;
  if (signals >= 0 && e.is_detached) {
    is_done = leave_behind(&e, &control, directory, request, signals);
  } else if (signals >= 0 && begin(&control, directory, request)) {
    is_done = write_pid(&e, getpid());
    if (is_done) *status = stand_for(&control, signals);
    close(control.fd);
  }
  free(request);
  close(directory);
  if (signals >= 0) close(signals);
  /* Node is to have them. */
  if (!is_done) sigprocmask(SIG_SETMASK, &before, NULL);
  return is_done;
}
