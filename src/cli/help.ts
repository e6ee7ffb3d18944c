/** What `runsc help` prints. */

const GLOBALS = `Flags of every verb:
  --debug-log FILE   write the log of the kernel to FILE
  --debug            log more
  --strace           log every system call
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
  --network none         the only choice so far
  --hostname NAME        (default: tsvisor)
`,
  run: `Usage: runsc run [FLAG]... ID
Runs the container of an OCI bundle; ends with its exit status, 128 + n if signal n ended it.

  -b, --bundle DIR       where config.json is (default: .)
`,
  spec: `Usage: runsc spec [FLAG]... [COMMAND [ARGUMENT]...]
Writes a config.json to begin a bundle with.

  -b, --bundle DIR       where to write it (default: .)
  --rootless             map the container's root to the caller
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
  spec            write a config.json to begin with
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
