/** The verbs, each with the module that does it: loaded when it is asked for, for start-up counts. */
import type { Parsed } from './arguments.ts';

export type Verb = (globals: Parsed, args: readonly string[]) => number | Promise<number>;

export const VERBS: Readonly<Record<string, () => Promise<Verb>>> = {
  do: async () => (await import('./do.ts')).runDo,
  run: async () => (await import('./run.ts')).run,
  spec: async () => (await import('./spec.ts')).spec,
  create: async () => (await import('./create.ts')).create,
  start: async () => (await import('./start-container.ts')).start,
  state: async () => (await import('./state.ts')).state,
  kill: async () => (await import('./kill.ts')).kill,
  delete: async () => (await import('./delete.ts')).remove,
  exec: async () => (await import('./exec.ts')).exec,
  list: async () => (await import('./list.ts')).list,
  ps: async () => (await import('./ps.ts')).ps,
  pause: async () => (await import('./pause.ts')).pause,
  resume: async () => (await import('./pause.ts')).resume,
  wait: async () => (await import('./wait.ts')).wait,
  update: async () => (await import('./update.ts')).update,
  events: async () => (await import('./events.ts')).events,
  features: async () => (await import('./features.ts')).features,
  install: async () => (await import('./install.ts')).install,
  uninstall: async () => (await import('./install.ts')).uninstall,
  join: async () => (await import('./join.ts')).join,
  debug: async () => (await import('./debug.ts')).debug,
  hooks: async () => (await import('./hooks.ts')).hooks,
  doctor: async () => (await import('./doctor.ts')).runDoctor,
};
