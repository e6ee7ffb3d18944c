/* What the parts of the launcher know of each other (see launch.c). */
#ifndef LAUNCH_H
#define LAUNCH_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

#define MAX_END_STEPS 128
/* A map of ids is written at once, and the kernel takes less than a page. */
#define MAP_SIZE 4096
#define MAX_REQUEST (1 << 17)

struct end_step {
  char *request;
  size_t length;
};

struct launch {
  /* The command line of Node. */
  char **command;
  /* The beginning of a command line that is runsc's, and how many words it has. */
  char **own;
  int own_words;
  pid_t keeper;
  unsigned long long keeper_start;
  /* How many descriptors from 3 on are the sandbox's; -1 for all. */
  int preserved;
  /* Whether nobody waits for us with a terminal. */
  int is_detached;
  /* Whether guests have the host's sockets: a user namespace would keep them from low ports. */
  int has_host_network;
  sigset_t signals;
  /* The init of the sandbox, or Node itself. */
  pid_t child;
  pid_t sentry;
  /* Where the init tells how Node ended; -1 without one. */
  int status_fd;
  int socket;
  /* The mount namespaces of the host and of the sandbox, and the host's /proc; -1 without namespaces. */
  int host_mounts, mounts, host_proc;
  /* Asked for by the sentry before it locked itself in. */
  int is_locked;
  char *reason_path;
  struct end_step at_start, at_end[MAX_END_STEPS];
  int end_steps;
};

/* launch-confine.c */
struct id_maps {
  char uids[MAP_SIZE], gids[MAP_SIZE];
};
int read_identity_maps(struct id_maps *maps);
void enter_user_namespace(const struct launch *l, int socket);
/* Learns the sentry's pid too. */
int give_user_namespace(struct launch *l, const struct id_maps *maps);
void drop_all_capabilities(void);
/* What execve(2) leaves to who is not root (capabilities(7)). */
void keep_ambient_capabilities(void);
int forbid_io_uring(void);
void scope_signals(void);

/* launch-keeper.c */
int keep(struct launch *l);
/* Removes a control group, which its last process may just be leaving: 0, also when there is none, or -errno. */
int remove_directory(const char *path);

/* launch-prepared.c */
/* Does what `verb` says if it was prepared: whether it is done. Nothing has happened otherwise, or what may happen again. */
int run_prepared(char **args, char **verb);

/* launch.c */
/* Field `number` of a /proc/PID/stat, of which `end` is the end of the second one (proc_pid_stat(5)); 0 if there is none. */
unsigned long long field_after(const char *end, int number);

#endif
