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

/* What the command is told: what it was to make is made; or it must do that itself. */
#define COMMAND_IS_DONE 'd'
#define COMMAND_IS_OUTSIDE 'o'

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
  /* Whether the sandbox outlives the command: who called goes on when it is made. */
  int is_detached;
  /* Where the command waits for that, and for the end of it all otherwise; -1 if it does not, any more. */
  int command_fd;
  /* Whether guests have the host's sockets: a user namespace would keep them from low ports. */
  int has_host_network;
  sigset_t signals;
  /* The init of the sandbox, or Node itself. */
  pid_t child;
  pid_t sentry;
  /* Where the init tells how Node ended; -1 without one. */
  int status_fd;
  int socket;
  /* The network namespace that the keeper has left for the container's; -1 when it has not. */
  int host_network;
  /* The directory that the command was given in. */
  int home;
  /* /dev/null */
  int nothing;
  /* The mount namespaces of the host and of the sandbox, and the host's /proc; -1 without namespaces. */
  int host_mounts, mounts, host_proc;
  /* Where the keeper hears of signals. */
  int signals_fd;
  /* Asked for by the sentry before it locked itself in. */
  int is_locked;
  /* It is to be started once more when it has ended: only its configuration told how. */
  int is_wanted_again;
  /* It is no sandbox of its own that the command makes: that is done without namespaces and a keeper. */
  int is_outside;
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

/* launch-hooks.c */
/* Runs a program of the host: its timeout in seconds, 0 for none, how many arguments and how many variables it gets, its path, these, and what it is to read.
   @returns its status as wait(2) has it, -errno when it does not run, or -ETIMEDOUT; `errors` gets the beginning of what it says */
int run_hook(struct launch *l, const char *request, const char *end, char *errors, size_t size);

/* launch-keeper.c */
#define WANTED_AGAIN -1
/* To the end of the sandbox: its exit status, or WANTED_AGAIN. */
int keep(struct launch *l);
/* In the mount namespace of the host, or in the sandbox's again. */
void enter_mounts(int mounts);
/* For a process that is to do something for the host: where the command was given, but for its directory. */
void go_home(const struct launch *l);
/* The text after this one in a request: each is followed by a zero. NULL at the end. */
const char *next_text(const char *text, const char *end);
/* Removes a control group, which its last process may just be leaving: 0, also when there is none, or -errno. */
int remove_directory(const char *path);

/* launch-prepared.c */
/* Does what `verb` says if it was prepared: whether it is done, with its exit status. Nothing has happened otherwise, or what may happen again. */
int run_prepared(char **args, char **verb, int *status);

/* launch-exec.c */
/* Runs a process in a container below `root`, by the words behind the verb. Returns as run_prepared does. */
int exec_prepared(const char *root, char **words, int *status);

/* launch.c */
/* The processes that we make from here on have clocks that are so far from ours: lines of timens_offsets (time_namespaces(7)). */
int shift_clocks(const char *offsets);
/* What the sandbox has of descriptors is its to close. */
void let_go(const struct launch *l);
/* Field `number` of a /proc/PID/stat, of which `end` is the end of the second one (proc_pid_stat(5)); 0 if there is none. */
unsigned long long field_after(const char *end, int number);

#endif
