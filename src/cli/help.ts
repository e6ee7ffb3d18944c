/** What `runsc help` prints. */

const GLOBALS = `Flags before the verb:
  --root DIR         where containers are kept (default: /run/runsc or $XDG_RUNTIME_DIR/runsc)
  --log FILE, --log-format text|json
                     write warnings and errors there
Flags of every verb:
  --debug-log FILE   write the log of the kernel to FILE
  --debug            log more
  --strace           log every system call
  --strace-syscalls CALL,...
                     log these only
  -h, --help         this text
`;

const VERBS: Readonly<Record<string, string>> = {
  do: `Usage: runsc do [FLAG]... COMMAND [ARGUMENT]...
Runs a command in a new sandbox; ends with its exit status, 128 + n if signal n ended it.

  --root DIR             the guest's root directory (default: /)
  --cwd DIR              working directory in the guest
  -v, --volume S:D[:ro]  show the host's S at D
  -e, --env NAME=VALUE   set a variable; the others are the caller's
  --uid N, --gid N       user and group in the guest (default: the caller's)
  --network none|host    a loopback alone, or the host's sockets (default: none)
  --hostname NAME        (default: tsvisor)
`,
  run: `Usage: runsc run [FLAG]... ID
Makes a container from an OCI bundle and runs it; ends with its exit status, 128 + n if signal n ended it.

  -b, --bundle DIR       where config.json is (default: .)
  -d, --detach           return when it runs
  --pid-file FILE        write the host's pid that stands for it to FILE
  --console-socket PATH  send its terminal there
  --preserve-fds N       hand on N descriptors from 3
`,
  create: `Usage: runsc create [FLAG]... ID
Makes a container from an OCI bundle, for start to run. Its streams are those of this command.

  -b, --bundle DIR       where config.json is (default: .)
  --pid-file FILE        write the host's pid that stands for it to FILE
  --console-socket PATH  send its terminal there
  --preserve-fds N       hand on N descriptors from 3
`,
  start: `Usage: runsc start ID
Runs the program of a container that was created.
`,
  state: `Usage: runsc state ID
Prints what the container is doing, as JSON.
`,
  kill: `Usage: runsc kill [--all] ID [SIGNAL]
Sends a signal (default: TERM) to the container's first process, with --all to every one.
`,
  delete: `Usage: runsc delete [--force] ID...
Removes containers that have stopped; with --force they are ended first, and need not be there.
`,
  exec: `Usage: runsc exec [FLAG]... ID COMMAND [ARGUMENT]...
Runs another process in a container; ends with its exit status, 128 + n if signal n ended it.

  -p, --process FILE     the whole process, as in config.json
  -e, --env NAME=VALUE   set a variable
  --cwd DIR              working directory in the container
  -u, --user UID[:GID]   who it runs as
  -g, --additional-gids N, -c, --cap NAME, --no-new-privs
  -t, --tty              with a terminal
  -d, --detach           return when it runs
  --pid-file FILE        write the host's pid that stands for it to FILE
  --console-socket PATH  send its terminal there
  --preserve-fds N       hand on N descriptors from 3
`,
  list: `Usage: runsc list [--format table|json] [--quiet]
Shows the containers under --root.
`,
  ps: `Usage: runsc ps [--format table|json] ID
Shows the processes of a container; in JSON the host's pids.
`,
  pause: `Usage: runsc pause ID
Stops a container until resume.
`,
  resume: `Usage: runsc resume ID
Lets a paused container go on.
`,
  wait: `Usage: runsc wait ID
Waits until a container has stopped and prints its exit status.
`,
  update: `Usage: runsc update [--resources FILE|-] [FLAG]... ID
Sets other limits for a container: those of a resources object, or of these flags.

  --memory, --memory-reservation, --memory-swap BYTES
  --cpu-period, --cpu-quota MICROSECONDS, --cpu-share N
  --cpuset-cpus, --cpuset-mems LIST
  --pids-limit N
`,
  events: `Usage: runsc events [--stats] [--interval TIME] ID
Prints what a container uses as JSON lines, every 5s until it has stopped; with --stats once.
`,
  install: `Usage: runsc install [--config_file FILE] [--runtime NAME] [-- FLAG...]
Adds us to Docker's runtimes, with these flags before each verb; then: docker run --runtime=runsc ...

  --config_file FILE     (default: /etc/docker/daemon.json)
  --runtime NAME         (default: runsc)
  --clobber=false        leave a runtime of that name as it is
  --cgroupdriver NAME    have Docker use this driver of control groups
  --experimental         turn on Docker's experimental features
`,
  uninstall: `Usage: runsc uninstall [--config_file FILE] [--runtime NAME]
Takes us out of Docker's runtimes.
`,
  features: `Usage: runsc features
Prints what this runtime understands, as JSON (OCI runtime specification, features.md).
`,
  spec: `Usage: runsc spec [FLAG]... [COMMAND [ARGUMENT]...]
Writes a config.json to begin a bundle with.

  -b, --bundle DIR       where to write it (default: .)
  --rootless             map the container's root to the caller
`,
  debug: `Usage: runsc debug [FLAG]... ID
Looks into a sandbox that runs, or has it tell more of itself.

  --stacks               what each task is doing, and where it waits
  --ps                   its processes
  --strace all|off|CALL,...
                         log these system calls from now on: to the sandbox's debug log or, with --debug-log FILE, there
  --profile-cpu FILE     write a profile of the kernel (.cpuprofile), taken for
  --duration TIME        as in 30s (default: 1h, or until SIGINT)
  --profile-heap FILE    write what is in the kernel's heap (.heapsnapshot)
  --signal N             send a signal to the kernel's process
  --pid N                the sandbox with this process, instead of ID
`,
  doctor: `Usage: runsc doctor
Says what this host offers, what is missing and how to mend it; ends with 0 if sandboxes can run.
`,
  version: `Usage: runsc version
`,
  help: `Usage: runsc help [VERB]
`,
};

const OVERVIEW = `Usage: runsc [FLAG]... VERB ...

  do COMMAND...   run a command in a new sandbox
  run ID          run the container of an OCI bundle
  create, start, state, kill, delete, exec, list, ps, pause, resume, update, events, wait
                  the same step by step, as container engines do it
  debug ID        look into a sandbox that runs
  spec            write a config.json to begin with
  features        what engines ask a runtime
  install, uninstall
                  add us to Docker's runtimes, and take us out
  doctor          what this host offers and lacks
  version         the version
  help [VERB]     this text, or a verb's

Exit status: the command's own; 1 if runsc fails, 2 if the command line is wrong.

`;

/** The text for a verb, the overview without one; undefined if there is no such verb. */
export function helpText(verb: keyof typeof VERBS & ('do' | 'run' | 'spec' | 'doctor' | 'version' | 'help')): string;
export function helpText(verb: string | undefined): string | undefined;
export function helpText(verb: string | undefined): string | undefined {
  if (verb === undefined) return OVERVIEW + GLOBALS;
  const text = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
  return text === undefined ? undefined : `${text}\n${GLOBALS}`;
}
